//! The audit trail for people: who changed what, when and why, whether the chain is whole, and the trail as a file.
//!
//! Reading and verifying change nothing. An export is itself recorded. The trail is written by [`qd_core::audit`] alone; this feature has no
//! table of its own. [`verify_file`] checks an exported file without a database.

mod export;
mod pages;
mod verify;

use std::io::BufRead;

use qd_core::audit::{Report, Row, Trusted, Verifier};
use qd_core::gate::Access;
use qd_core::reading::Status;
use qd_core::{App, Error, Result};

pub use verify::{Outcome, Progress, Standing, Verification, run as verify_now};

use crate::web::{Feature, MenuItem};

/// The manifest.
pub const FEATURE: Feature = Feature {
    menu: Some(MenuItem { count, ..MenuItem::new("Audit", "/audit", "shield-check", 'a', 100, Access::Audit) }),
    state: |_, state| {
        state.insert(Verification::default());
        Ok(())
    },
    start: verify::start,
    ..Feature::new("audit", pages::routes)
};

/// A mark beside the menu entry when the last verification found something, could not run, or is too old.
fn count(app: &App) -> Option<(i64, Status, String)> {
    let last = app.state::<Verification>().ok()?.last()?;
    let (status, text) = match last.standing(app.now()) {
        Standing::Intact => return None,
        Standing::Broken => (Status::Crit, "the audit trail is broken"),
        Standing::Findings => (Status::Warn, "the audit trail has findings"),
        Standing::NotRun => (Status::Unknown, "the audit trail could not be verified"),
        Standing::Stale => (Status::Stale, "the verification of the audit trail is old"),
    };
    Some((1, status, text.into()))
}

/// Verifies an exported file line by line: each line must be a row exactly as exported, each row must match its hash and link to the one
/// before, and the checkpoints (whose signatures the caller has checked) must fit. A file may be a part: it may begin at a later row and end
/// before the last checkpoint; the report says so in `from` and `beyond`.
///
/// # Errors
/// [`Error::Invalid`] with the number of a line that is no row, or when there is none; [`Error::Broken`] when reading fails. A broken chain is no error: the report
/// names its first break.
pub fn verify_file(lines: impl BufRead, checkpoints: impl Into<Trusted>) -> Result<Report> {
    let mut verifier = Verifier::of_file(checkpoints);
    let mut empty = true;
    for (number, line) in (1_u64..).zip(lines.lines()) {
        let line = line.map_err(|fault| Error::Broken(format!("line {number} can't be read: {fault}")))?;
        if line.trim().is_empty() {
            continue;
        }
        if empty && !line.trim_start().starts_with('{') {
            return Err(Error::invalid("file", NO_LINES));
        }
        empty = false;
        if !verifier.take(&row_of(&line).map_err(|detail| Error::invalid("file", format!("Line {number} is no audit row: {detail}.")))?)? {
            break;
        }
    }
    if empty {
        return Err(Error::invalid("file", "The file holds no row: nothing can be verified."));
    }
    Ok(verifier.finish())
}

/// A CSV is for people: its cells are changed so that a spreadsheet runs nothing.
const NO_LINES: &str = "This file is no export in JSON lines; a CSV can't be verified. Export the trail as JSON lines, on the Audit page or by `quarterdeck audit export FILE`, and verify that file.";

/// The row of a line. A field that is not the trail's is refused: no hash covers it.
fn row_of(line: &str) -> std::result::Result<Row, String> {
    let value: serde_json::Value = serde_json::from_str(line).map_err(|fault| fault.to_string())?;
    let row: Row = serde_json::from_value(value.clone()).map_err(|fault| fault.to_string())?;
    match serde_json::to_value(&row) {
        Ok(same) if same == value => Ok(row),
        _ => Err("it has fields that are not the trail's".into()),
    }
}

#[cfg(test)]
mod tests;

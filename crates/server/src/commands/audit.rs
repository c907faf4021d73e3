//! `audit verify` and `audit export`.

use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use qd_core::audit::{self, Anchor, Report, Signer, Trusted};
use qd_core::config::Config;
use qd_core::{App, Clock, Error, Result};
use serde_json::json;

use super::print;
use crate::cli::Audit;
use crate::wiring;

/// Exit code of a broken chain, and of findings beside it.
const BROKEN: u8 = 3;

pub(super) async fn run(config: Config, command: Audit, json: bool) -> Result<ExitCode> {
    match command {
        Audit::Verify { file: Some(file) } => Ok(tell(&verify_file(&config, &file)?, json)),
        Audit::Verify { file: None } => {
            wiring::must_exist(&config)?;
            let app = wiring::assemble(config, Clock::system()).await?;
            let trusted = audit::checkpoints(&app.db, &app.signer, &app.anchor).await?;
            Ok(tell(&audit::verify(&app.db, trusted).await?, json))
        }
        Audit::Export { file } => export(wiring::assemble(config, Clock::system()).await?, &file, json).await,
    }
}

/// Verifies an export without a database: rows, links and hashes; and, where the key and the anchors of this installation are at hand, that no
/// anchored checkpoint says otherwise.
fn verify_file(config: &Config, path: &Path) -> Result<Report> {
    let fault = |e: std::io::Error| Error::Broken(format!("{} can't be read: {e}.", path.display()));
    let lines = BufReader::new(std::fs::File::open(path).map_err(fault)?);
    app::features::audit::verify_file(lines, anchored(config)?)
}

/// Checkpoints of the anchor file whose signature holds; none without the key.
fn anchored(config: &Config) -> Result<Trusted> {
    let key = config.data_file(&config.audit.key_file, "audit.key");
    if !key.exists() {
        return Ok(Trusted::default());
    }
    let signer = Signer::open(&key, config.platform.name.clone())?;
    let found = Anchor(config.data_file(&config.audit.anchor_file, "audit-anchors.jsonl")).read()?;
    match found.points.iter().find(|point| !signer.holds(point)) {
        Some(point) => Err(Error::Conflict(format!("The anchored checkpoint at row {} has a wrong signature.", point.size))),
        None => Ok(Trusted { warnings: found.warnings, ..found.points.into() }),
    }
}

fn tell(report: &Report, json: bool) -> ExitCode {
    let mut text = match &report.first_break {
        None => format!("{}, {} checkpoints, head {}.", whole(report), report.checkpoints, report.head),
        Some(found) => format!("THE AUDIT TRAIL IS BROKEN at row {}: {}. {} rows before it are whole.", found.seq, found.detail, report.checked),
    };
    if let Some(beyond) = report.beyond {
        text.push_str(&format!("\nThe trail went on after this file, at least to row {beyond}."));
    }
    for warning in &report.warnings {
        text.push_str(&format!("\nFINDING: {warning}"));
    }
    print(json, &json!(report), &text);
    if report.valid && report.warnings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) }
}

/// What is whole: the trail, or the part that a file holds.
fn whole(report: &Report) -> String {
    let last = report.from + report.checked - 1;
    match (report.from, report.beyond) {
        (1, None) => format!("The audit trail is whole: {} rows", report.checked),
        (1, Some(_)) => format!("Rows 1 to {last} of the audit trail are whole: {} rows", report.checked),
        (from, _) => format!("This is a part of the audit trail; its rows {from} to {last} are whole: {} rows", report.checked),
    }
}

async fn export(app: App, path: &Path, json: bool) -> Result<ExitCode> {
    let fault = |e: std::io::Error| Error::Broken(format!("{} can't be written: {e}.", path.display()));
    let mut file = BufWriter::new(std::fs::File::create(path).map_err(fault)?);
    let (mut after, mut rows) = (0, 0);
    loop {
        let page = audit::export_page(&app.db, after, 1_000).await?;
        let Some(last) = page.last().map(|row| row.seq) else { break };
        for row in &page {
            writeln!(file, "{}", serde_json::to_string(row)?).map_err(fault)?;
        }
        (after, rows) = (last, rows + page.len());
    }
    file.flush().map_err(fault)?;
    print(json, &json!({ "rows": rows, "file": path }), &format!("{rows} rows written to {}.", path.display()));
    Ok(ExitCode::SUCCESS)
}

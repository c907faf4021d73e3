//! `audit verify` and `audit export`.

use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use qd_core::audit::{self, Anchor, Checkpoint, Report, Signer};
use qd_core::config::Config;
use qd_core::{App, Clock, Error, Result};
use serde_json::json;

use super::print;
use crate::cli::Audit;
use crate::wiring;

/// Exit code of a broken chain.
const BROKEN: u8 = 3;

pub(super) async fn run(config: Config, command: Audit, json: bool) -> Result<ExitCode> {
    match command {
        Audit::Verify { file: Some(file) } => Ok(tell(&verify_file(&config, &file)?, json)),
        Audit::Verify { file: None } => {
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
fn anchored(config: &Config) -> Result<Vec<Checkpoint>> {
    let key = config.data_file(&config.audit.key_file, "audit.key");
    if !key.exists() {
        return Ok(Vec::new());
    }
    let signer = Signer::open(&key, config.platform.name.clone())?;
    let points = Anchor(config.data_file(&config.audit.anchor_file, "audit-anchors.jsonl")).read()?;
    match points.iter().find(|point| !signer.holds(point)) {
        Some(point) => Err(Error::Conflict(format!("The anchored checkpoint at row {} has a wrong signature.", point.size))),
        None => Ok(points),
    }
}

fn tell(report: &Report, json: bool) -> ExitCode {
    let text = match &report.first_break {
        None => format!("The audit trail is whole: {} rows, {} checkpoints, head {}.", report.checked, report.checkpoints, report.head),
        Some(found) => format!("THE AUDIT TRAIL IS BROKEN at row {}: {}. {} rows before it are whole.", found.seq, found.detail, report.checked),
    };
    print(json, &json!(report), &text);
    if report.valid { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) }
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

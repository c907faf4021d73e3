//! `config check`, `config show` and `doctor`.

use std::path::PathBuf;
use std::process::ExitCode;

use qd_core::config::Config;
use qd_core::{Error, Result};
use serde_json::{Value, json};

use super::{DEFAULT_FILE, load, print};
use crate::cli::ConfigCommand;
use crate::wiring;

pub(super) fn config(file: Option<PathBuf>, command: ConfigCommand, json: bool) -> Result<ExitCode> {
    let read = file.clone().unwrap_or_else(|| DEFAULT_FILE.into());
    let config = match load(file) {
        Ok(config) => config,
        Err(Error::Invalid(faults)) => {
            let lines: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.field, fault.detail)).collect();
            print(json, &json!({ "valid": false, "errors": faults }), &lines.join("\n"));
            return Ok(ExitCode::FAILURE);
        }
        Err(other) => return Err(other),
    };
    match command {
        ConfigCommand::Check if read.exists() => {
            let text = format!("The configuration is valid: {}, the environment and the defaults.", read.display());
            print(json, &json!({ "valid": true, "file": read }), &text);
        }
        ConfigCommand::Check => {
            let place = std::env::current_dir().unwrap_or_default();
            let text = format!(
                "There is no {} in {}: the defaults and the environment hold, and they are valid. Name a file with --config.",
                read.display(),
                place.display()
            );
            print(json, &json!({ "valid": true, "file": null }), &text);
        }
        ConfigCommand::Show => {
            let shown = config.shown();
            let lines: Vec<String> = shown.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            let tree: Value = shown.into_iter().map(|(key, value)| (key, Value::String(value))).collect::<serde_json::Map<_, _>>().into();
            print(json, &tree, &lines.join("\n"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks what `serve` needs, and what it watches.
pub(super) async fn doctor(config: &Config, json: bool) -> Result<ExitCode> {
    let mut findings: Vec<(String, Result<String>)> = Vec::new();
    findings.push(("data directory".into(), wiring::data_dir(&config.storage.data_dir).map(|()| config.storage.data_dir.display().to_string())));
    let own = async {
        let db = wiring::open_own(config).await?;
        db.ping().await?;
        db.close().await;
        Ok(qd_core::secret::mask_url(&wiring::own_database(config)))
    };
    findings.push(("our database".into(), own.await));
    if config.platform.database_url.is_set() {
        findings.push(("platform's database".into(), wiring::inspect(config).await));
    }
    if config.cache.url.is_set() {
        findings.push(("platform's cache".into(), wiring::inspect_cache(config).await));
    }
    for source in &config.queues {
        findings.push((format!("job system {}", source.name), wiring::inspect_queues(source).await));
    }
    let lines: Vec<String> = findings
        .iter()
        .map(|(name, found)| match found {
            Ok(text) => format!("ok    {name}: {text}"),
            Err(fault) => format!("FAIL  {name}: {fault}"),
        })
        .collect();
    let list: Vec<Value> = findings
        .iter()
        .map(|(name, found)| {
            json!({ "check": name, "ok": found.is_ok(),
        "detail": found.as_ref().map_or_else(ToString::to_string, Clone::clone) })
        })
        .collect();
    print(json, &json!(list), &lines.join("\n"));
    Ok(if findings.iter().all(|(_, found)| found.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

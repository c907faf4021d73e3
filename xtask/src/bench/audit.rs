//! Durable appends to the audit trail: `crates/core/examples/bench_audit.rs` on a fresh SQLite file and on a Postgres that syncs.

use std::process::Command;

use serde_json::Value;

use super::shown;
use super::table::Table;
use crate::scratch::Scratch;
use crate::servers::Postgres;
use crate::{Result, repo};

/// Appends and whole guarded changes a second, each acknowledged after its commit.
pub fn measure(writers: u32, seconds: u32) -> Result<Table> {
    shown(&mut repo::cargo(["build", "--release", "--package", "quarterdeck-core", "--example", "bench_audit"]))?;
    let binaries = Postgres::binaries().ok_or("Postgres is missing: cargo xtask test installs it")?;
    let mut table = Table::new(["what", "a second", "p50", "p99", "bar"]);
    for (what, label) in [("append", "audit row"), ("change", "guarded change: audit, ledger, event")] {
        let files = Scratch::new("audit")?;
        let bar = |bar: &str| if what == "append" { bar.to_owned() } else { String::new() };
        let sqlite = format!("sqlite:{}", files.path().join("audit.db").display());
        add(&mut table, &format!("SQLite, {label}"), &run(&sqlite, writers, seconds, what)?, bar("≥ 2,000"))?;
        let postgres = Postgres::start(&binaries, "audit-postgres", true)?;
        add(&mut table, &format!("Postgres, {label}"), &run(&postgres.url, writers, seconds, what)?, bar("≥ 500"))?;
    }
    table.note(format!("{writers} writers, each waiting for its commit, for {seconds} s. SQLite: WAL, synchronous=FULL. Postgres: fsync on. The chain is verified afterwards."));
    Ok(table)
}

fn run(url: &str, writers: u32, seconds: u32, what: &str) -> Result<Value> {
    let program = repo::target().join("release/examples/bench_audit");
    let output = Command::new(program).args([url, &writers.to_string(), &seconds.to_string(), what]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn add(table: &mut Table, label: &str, figures: &Value, bar: String) -> Result<()> {
    if figures.get("chain_valid") != Some(&Value::Bool(true)) {
        return Err(format!("the chain does not verify after the run: {figures}").into());
    }
    let number = |name: &str| figures.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
    table.row([
        label.into(),
        format!("{:.0}", number("per_second")),
        format!("{:.2} ms", number("p50_ms")),
        format!("{:.2} ms", number("p99_ms")),
        bar,
    ]);
    Ok(())
}

//! The durable jobs of the `engine` crate: `crates/engine/examples/bench_jobs.rs` on a fresh SQLite file and on a Postgres that syncs.

use std::process::Command;

use serde_json::Value;

use super::shown;
use super::table::Table;
use crate::scratch::Scratch;
use crate::servers::Postgres;
use crate::{Result, repo};

/// Jobs a second, how soon a lone job starts, and how long the retry of many takes.
pub fn measure() -> Result<Table> {
    shown(&mut repo::cargo(["build", "--release", "--package", "quarterdeck-engine", "--example", "bench_jobs"]))?;
    let binaries = Postgres::binaries().ok_or("Postgres is missing: cargo xtask test installs it")?;
    let mut table = Table::new([
        "database",
        "no-op jobs a second",
        "bar",
        "enqueued a second",
        "enqueue to start, idle: p50",
        "p99 (bar: < 20 ms)",
        "retry of 10,000 (bar: < 500 ms)",
    ]);
    let files = Scratch::new("jobs")?;
    add(&mut table, "SQLite", "≥ 3,000", &run(&format!("sqlite:{}", files.path().join("jobs.db").display()))?);
    let postgres = Postgres::start(&binaries, "jobs-postgres", true)?;
    add(&mut table, "Postgres", "≥ 1,500", &run(&postgres.url)?);
    table.note("30,000 jobs, 64 at once in one worker, until the last outcome is durable, with the usual retention. SQLite: WAL, synchronous=FULL. Postgres: fsync on.");
    Ok(table)
}

fn run(url: &str) -> Result<Value> {
    let output = Command::new(repo::target().join("release/examples/bench_jobs")).arg(url).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn add(table: &mut Table, database: &str, bar: &str, figures: &Value) {
    let number = |name: &str| figures.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
    table.row([
        database.into(),
        format!("{:.0}", number("jobs_per_second")),
        bar.into(),
        format!("{:.0}", number("enqueued_per_second")),
        format!("{:.2} ms", number("p50_ms")),
        format!("{:.2} ms", number("p99_ms")),
        format!("{:.0} ms", number("retry_of_10000_ms")),
    ]);
}

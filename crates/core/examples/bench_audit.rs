//! Appends to the audit trail as fast as N writers can, each waiting for its commit; prints one JSON line. `cargo xtask bench audit` runs it.
//!
//! Usage: `bench_audit DATABASE_URL WRITERS SECONDS append|change`; `append` is the bare row, `change` is a whole action through the gate
//! (audit, ledger and event in one transaction).

use std::time::{Duration, Instant};

use engine::{Db, DbOptions};
use futures::future::try_join_all;
use qd_core::audit::{self, Report};
use qd_core::gate::{Access, Action, Actor, AuditEvent, Change, Client, Confirmation, Danger, Gate, Role, Target};
use qd_core::{Clock, Result};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

const EVENT: AuditEvent = AuditEvent("OPS_BENCHMARK");

/// An action of middling size.
#[derive(Clone, Serialize)]
struct Tick {
    number: u64,
}

impl Action for Tick {
    const NAME: &'static str = "benchmark.tick";
    const EVENT: AuditEvent = EVENT;
    const WHO: Access = Access::Role(Role::Admin);
    const DANGER: Danger = Danger::Guarded;

    fn target(&self) -> Target {
        Target::new("benchmark", self.number)
    }
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, writers, seconds, what] = arguments.as_slice() else {
        return Err("usage: bench_audit DATABASE_URL WRITERS SECONDS append|change".into());
    };
    let (writers, seconds) = (writers.parse::<u64>()?, seconds.parse::<u64>()?);
    let db = Db::open(url, DbOptions::default()).await?;
    db.migrate(&qd_core::SQLITE, &qd_core::POSTGRES, "_quarterdeck_migrations").await?;
    let (rows, took, mut waits) = run(&db, writers, Duration::from_secs(seconds), what == "change").await?;
    let report: Report = audit::verify(&db, Vec::new()).await?;
    waits.sort_unstable();
    let rank = |percent: usize| waits.get((waits.len() * percent / 100).min(waits.len().saturating_sub(1))).copied().unwrap_or_default();
    let line = json!({
        "per_second": (rows as f64 / took.as_secs_f64()).round(), "rows": rows, "writers": writers,
        "p50_ms": rank(50).as_secs_f64() * 1e3, "p99_ms": rank(99).as_secs_f64() * 1e3, "chain_valid": report.valid, "chain_rows": report.checked,
    });
    println!("{line}");
    db.close().await;
    Ok(())
}

async fn run(db: &Db, writers: u64, span: Duration, through_gate: bool) -> Result<(usize, Duration, Vec<Duration>)> {
    let started = Instant::now();
    let work = (0..writers).map(|writer| one_writer(db.clone(), writer, started + span, through_gate));
    let waits = try_join_all(work).await?.concat();
    Ok((waits.len(), started.elapsed(), waits))
}

async fn one_writer(db: Db, writer: u64, end: Instant, through_gate: bool) -> Result<Vec<Duration>> {
    let gate = Gate::new(db.clone(), Clock::system());
    let client = Client { ip: Some("192.0.2.7".into()), user_agent: Some("benchmark".into()), ..Client::default() };
    let actor = Actor::user(Uuid::now_v7(), "Bench Mark", Role::Admin, Uuid::now_v7(), client);
    let mut waits = Vec::new();
    while Instant::now() < end {
        let asked = Instant::now();
        let number = writer * 1_000_000 + waits.len() as u64;
        if through_gate {
            change(&gate, &actor, number).await?;
        } else {
            append(&db, &actor, number).await?;
        }
        waits.push(asked.elapsed());
    }
    Ok(waits)
}

async fn append(db: &Db, actor: &Actor, number: u64) -> Result<()> {
    let actor = actor.clone();
    let now = Clock::system().now();
    db.write_with(move |tx| Box::pin(async move { audit::record(tx, &actor, EVENT, Target::new("benchmark", number), None, now).await.map(|_| ()) }))
        .await
}

async fn change(gate: &Gate, actor: &Actor, number: u64) -> Result<()> {
    let given = Confirmation::because("Measuring how fast changes are recorded");
    let (before, after) = (json!({"status": "OPEN", "severity": "SEV3"}), json!({"status": "MITIGATED", "severity": "SEV3"}));
    gate.transact(actor, Tick { number }, given, move |_tx, _permit| Box::pin(async move { Ok(Change::between(number, before, after)) }))
        .await
        .map(|_| ())
}

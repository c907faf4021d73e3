//! What applications ask many times a second, against bare axum handlers that read the same body and give the same bytes back.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::closed::{Compared, Figures, Target, compare};
use super::http::Client;
use super::product::Demo;
use super::shown;
use super::table::Table;
use crate::process::Group;
use crate::{Result, repo};

const CONTEXT: &str = r#"{"context":{"targetingKey":"customer-4711","plan":"gold","vendorId":"v-17","role":"CUSTOMER"}}"#;
/// Flags of a bulk answer, the shipped ones included.
const FLAGS: usize = 50;

/// OFREP, single and bulk, and evaluation in process.
pub fn flags(program: &Path, seconds: u32) -> Result<Table> {
    let demo = Demo::start_with(program, &["--no-traffic"])?;
    let token = token(&demo)?;
    fill(&demo)?;
    let headers = format!("Authorization: Bearer {token}\r\n");
    let mut table = Table::new(["what", "Quarterdeck", "bare axum", "ratio", "bar"]);
    for (name, path, bar) in [("single", "/ofrep/v1/evaluate/flags/bench_1", "≥ 0.85"), ("bulk, 50 flags", "/ofrep/v1/evaluate/flags", "≥ 0.5")] {
        let body =
            Client::new(&demo.address, &[("Authorization", &format!("Bearer {token}")), ("Content-Type", "application/json")]).json(path, CONTEXT)?;
        let bare = Bare::start(&body)?;
        let ours = Target::post(&demo.address, demo.group.id(), path, &headers, CONTEXT);
        let other = Target::post(&bare.address, bare.group.id(), "/evaluate", &headers, CONTEXT);
        row(&mut table, &format!("{name}, {} bytes", body.len()), compare(&ours, &other, seconds)?, bar);
    }
    table.note(inside()?);
    note(&mut table);
    Ok(table)
}

/// The gate for proxies.
pub fn gate(program: &Path, seconds: u32) -> Result<Table> {
    let demo = Demo::start_with(program, &["--no-traffic"])?;
    let mut table = Table::new(["what", "Quarterdeck", "bare axum", "ratio", "bar"]);
    let headers = "X-Forwarded-Method: POST\r\nX-Forwarded-Uri: /checkout\r\nX-Forwarded-Host: shop.example\r\n";
    for path in ["/gate", "/gate/nginx"] {
        let bare = Bare::start("")?;
        let ours = Target::ask(&demo.address, demo.group.id(), path, headers);
        let other = Target::ask(&bare.address, bare.group.id(), "/gate", headers);
        row(&mut table, &format!("`{path}`, a write"), compare(&ours, &other, seconds)?, "≥ 0.85");
    }
    note(&mut table);
    Ok(table)
}

fn row(table: &mut Table, name: &str, Compared { ours, bare, ratio }: Compared, bar: &str) {
    let words = |figures: Figures| format!("{:.0}/s, {:.3} ms CPU", figures.per_second, figures.cpu.as_secs_f64() * 1e3);
    table.row([name.into(), words(ours), words(bare), format!("{ratio:.2}"), bar.into()]);
}

fn note(table: &mut Table) {
    table.note(
        "16 connections, each with its next request as soon as the last answer is read; the two servers in turn, the median of eleven rounds of each, and of \
         the ratio between neighbours. The load generator shares the cores with the server.",
    );
}

/// A token that may read flags.
pub fn token(demo: &Demo) -> Result<String> {
    let body = json!({"name": "bench", "scopes": ["flags:read"], "days": 1, "reason": "for the benchmark"});
    let made: Value = serde_json::from_str(&admin(demo).json("/api/admin/ops/tokens", &body.to_string())?)?;
    made.get("secret").and_then(Value::as_str).map(str::to_owned).ok_or_else(|| format!("no secret in {made}").into())
}

fn admin(demo: &Demo) -> Client {
    Client::new(&demo.address, &[("Cookie", demo.cookie.as_str()), ("Accept", "application/json"), ("Sec-Fetch-Site", "same-origin")])
}

/// Makes as many flags as a bulk answer is measured with.
fn fill(demo: &Demo) -> Result<()> {
    let mut client = admin(demo);
    let list: Value = serde_json::from_str(&client.get("/api/admin/ops/feature-flags")?.text())?;
    let shipped = list.get("flags").and_then(Value::as_array).map_or(0, Vec::len);
    // The three reserved keys are answered too.
    for number in 1..=FLAGS.saturating_sub(shipped + 3) {
        let flag = json!({"key": format!("bench_{number}"), "kind": "BOOLEAN", "enabled": true, "scope": "GLOBAL", "rolloutPercentage": 50,
            "notes": "", "reason": "for the benchmark"});
        client.json("/api/admin/ops/feature-flags", &flag.to_string())?;
    }
    Ok(())
}

/// The handlers that it is measured against.
struct Bare {
    group: Group,
    address: String,
}

impl Bare {
    fn start(body: &str) -> Result<Self> {
        shown(&mut repo::cargo(["build", "--release", "-p", "quarterdeck", "--example", "bare_axum"]))?;
        let program = repo::binary("release").with_file_name("examples").join("bare_axum");
        let mut group = Group::start(Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        writeln!(group.stdin().ok_or("no standard input")?, "{body}")?;
        let mut address = String::new();
        BufReader::new(group.stdout().ok_or("no standard output")?).read_line(&mut address)?;
        Ok(Self { group, address: address.trim().to_owned() })
    }
}

/// Evaluation without HTTP, by the example that lies beside the evaluator.
fn inside() -> Result<String> {
    let output = repo::cargo(["run", "--release", "-q", "-p", "quarterdeck-app", "--example", "bench_flags"]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(format!("In process: {} (bar: < 5 µs for 50 flags).", String::from_utf8_lossy(&output.stdout).trim()))
}

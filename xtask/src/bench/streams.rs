//! Applications that listen for changes: memory with all of them connected, and how long the last one takes to hear.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::edge::token;
use super::http::Client;
use super::product::Demo;
use super::table::{Table, bytes};
use super::{proc, shown};
use crate::process::Group;
use crate::{Result, repo};

const CHANGES: usize = 5;
const FLAG: &str = "marketplace_v2";

/// Memory and the slowest news with `clients` open streams.
pub fn measure(program: &Path, clients: u32) -> Result<Table> {
    let demo = Demo::start_with(program, &["--no-traffic"])?;
    let token = token(&demo)?;
    let before = proc::resident(demo.group.id())?;
    shown(&mut repo::cargo(["build", "--release", "-p", "quarterdeck", "--example", "listeners"]))?;
    let mut command = Command::new(repo::binary("release").with_file_name("examples").join("listeners"));
    command.args([&demo.address, "/api/v1/maintenance/events", &clients.to_string(), &token]);
    let mut group = Group::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
    let mut lines = BufReader::new(group.stdout().ok_or("no standard output")?).lines();
    let mut stdin = group.stdin().ok_or("no standard input")?;
    let mut next = move || -> Result<String> { Ok(lines.next().ok_or("the listeners ended")??) };
    let open = next()?;
    let held = proc::resident(demo.group.id())?;
    let mut slowest = 0.0_f64;
    let mut fewest = clients;
    for round in 0..CHANGES {
        writeln!(stdin, "change")?;
        change(&demo, round)?;
        let answer = next()?;
        let (told, last) = answer.split_once(' ').ok_or("not two figures")?;
        fewest = fewest.min(told.parse()?);
        slowest = slowest.max(last.parse()?);
    }
    let after = proc::resident(demo.group.id())?;
    let mut table = Table::new(["what", "measured", "bar"]);
    table.row(["streams open".into(), open, clients.to_string()]);
    table.row(["resident memory, none open".into(), bytes(before), String::new()]);
    table.row(["resident memory, all open".into(), bytes(held.max(after)), "< 150 MB".into()]);
    table.row(["told of each change, at least".into(), fewest.to_string(), clients.to_string()]);
    table.row(["from the click to the last one told, the slowest of five".into(), format!("{slowest:.0} ms"), "< 1,000 ms".into()]);
    table.note("The clock starts before the click is sent: its way through the gate to the disk is part of the time. The listeners share the cores.");
    Ok(table)
}

/// Turns a flag on or off, as a click does.
fn change(demo: &Demo, round: usize) -> Result<()> {
    let headers = [("Cookie", demo.cookie.as_str()), ("Accept", "application/json"), ("Sec-Fetch-Site", "same-origin")];
    let body = json!({"enabled": round.is_multiple_of(2), "reason": "for the benchmark"});
    Client::new(&demo.address, &headers).json(&format!("/api/admin/ops/feature-flags/{FLAG}/toggle"), &body.to_string()).map(drop)
}

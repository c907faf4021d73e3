//! The health endpoint under steady load, while samplers, ingest and the marketplace run.

use std::path::Path;
use std::time::Duration;

use super::load::{self, Load};
use super::proc;
use super::product::Demo;
use super::table::{Table, bytes, millis};
use crate::Result;

const PATH: &str = "/api/admin/ops/health";
/// Time for every sampler to have run once.
const WARM: Duration = Duration::from_secs(20);

/// Latency from when each request was due, at `rate` requests a second.
pub fn measure(program: &Path, rate: u32, seconds: u32) -> Result<Table> {
    let demo = Demo::start(program)?;
    std::thread::sleep(WARM);
    let headers = [("Cookie", demo.cookie.as_str()), ("Accept", "application/json")];
    let load = |seconds| load::run(&Load { address: &demo.address, path: PATH, headers: &headers, rate, seconds, connections: 50 });
    load(3)?;
    let idle = cpu_share(&demo, Duration::from_secs(5))?;
    let before = proc::cpu(demo.group.id())?;
    let outcome = load(seconds)?;
    let used = (proc::cpu(demo.group.id())? - before).as_secs_f64() - idle * outcome.took.as_secs_f64();
    let answers = outcome.latency.len();
    let mut table = Table::new(["what", "measured", "bar"]);
    table.row(["requests".into(), format!("{answers} at {rate}/s, {} errors", outcome.errors), "0 errors".into()]);
    table.row(["p50".into(), millis(outcome.at(0.5)), String::new()]);
    table.row(["p99".into(), millis(outcome.at(0.99)), "< 5 ms".into()]);
    table.row(["p99.9".into(), millis(outcome.at(0.999)), String::new()]);
    table.row(["slowest".into(), millis(outcome.at(1.0)), String::new()]);
    table.row(["processor time a request".into(), millis(used.max(0.0) / answers.max(1) as f64), String::new()]);
    table.row(["resident memory after it".into(), bytes(proc::resident(demo.group.id())?), String::new()]);
    table.note("Timed from when each request was due, so that a stall counts for all that wait behind it. Load generator, marketplace and control center share the cores.");
    Ok(table)
}

/// Share of one core that the program uses without our load.
fn cpu_share(demo: &Demo, span: Duration) -> Result<f64> {
    let before = proc::cpu(demo.group.id())?;
    std::thread::sleep(span);
    Ok((proc::cpu(demo.group.id())? - before).as_secs_f64() / span.as_secs_f64())
}

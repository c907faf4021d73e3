//! Jobs & Queues: figures of a control center over BullMQ's queues that are full of failed jobs.

mod fill;
mod resp;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::Client;
use super::load::{self, Load};
use super::proc;
use super::product::Serve;
use super::table::{Table, bytes, millis};
use crate::Result;
use crate::scratch::Scratch;
use crate::servers::Redis;
use resp::Resp;

const QUEUES: u64 = 10;
const EACH: u64 = 10_000;
/// Requests a second.
const RATE: u32 = 300;
const API: &str = "/api/admin/ops/queues";
/// Slower calls than this are kept in Redis's own log, in microseconds.
const SLOW_US: &str = "5000";
const ACCOUNT: (&str, &str) = ("bench@example.com", "a long bench password");
/// For a run to end, or the samplers to have counted.
const PATIENCE: Duration = Duration::from_secs(900);

/// Overview, a page of failed jobs, retry of ten thousand, and of what a filter finds among `many`.
pub fn measure(program: &Path, seconds: u32, many: u64) -> Result<Table> {
    let redis = Redis::start(Path::new("redis-server"))?;
    let mut resp = Resp::connect(&redis.url)?;
    for queue in 0..QUEUES {
        fill::failed(&mut resp, &format!("q{queue}"), EACH)?;
    }
    let files = Scratch::new("queues")?;
    let (serve, cookie) = start(program, files.path(), &redis.url)?;
    let mut desk = Desk::new(&serve.address, &cookie);
    desk.wait_until("every queue is counted", |desk| Ok(desk.failed(|_| true)? >= QUEUES * EACH))?;
    let mut table = Table::new(["what", "measured", "bar"]);
    let address = serve.address.as_str();
    let load = |path: &str| load::run(&Load { address, path, headers: &desk.headers(), rate: RATE, seconds, connections: 20 });
    for (what, path, bar) in [
        ("overview of 10 queues, p99 at 300/s", API.to_owned(), "< 5 ms"),
        ("50 failed jobs, p99 at 300/s", format!("{API}/q3/jobs?source=bull&state=failed&limit=50"), "< 10 ms"),
    ] {
        load(&path).map(|_| ())?;
        let outcome = load(&path)?;
        if outcome.errors > 0 {
            return Err(format!("{} requests of {path} failed", outcome.errors).into());
        }
        let shown = format!("{} (p50 {})", millis(outcome.at(0.99)), millis(outcome.at(0.5)));
        table.row([what.into(), shown, bar.into()]);
    }
    retry_all(&mut desk, &mut resp, &mut table)?;
    retry_some(&mut desk, &mut resp, &serve, many, &mut table)?;
    table.note("A Redis, the control center and the load generator share the cores. Slow calls are those of Redis's own SLOWLOG at 5 ms.");
    Ok(table)
}

fn start(program: &Path, folder: &Path, redis: &str) -> Result<(Serve, String)> {
    std::fs::write(folder.join("quarterdeck.toml"), format!("[[queues]]\nname = \"bull\"\ndriver = \"bullmq\"\nurl = \"{redis}\"\n"))?;
    let mut create = Command::new(program);
    create.args(["admin", "create", "--json", "--email", ACCOUNT.0]).env("QD_PASSWORD", ACCOUNT.1);
    create.env("QD_STORAGE__DATA_DIR", folder.join("data")).current_dir(folder);
    let made = create.output()?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).into_owned().into());
    }
    let serve = Serve::start(program, folder)?;
    let origin = format!("http://{}", serve.address);
    let mut client = Client::new(&serve.address, &[("Accept", "text/html"), ("Origin", &origin), ("Sec-Fetch-Site", "same-origin")]);
    let answer = client.post("/login", &format!("email={}&password={}", ACCOUNT.0, ACCOUNT.1.replace(' ', "+")))?;
    let cookie: Vec<&str> = answer.all("set-cookie").filter_map(|cookie| cookie.split(';').next()).collect();
    if cookie.is_empty() { Err(format!("no session (status {})", answer.status).into()) } else { Ok((serve, cookie.join("; "))) }
}

/// A field of a reply; null when it is not there.
trait Field {
    fn field(&self, name: &str) -> &Value;
}

impl Field for Value {
    fn field(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&Value::Null)
    }
}

/// A person's view of the product.
struct Desk {
    client: Client,
    cookie: String,
}

impl Desk {
    fn new(address: &str, cookie: &str) -> Self {
        let origin = format!("http://{address}");
        let headers = [("Cookie", cookie), ("Accept", "application/json"), ("Origin", origin.as_str()), ("Sec-Fetch-Site", "same-origin")];
        Self { client: Client::new(address, &headers), cookie: cookie.to_owned() }
    }

    fn headers(&self) -> [(&'static str, &str); 2] {
        [("Cookie", &self.cookie), ("Accept", "application/json")]
    }

    fn get(&mut self, path: &str) -> Result<Value> {
        let answer = self.client.get(path)?;
        if answer.status == 200 { Ok(serde_json::from_slice(&answer.body)?) } else { Err(format!("{path}: {}", answer.text()).into()) }
    }

    /// Failed jobs that the overview shows, of queues with such names.
    fn failed(&mut self, named: impl Fn(&str) -> bool) -> Result<u64> {
        let all = self.get(API)?;
        let is_meant = |queue: &Value| queue.field("source") == "bull" && queue.field("name").as_str().is_some_and(&named);
        let of = |queue: &Value| if is_meant(queue) { queue.field("failed").as_u64() } else { None };
        Ok(all.field("queues").as_array().into_iter().flatten().filter_map(of).sum())
    }

    fn wait_until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> Result<bool>) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if done(self)? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("not within {} s: {what}", PATIENCE.as_secs()).into())
    }

    /// Begins a run and waits for its end. `look` is called meanwhile.
    fn run(&mut self, queue: &str, body: &str, mut look: impl FnMut() -> Result<()>) -> Result<(Duration, Value)> {
        let started = Instant::now();
        let begun: Value = serde_json::from_str(&self.client.json(&format!("{API}/bull/{queue}/retry-all"), body)?)?;
        let id = begun.field("id").as_str().or(begun.field("run").field("id").as_str()).ok_or_else(|| format!("no run: {begun}"))?.to_owned();
        let mut last = Value::Null;
        self.wait_until("the run ends", |desk| {
            look()?;
            last = desk.get(&format!("{API}/runs/{id}"))?;
            let status = last.field("status").as_str().or(last.field("run").field("status").as_str()).unwrap_or_default();
            if ["FAILED", "CANCELLED"].contains(&status) { Err(format!("the run did not get through: {last}").into()) } else { Ok(status == "DONE") }
        })?;
        Ok((started.elapsed(), last))
    }
}

fn watch(resp: &mut Resp) -> Result<()> {
    resp.ask(&["CONFIG", "SET", "slowlog-log-slower-than", SLOW_US])?;
    resp.ask(&["SLOWLOG", "RESET"])?;
    Ok(())
}

fn retry_all(desk: &mut Desk, resp: &mut Resp, table: &mut Table) -> Result<()> {
    watch(resp)?;
    let (took, _) = desk.run("q1", r#"{"state":"failed","reason":"Measure a retry of all"}"#, || Ok(()))?;
    let slow = resp.ask(&["SLOWLOG", "LEN"])?;
    let (left, waiting) = (resp.ask(&["ZCARD", "bull:q1:failed"])?, resp.ask(&["LLEN", "bull:q1:wait"])?);
    if left != "0" {
        return Err(format!("{left} jobs were not retried").into());
    }
    let shown = format!("{:.2} s; none left, {waiting} in wait, the others with their priority", took.as_secs_f64());
    table.row(["retry all of 10,000, from the click to the end of the run".into(), shown, "< 0.5 s".into()]);
    table.row(["Redis calls over 5 ms meanwhile".into(), slow, "0".into()]);
    Ok(())
}

fn retry_some(desk: &mut Desk, resp: &mut Resp, serve: &Serve, many: u64, table: &mut Table) -> Result<()> {
    fill::failed(resp, "many", many)?;
    desk.wait_until("the big queue is counted", |desk| Ok(desk.failed(|name| name == "many")? >= many))?;
    watch(resp)?;
    let (before, mut peak) = (proc::resident(serve.group.id())?, 0);
    let body = r#"{"state":"failed","reasonHas":"has no address","reason":"Measure a retry by filter"}"#;
    let (took, run) = desk.run("many", body, || {
        peak = peak.max(proc::resident(serve.group.id())?);
        Ok(())
    })?;
    let run = if run.field("run").is_object() { run.field("run") } else { &run };
    let shown = format!("{:.0} s; {} done of {} seen, {}", took.as_secs_f64(), run.field("done"), run.field("seen"), run.field("status"));
    table.row([format!("filter and retry over {many} failed"), shown, "with progress".into()]);
    table.row(["resident memory at its peak".into(), format!("{} ({} before)", bytes(peak), bytes(before)), "< 200 MB".into()]);
    table.row(["Redis calls over 5 ms meanwhile".into(), resp.ask(&["SLOWLOG", "LEN"])?, String::new()]);
    Ok(())
}

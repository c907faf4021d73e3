//! The product under measurement: `quarterdeck serve` on its own, or `quarterdeck demo` with its marketplace.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::Client;
use crate::Result;
use crate::process::Group;
use crate::scratch::Scratch;
use crate::servers::free_port;

const START: Duration = Duration::from_secs(60);

/// `quarterdeck serve` on a data directory.
pub struct Serve {
    pub group: Group,
    pub address: String,
    /// From the start of the process to the first 200 of `/livez`.
    pub first_answer: Duration,
}

impl Serve {
    /// Starts it with nothing configured but address and directory.
    pub fn start(program: &Path, data: &Path) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut command = Command::new(program);
        command.arg("serve").env("QD_SERVER__LISTEN", &address).env("QD_STORAGE__DATA_DIR", data.join("data")).env("QD_LOG__LEVEL", "warn");
        let log = File::create(data.join("serve.log"))?;
        command.current_dir(data).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let started = Instant::now();
        let mut group = Group::start(&mut command)?;
        while started.elapsed() < START {
            if Client::new(&address, &[]).get("/livez").is_ok_and(|answer| answer.status == 200) {
                return Ok(Self { group, address, first_answer: started.elapsed() });
            }
            if let Some(status) = group.ended()? {
                return Err(format!("quarterdeck ended at its start: {status}\n{}", std::fs::read_to_string(data.join("serve.log"))?).into());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        Err(format!("quarterdeck did not answer within {} s", START.as_secs()).into())
    }
}

/// `quarterdeck demo` with live traffic, and a session in it.
pub struct Demo {
    pub group: Group,
    _files: Scratch,
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// For the header `Cookie`.
    pub cookie: String,
}

impl Demo {
    /// Starts it in a scratch directory and signs in.
    pub fn start(program: &Path) -> Result<Self> {
        Self::start_with(program, &[])
    }

    /// The same with further arguments.
    pub fn start_with(program: &Path, more: &[&str]) -> Result<Self> {
        let files = Scratch::new("demo")?;
        let log = File::create(files.path().join("demo.log"))?;
        let mut command = Command::new(program);
        command.args(["demo", "--json", "--reset", "--port", "0"]).args(more).arg("--data-dir").arg(files.path().join("data"));
        command.current_dir(files.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut group = Group::start(&mut command)?;
        let facts =
            ready(&mut group).map_err(|fault| format!("{fault}\n{}", std::fs::read_to_string(files.path().join("demo.log")).unwrap_or_default()))?;
        let fact = |name: &str| facts.get(name).and_then(Value::as_str).ok_or_else(|| format!("the demo did not tell its {name}"));
        let address = fact("url")?.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let cookie = sign_in(&address, fact("signin")?)?;
        Ok(Self { group, _files: files, address, cookie })
    }
}

/// Waits for the line that says that the demo is ready.
fn ready(group: &mut Group) -> Result<Value> {
    let stdout = group.stdout().ok_or("the demo's output is not piped")?;
    let mut lines = BufReader::new(stdout).lines();
    for line in lines.by_ref() {
        if let Ok(facts @ Value::Object(_)) = serde_json::from_str(&line?) {
            // Go on reading, so that a full pipe never stops the demo.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(facts);
        }
    }
    Err("the demo ended before it was ready".into())
}

/// Uses the one-time link as the button of its page does.
fn sign_in(address: &str, link: &str) -> Result<String> {
    let (_, ticket) = link.split_once("?t=").ok_or("the sign-in link holds no ticket")?;
    let origin = format!("http://{address}");
    let mut client = Client::new(address, &[("Accept", "text/html"), ("Origin", &origin), ("Sec-Fetch-Site", "same-origin")]);
    let answer = client.post("/login/ticket", &format!("t={ticket}"))?;
    let cookies: Vec<&str> = answer.all("set-cookie").filter_map(|cookie| cookie.split(';').next()).collect();
    if cookies.is_empty() { Err(format!("the sign-in link gave no session (status {})", answer.status).into()) } else { Ok(cookies.join("; ")) }
}

//! The product under test: `quarterdeck serve` on scratch data, with an administrator and a token, both made by its own command line.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;
use crate::bench::http::Client;
use crate::process::Group;
use crate::servers::free_port;

const START: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
const EMAIL: &str = "conformance@quarterdeck.example";
const PASSWORD: &str = "a passphrase for one run";
const FLAGS: &str = "/api/admin/ops/feature-flags";

/// A product that can be stopped and started again, on the same address and data.
pub struct Product {
    program: PathBuf,
    files: PathBuf,
    address: String,
    token: String,
    cookie: String,
    running: Option<Group>,
}

impl Product {
    /// Makes accounts, starts it, and signs in.
    pub fn start(program: &Path, files: &Path) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut product =
            Self { program: program.to_owned(), files: files.to_owned(), address, token: String::new(), cookie: String::new(), running: None };
        product.cli(&["admin", "create", "--email", EMAIL, "--name", "Conformance"])?;
        let made: Value = serde_json::from_str(&product.cli(&["--json", "token", "create", "--name", "conformance", "--scope", "flags:read"])?)?;
        product.token = made.get("token").and_then(Value::as_str).ok_or_else(|| format!("no token in {made}"))?.to_owned();
        product.up()?;
        product.cookie = product.sign_in()?;
        Ok(product)
    }

    /// Where applications ask.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The applications' token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Starts it, unless it runs.
    pub fn up(&mut self) -> Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let log = File::options().create(true).append(true).open(self.files.join("serve.log"))?;
        let mut command = self.command();
        command.arg("serve").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut group = Group::start(&mut command)?;
        let started = Instant::now();
        while !Client::new(&self.address, &[]).get("/livez").is_ok_and(|answer| answer.status == 200) {
            if group.ended()?.is_some() || started.elapsed() > START {
                return Err(format!("quarterdeck does not answer\n{}", std::fs::read_to_string(self.files.join("serve.log"))?).into());
            }
            std::thread::sleep(POLL);
        }
        self.running = Some(group);
        Ok(())
    }

    /// Stops it, if it runs.
    pub fn down(&mut self) {
        if let Some(mut group) = self.running.take() {
            group.stop();
        }
    }

    /// Makes a flag.
    pub fn make(&self, flag: &Value) -> Result<()> {
        self.admin().json(FLAGS, &flag.to_string()).map(drop).map_err(|fault| format!("{flag}: {fault}").into())
    }

    /// Lets a flag serve another of its variants.
    pub fn serve(&self, key: &str, variant: &str) -> Result<()> {
        let body = serde_json::json!({ "onVariant": variant, "reason": "a scenario asks for it" });
        self.admin().patch(&format!("{FLAGS}/{key}"), &body.to_string()).map(drop)
    }

    /// The variant that a flag serves.
    pub fn served(&self, key: &str) -> Result<String> {
        let flag: Value = serde_json::from_str(&self.admin().get(&format!("{FLAGS}/{key}"))?.text())?;
        let variant = flag.pointer("/onVariant").or_else(|| flag.pointer("/flag/onVariant")).and_then(Value::as_str);
        variant.map(str::to_owned).ok_or_else(|| format!("no variant in {flag}").into())
    }

    fn admin(&self) -> Client {
        Client::new(&self.address, &[("Cookie", self.cookie.as_str()), ("Accept", "application/json"), ("Sec-Fetch-Site", "same-origin")])
    }

    fn sign_in(&self) -> Result<String> {
        let mut client = Client::new(&self.address, &[("Accept", "text/html"), ("Origin", &self.endpoint()), ("Sec-Fetch-Site", "same-origin")]);
        let answer = client.post("/login", &format!("email={}&password={}", EMAIL.replace('@', "%40"), PASSWORD.replace(' ', "+")))?;
        let cookies: Vec<&str> = answer.all("set-cookie").filter_map(|cookie| cookie.split(';').next()).collect();
        if cookies.is_empty() { Err(format!("signing in gave no session (status {})", answer.status).into()) } else { Ok(cookies.join("; ")) }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("QD_SERVER__LISTEN", &self.address).env("QD_STORAGE__DATA_DIR", self.files.join("data")).env("QD_LOG__LEVEL", "warn");
        command.current_dir(&self.files);
        command
    }

    fn cli(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command().env("QD_PASSWORD", PASSWORD).args(arguments).output()?;
        if !output.status.success() {
            return Err(format!("quarterdeck {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

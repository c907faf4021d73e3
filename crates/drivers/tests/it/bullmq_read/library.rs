//! The real libraries, in processes of their own.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);

/// BullMQ in Node, or for Python.
pub struct Library {
    child: Child,
    ask: ChildStdin,
    told: Receiver<String>,
}

impl Library {
    /// npm's BullMQ of a major version, on a port and a prefix.
    pub fn node(version: u32, port: u16, prefix: &str) -> Self {
        let clients = variable("QD_TEST_CLIENTS_NODE");
        let mut command = Command::new(variable("QD_TEST_NODE"));
        command.arg("--no-warnings").arg(script("library.mjs")).arg(clients).args([&port.to_string(), prefix, &version.to_string()]);
        let library = Self::run(command);
        assert_eq!(library.answer(), "ready");
        library
    }

    /// BullMQ for Python, and what it wrote.
    pub fn python(port: u16, prefix: &str) -> (Self, Value) {
        let mut command = Command::new(variable("QD_TEST_CLIENTS_PYTHON"));
        command.arg(script("library.py")).args([&port.to_string(), prefix]).stderr(Stdio::null());
        let library = Self::run(command);
        let told = library.answer();
        (library, told)
    }

    fn run(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the library's program starts");
        let (ask, lines) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let (line, told) = channel();
        std::thread::spawn(move || lines.lines().map_while(Result::ok).try_for_each(|said| line.send(said)));
        Self { child, ask, told }
    }

    /// What code returns.
    pub fn js(&mut self, code: &str) -> Value {
        writeln!(self.ask, "{}", Value::from(code)).unwrap();
        self.answer()
    }

    fn answer(&self) -> Value {
        let said: Value = serde_json::from_str(&self.told.recv_timeout(LIMIT).expect("the library answers")).unwrap();
        assert!(said.get("fault").is_none(), "{}", said["fault"].as_str().unwrap_or_default());
        said["value"].clone()
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn variable(name: &str) -> PathBuf {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is set")).into()
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/bullmq_read").join(name)
}

//! The steps of a run: each is timed, printed on one line, and keeps its whole output in a log file.

use std::fs::{self, File};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::count::Count;
use crate::process::Group;
use crate::{Result, repo};

/// Lines of a failed step's output that are printed.
const EXCERPT: usize = 120;

/// What has run so far.
pub struct Suite {
    logs: PathBuf,
    total: Count,
    failed_steps: u64,
}

impl Suite {
    /// An empty run.
    pub fn new() -> Result<Self> {
        let logs = repo::corner().join("logs");
        fs::create_dir_all(&logs)?;
        Ok(Self { logs, total: Count::default(), failed_steps: 0 })
    }

    /// Runs a command and counts its tests. True when it succeeded; its output is shown only when it failed.
    pub fn run(&mut self, name: &str, command: &mut Command, count: fn(&str) -> Count) -> Result<bool> {
        let path = self.logs.join(format!("{}.log", name.replace(' ', "-")));
        let log = File::create(&path)?;
        announce(name);
        let started = Instant::now();
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).env("CARGO_TERM_COLOR", "never");
        let program = command.get_program().to_string_lossy().into_owned();
        let success = Group::start(command).map_err(|error| format!("can't run {program}: {error}"))?.wait()?.success();
        let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        let counted = count(&text);
        self.total.passed += counted.passed;
        self.total.failed += counted.failed;
        let success = success && counted.failed == 0;
        // A step that failed without a failed test (it did not compile, it crashed) still is a failure of the run.
        self.failed_steps += u64::from(!success && counted.failed == 0);
        report(name, success, started.elapsed(), counted);
        if !success {
            println!("{}\nthe whole output: {}\n", excerpt(&text), path.display());
        }
        Ok(success)
    }

    /// Times something that has no output worth a log. Its error ends the run.
    pub fn time<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        announce(name);
        let started = Instant::now();
        let outcome = work();
        report(name, outcome.is_ok(), started.elapsed(), Count::default());
        outcome
    }

    /// Prints the closing line; true when nothing failed.
    pub fn close(self, took: Duration) -> Result<bool> {
        let failed = self.total.failed + self.failed_steps;
        println!("{:<16} {:>12}", "together", seconds(took));
        println!("quarterdeck: {} passed, {failed} failed", self.total.passed);
        Ok(failed == 0)
    }
}

/// On a terminal, says what runs now; the line is written over by the report.
fn announce(name: &str) {
    let mut out = std::io::stdout();
    if out.is_terminal() {
        // Nothing depends on this line.
        let _ = write!(out, "{name:<16} …\r").and_then(|()| out.flush());
    }
}

fn report(name: &str, success: bool, took: Duration, count: Count) {
    let verdict = if success { "ok" } else { "FAILED" };
    let tests = if count == Count::default() { String::new() } else { format!("{} passed, {} failed", count.passed, count.failed) };
    println!("{}", format!("{name:<16} {:>12}  {verdict:<6}  {tests}", seconds(took)).trim_end());
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

/// What to read first: libtest's list of failures and compiler errors when there are some, else the end.
fn excerpt(log: &str) -> String {
    let mut kept = Vec::new();
    let mut inside = false;
    for line in log.lines() {
        inside =
            (inside || line == "failures:" || line.starts_with("error")) && !line.starts_with("test result: ok") && !line.starts_with("running ");
        if inside {
            kept.push(line);
        }
    }
    if kept.is_empty() {
        let lines: Vec<&str> = log.lines().collect();
        return lines.get(lines.len().saturating_sub(EXCERPT)..).unwrap_or_default().join("\n");
    }
    kept.truncate(EXCERPT);
    kept.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_begins_at_the_failures() {
        let log = "running 2 tests\n.F\nfailures:\n\n---- a stdout ----\nleft: 1\n\ntest result: FAILED. 1 passed; 1 failed\nrunning 1 test\n.\ntest result: ok. 1 passed";
        assert_eq!(excerpt(log), "failures:\n\n---- a stdout ----\nleft: 1\n\ntest result: FAILED. 1 passed; 1 failed");
    }

    #[test]
    fn without_failures_the_end_is_shown() {
        let log = (0..500).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
        assert!(excerpt(&log).ends_with("499") && excerpt(&log).lines().count() == EXCERPT);
    }
}

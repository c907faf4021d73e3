//! What became of the scenarios.

use serde_json::Value;

use crate::Result;

/// Python's `bool` is an `int`: its provider takes a boolean for an integer, whatever the server sends.
const CLIENTS_FAULT: &str = "Integer-flag with key \"boolean-flag\"";

/// Counts, and what failed.
#[derive(Default)]
pub struct Verdict {
    passed: usize,
    failures: Vec<Failure>,
}

struct Failure {
    scenario: String,
    why: String,
    excused: bool,
}

impl Verdict {
    /// From behave's report. Skipped scenarios do not count; a run without any scenario is an error.
    pub fn read(suite: &str, report: &str) -> Result<Self> {
        let features: Vec<Value> = serde_json::from_str(report)?;
        let mut verdict = Self::default();
        let scenarios = features.iter().filter_map(|feature| feature.get("elements")?.as_array()).flatten();
        for scenario in scenarios.filter(|element| text(element, "type") == "scenario") {
            match text(scenario, "status") {
                "passed" => verdict.passed += 1,
                "skipped" | "untested" => {}
                _ => verdict.failures.push(failure(suite, scenario)),
            }
        }
        if verdict.passed + verdict.failures.len() == 0 { Err(format!("no scenario of the {suite} ran").into()) } else { Ok(verdict) }
    }

    /// Adds another one.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failures.extend(other.failures);
    }

    /// Whether nothing failed but what is the client's fault.
    pub fn is_good(&self) -> bool {
        self.passed > 0 && self.failures.iter().all(|failure| failure.excused)
    }

    /// `111 of 113 passed, 2 are the client's own fault`
    pub fn line(&self) -> String {
        let excused = self.failures.iter().filter(|failure| failure.excused).count();
        let failed = self.failures.len() - excused;
        format!("{} of {} passed, {excused} are the client's own fault, {failed} failed", self.passed, self.passed + self.failures.len())
    }

    /// Names what failed.
    pub fn print(&self) {
        for failure in &self.failures {
            println!("{} {}\n    {}", if failure.excused { "client" } else { "FAILED" }, failure.scenario, failure.why);
        }
    }
}

fn failure(suite: &str, scenario: &Value) -> Failure {
    let steps = scenario.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let flag = steps.iter().map(|step| text(step, "name")).find(|name| name.contains("-flag with key")).unwrap_or_default();
    let broken = steps.iter().find(|step| step.get("result").is_some_and(|result| text(result, "status") != "passed"));
    let said = |step: &Value| match step.pointer("/result/error_message") {
        Some(Value::String(line)) => line.trim().to_owned(),
        Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ").trim().to_owned(),
        _ => "no message".into(),
    };
    let why = broken.map_or_else(|| "a hook failed".into(), |step| format!("{}: {}", text(step, "name"), said(step)));
    Failure { scenario: format!("{suite}: {}, {flag}", text(scenario, "name")), why, excused: flag.contains(CLIENTS_FAULT) }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(flag: &str, status: &str) -> String {
        let steps = json!([
            { "name": format!("a {flag}"), "result": { "status": "passed" } },
            { "name": "then", "result": { "status": status, "error_message": ["no"] } },
        ]);
        let scenario = json!({ "type": "scenario", "name": "S", "status": status, "steps": steps });
        json!([{ "elements": [{ "type": "background" }, scenario] }]).to_string()
    }

    #[test]
    fn only_the_clients_own_fault_is_excused() {
        let read = |flag: &str, status: &str| Verdict::read("kit", &report(flag, status)).unwrap();
        assert!(read("Boolean-flag with key \"x\"", "passed").is_good());
        assert!(!read("Boolean-flag with key \"x\"", "failed").is_good());
        let mut both = read("Boolean-flag with key \"x\"", "passed");
        both.add(read("Integer-flag with key \"boolean-flag\"", "failed"));
        assert_eq!((both.is_good(), both.line().as_str()), (true, "1 of 2 passed, 1 are the client's own fault, 0 failed"));
        assert!(Verdict::read("kit", &report("x", "skipped")).is_err(), "nothing ran");
    }
}

//! How many tests a step ran, from what it printed.

use std::fs;

use crate::repo;

/// Tests that passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub passed: u64,
    pub failed: u64,
}

/// For steps that hold no tests.
pub fn nothing(_log: &str) -> Count {
    Count::default()
}

/// Adds up libtest's summaries: `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; …`.
pub fn libtest(log: &str) -> Count {
    let number = |line: &str, word: &str| -> u64 {
        line.split([';', '.']).filter_map(|part| part.trim().strip_suffix(word)).find_map(|number| number.trim().parse().ok()).unwrap_or(0)
    };
    let summaries = log.lines().filter(|line| line.starts_with("test result: "));
    summaries.fold(Count::default(), |sum, line| Count { passed: sum.passed + number(line, " passed"), failed: sum.failed + number(line, " failed") })
}

/// Reads the browser tests' report. A skipped test counts as failed: nothing may be skipped.
pub fn playwright(_log: &str) -> Count {
    let report = fs::read_to_string(repo::e2e().join("output/results.json")).unwrap_or_default();
    playwright_report(&report)
}

fn playwright_report(report: &str) -> Count {
    let report: serde_json::Value = serde_json::from_str(report).unwrap_or_default();
    let number = |name: &str| report.pointer(&format!("/stats/{name}")).and_then(serde_json::Value::as_u64).unwrap_or(0);
    Count { passed: number("expected"), failed: number("unexpected") + number("flaky") + number("skipped") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_all_test_programs_are_added_up() {
        let log = "running 2 tests\n..\ntest result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.10s\n\
                   test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.25s\nerror: test failed";
        assert_eq!(libtest(log), Count { passed: 15, failed: 2 });
    }

    #[test]
    fn a_skipped_browser_test_is_a_failed_one() {
        let report = r#"{"stats":{"startTime":"2026-01-01T00:00:00Z","expected":4,"skipped":1,"unexpected":2,"flaky":0}}"#;
        assert_eq!(playwright_report(report), Count { passed: 4, failed: 3 });
    }

    #[test]
    fn no_report_counts_nothing() {
        assert_eq!(playwright_report(""), Count::default());
    }
}

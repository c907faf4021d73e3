//! The hash of a job.

use std::collections::BTreeMap;

use qd_core::Timestamp;
use qd_core::port::queue::{JobRow, JobState, TextCut};

use super::number::{due, millis, moment, priority, slot};
use super::options::options;

/// Most stacks that are shown.
const STACKS: usize = 50;
/// Most bytes of names: of jobs, workers, schedules.
const NAME: usize = 512;

/// Fields of a job's hash that were read, and sizes of those that can be large.
#[derive(Clone, Debug, Default)]
pub struct Hash {
    /// What was read.
    pub fields: BTreeMap<&'static str, String>,
    /// Bytes of large fields, read or not.
    pub sizes: BTreeMap<&'static str, u64>,
}

impl Hash {
    /// A field that was read.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }

    /// A field as a number.
    pub fn number(&self, field: &str) -> Option<i64> {
        millis(self.get(field)?)
    }

    /// A field as a moment; zero is none.
    pub fn moment(&self, field: &str) -> Option<Timestamp> {
        self.number(field).filter(|ms| *ms > 0).map(moment)
    }

    /// A text, cut; only its size when it was too large to read; `None` when there is none.
    pub fn text(&self, field: &str, max: usize) -> Option<TextCut> {
        let bytes = self.sizes.get(field).copied().unwrap_or(0);
        match self.get(field) {
            Some("") => None,
            Some(text) => {
                let cut = TextCut::of(text, max);
                Some(TextCut { bytes: cut.bytes.max(bytes), ..cut })
            }
            None => (bytes > 0).then(|| TextCut { text: String::new(), bytes }),
        }
    }

    fn name(&self, field: &str) -> Option<String> {
        self.get(field).filter(|text| !text.is_empty()).map(|text| TextCut::of(text, NAME).text)
    }
}

/// The row of a job that stands in `state`, with its score there. Data is cut at `data` bytes, the reason at `reason`.
pub fn row(id: &str, state: JobState, score: Option<f64>, hash: &Hash, [data, reason]: [usize; 2]) -> JobRow {
    let prioritized = (state == JobState::Prioritized).then(|| priority(score?)).flatten();
    let attempts = hash.number("atm").or_else(|| hash.number("attemptsMade")).unwrap_or(0);
    JobRow {
        id: id.to_owned(),
        name: hash.name("name").unwrap_or_default(),
        state,
        data: hash.text("data", data).unwrap_or_default(),
        priority: hash.number("priority").or(prioritized).unwrap_or(0),
        attempts: u64::try_from(attempts).unwrap_or(0),
        attempts_max: hash.get("opts").and_then(|opts| options(opts).attempts),
        created_at: hash.moment("timestamp"),
        due_at: (state == JobState::Delayed).then(|| due(score?)).flatten(),
        started_at: hash.moment("processedOn"),
        finished_at: hash.moment("finishedOn"),
        reason: hash.text("failedReason", reason),
        worker: hash.name("pb"),
        schedule: hash.name("rjk").or_else(|| slot(id).map(|(schedule, _)| TextCut::of(schedule, NAME).text)),
    }
}

/// The stacks in a JSON list of texts, newest last, at most 50.
pub fn stacks(json: &str) -> Vec<TextCut> {
    let all: Vec<serde_json::Value> = serde_json::from_str(json).unwrap_or_default();
    let skip = all.len().saturating_sub(STACKS);
    all.iter().skip(skip).filter_map(|stack| stack.as_str()).map(|stack| TextCut::of(stack, TextCut::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_has_a_size_and_what_is_strange_is_left_out() {
        let mut hash = Hash::default();
        hash.fields.extend([
            ("name", "n".to_owned()),
            ("timestamp", "x".into()),
            ("priority", "7".into()),
            ("opts", "[".into()),
            ("atm", "-3".into()),
        ]);
        hash.sizes.extend([("data", 50_000_000), ("name", 1)]);
        let row = row("repeat:a:17", JobState::Delayed, Some(4_096_000.0), &hash, [4_096, 1_024]);
        assert_eq!((row.data.bytes, row.data.text.as_str(), row.data.is_cut()), (50_000_000, "", true));
        assert_eq!((row.created_at, row.priority, row.attempts, row.attempts_max), (None, 7, 0, None));
        assert_eq!((row.due_at, row.schedule.as_deref(), row.reason), (Some(Timestamp(1_000_000)), Some("a"), None));
    }

    #[test]
    fn the_newest_stacks_are_last() {
        let json = serde_json::to_string(&(0..60).map(|n| format!("Error: {n}")).collect::<Vec<_>>()).unwrap();
        let stacks = stacks(&json);
        assert_eq!((stacks.len(), stacks[0].text.as_str(), stacks[49].text.as_str()), (50, "Error: 10", "Error: 59"));
        assert!(super::stacks("{").is_empty() && super::stacks("[1,null]").is_empty());
    }
}

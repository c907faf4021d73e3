//! Jobs out of Redis and back: a record holds everything that Redis knows about a job, so that it can be deleted and brought back the same.

mod record;
mod remove;
mod restore;
mod settings;
mod size;
mod text;

use qd_core::port::queue::{ACT_MAX, JobRecord, JobState, Once};
use qd_core::{Error, Result};
use serde::{Deserialize, Serialize};

pub(super) use record::records;
pub(super) use remove::remove_recorded;
pub(super) use restore::restore;
pub(super) use settings::{revive, settings};
pub(super) use size::sizes;

use super::write;
use text::Text;

/// Bytes of arguments that one call of a script takes, so that it ends soon.
const BYTES: usize = 256 * 1024;

/// All of a job, in Redis's words. Lists of pairs are flat: field, value, field, value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    /// Form of this record: 1.
    form: u32,
    /// The hash.
    hash: Vec<Text>,
    /// Score in the sorted set of its state; `None` in a list.
    score: Option<String>,
    /// Log lines, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    logs: Vec<Text>,
    /// Keys of children that it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    awaited: Vec<Text>,
    /// Children that are done, and what they returned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    done: Vec<Text>,
    /// Children whose failure is ignored, and why they failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    failed: Vec<Text>,
    /// Children whose failure counts: time and key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    counted: Vec<Text>,
    /// Milliseconds that it keeps a second one like it away; -1 without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unique_ms: Option<i64>,
    /// The job that is to follow it, of those that it kept away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    follower: Vec<Text>,
    /// Its parent waits for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    waited_for: bool,
}

impl Whole {
    /// The only form that there is.
    const FORM: u32 = 1;

    /// A record's content.
    fn of(record: &JobRecord) -> Result<Self> {
        let whole: Self = serde_json::from_value(record.whole.clone())
            .map_err(|fault| Error::invalid("records", format!("The record of job {} can't be read: {fault}.", record.id)))?;
        if whole.form == Self::FORM && write::is_job(&record.id) && whole.hash.len().is_multiple_of(2) {
            return Ok(whole);
        }
        Err(Error::invalid("records", format!("The record of job {} has a form that is not known.", record.id)))
    }

    /// A value of the hash.
    fn field(&self, name: &str) -> Option<&Text> {
        self.hash.chunks_exact(2).find(|pair| pair.first().is_some_and(|field| field.0 == name.as_bytes())).and_then(|pair| pair.get(1))
    }

    /// Every list of it.
    fn lists(&self) -> [&Vec<Text>; 7] {
        [&self.hash, &self.logs, &self.awaited, &self.done, &self.failed, &self.counted, &self.follower]
    }

    /// Bytes that it has, about.
    fn bytes(&self) -> usize {
        self.lists().into_iter().flatten().map(|text| text.0.len() + 16).sum()
    }
}

/// The key of a state's jobs.
fn place(state: JobState) -> &'static str {
    match state {
        JobState::Waiting => "wait",
        JobState::Prioritized => "prioritized",
        JobState::Paused => "paused",
        JobState::Active => "active",
        JobState::Delayed => "delayed",
        JobState::WaitingChildren => "waiting-children",
        JobState::Completed => "completed",
        JobState::Failed => "failed",
    }
}

/// What the key is called, behind the queue's name, under which Redis remembers the jobs of a call.
fn receipt(once: Once<'_>) -> Result<String> {
    let good = !once.name.is_empty() && once.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':'));
    if good { Ok(format!("quarterdeck:{}", once.name)) } else { Err(Error::Broken(format!("{} names no call.", once.name))) }
}

/// Records with their contents, cut into calls of a script: at most `most` jobs and about [`BYTES`] each.
fn calls(records: &[JobRecord], most: usize) -> Result<Vec<Vec<(&JobRecord, Whole)>>> {
    if records.len() > ACT_MAX {
        return Err(Error::invalid("records", format!("At most {ACT_MAX} jobs at a time.")));
    }
    let mut calls: Vec<Vec<(&JobRecord, Whole)>> = Vec::new();
    let mut bytes = 0;
    for record in records {
        let whole = Whole::of(record)?;
        bytes += whole.bytes();
        match calls.last_mut() {
            Some(call) if call.len() < most && bytes <= BYTES => call.push((record, whole)),
            _ => {
                bytes = whole.bytes();
                calls.push(vec![(record, whole)]);
            }
        }
    }
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, data: &str) -> JobRecord {
        let whole = Whole { form: Whole::FORM, hash: vec![Text::from("data"), Text::from(data)], ..Whole::default() };
        JobRecord { id: id.into(), name: "n".into(), state: JobState::Waiting, whole: serde_json::to_value(whole).unwrap() }
    }

    #[test]
    fn calls_are_cut_by_jobs_and_by_bytes() {
        let small: Vec<_> = (0..5).map(|n| record(&n.to_string(), "{}")).collect();
        assert_eq!(calls(&small, 2).unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
        let large: Vec<_> = (0..3).map(|n| record(&n.to_string(), &"x".repeat(BYTES / 2))).collect();
        assert_eq!(calls(&large, 100).unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
        let many: Vec<_> = (0..=ACT_MAX).map(|n| record(&n.to_string(), "{}")).collect();
        assert!(matches!(calls(&many, 100), Err(Error::Invalid(_))));
    }

    #[test]
    fn a_record_of_another_form_is_refused() {
        let mut foreign = record("1", "{}");
        foreign.whole = serde_json::json!({"form": 2, "hash": [], "score": null});
        assert!(matches!(Whole::of(&foreign), Err(Error::Invalid(_))));
        foreign.whole = serde_json::json!({"hash": 7});
        assert!(matches!(Whole::of(&foreign), Err(Error::Invalid(_))));
    }

    #[test]
    fn every_state_has_its_key() {
        let places: std::collections::HashSet<_> = JobState::ALL.into_iter().map(place).collect();
        assert_eq!(places.len(), JobState::ALL.len());
        assert_eq!(Whole::of(&record("1", "7")).unwrap().field("data").unwrap().0, b"7");
    }
}

//! One attempt as the job sees it, and what it says meanwhile.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::{now, sql};
use crate::args;
use crate::db::{Result, Tx};

/// Log lines of a job that are kept, the last ones.
pub const LOG_LINES: usize = 200;
/// Bytes of a log line that are kept.
pub const LOG_LINE_MAX: usize = 1_000;
/// Bytes of a progress or a result, as JSON, that are kept; a larger one is replaced by a note of its size.
pub const SAID_MAX: usize = 262_144;

/// One attempt, as the job sees it.
#[derive(Debug, Clone)]
pub struct RunInfo {
    /// The job's id.
    pub id: Uuid,
    /// The queue it was claimed from.
    pub queue: String,
    /// This attempt, from 1.
    pub attempt: u32,
    /// How many there may be.
    pub attempts: u32,
    /// When it was enqueued, in microseconds UTC.
    pub enqueued_at: i64,
    /// The occurrence it stands for, in microseconds UTC, when it was scheduled.
    pub scheduled_for: Option<i64>,
    /// The schedule that made it.
    pub schedule: Option<String>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) notes: Arc<Notes>,
}

impl RunInfo {
    /// True when no further attempt follows this one.
    pub fn is_last(&self) -> bool {
        self.attempt >= self.attempts
    }

    /// True when the worker is shutting down: a long job ends soon or is given back.
    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until the worker shuts down.
    pub async fn stopping(&mut self) {
        // An error means that the worker is gone, which is a stop too.
        let _gone = self.stop.wait_for(|stop| *stop).await;
    }

    /// Says how far it is: a number, or any JSON. Stored twice a second, and with the outcome.
    pub fn progress(&self, progress: impl Into<Value>) {
        self.notes.said().progress = Some(bounded(progress.into()));
    }

    /// Writes a line into the job's log: the last [`LOG_LINES`] stay, each cut at [`LOG_LINE_MAX`] bytes. Stored twice a second, and with the
    /// outcome.
    pub fn log(&self, line: impl AsRef<str>) {
        let line = line.as_ref();
        let end = (0..=line.len().min(LOG_LINE_MAX)).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
        let mut said = self.notes.said();
        if said.lines.len() == LOG_LINES {
            said.lines.pop_front();
        }
        // Postgres stores no NUL.
        said.lines.push_back((now(), line.get(..end).unwrap_or_default().replace('\0', "")));
    }

    /// What the job returns, kept with it when it ends well. The last call counts.
    pub fn result(&self, result: impl Into<Value>) {
        self.notes.said().result = Some(bounded(result.into()));
    }
}

fn bounded(value: Value) -> Value {
    let bytes = value.to_string().len();
    if bytes <= SAID_MAX { value } else { json!({ "leftOut": format!("{bytes} bytes") }) }
}

/// What a running job said and is not stored yet.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<Said>);

#[derive(Debug, Default, Clone)]
pub(super) struct Said {
    pub progress: Option<Value>,
    pub lines: VecDeque<(i64, String)>,
    /// Stored with the outcome only.
    pub result: Option<Value>,
}

impl Notes {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Everything, at the end.
    pub(super) fn take(&self) -> Said {
        std::mem::take(&mut *self.said())
    }

    /// What is to be stored while the job runs; `None` when there is nothing.
    pub(super) fn news(&self) -> Option<Said> {
        let mut said = self.said();
        if said.progress.is_none() && said.lines.is_empty() {
            return None;
        }
        Some(Said { progress: said.progress.take(), lines: std::mem::take(&mut said.lines), result: None })
    }

    /// Gives back what could not be stored, behind what was said since.
    pub(super) fn put_back(&self, old: Said) {
        let mut said = self.said();
        said.progress = said.progress.take().or(old.progress);
        let lines = old.lines.into_iter().chain(std::mem::take(&mut said.lines));
        said.lines = lines.collect();
        let over = said.lines.len().saturating_sub(LOG_LINES);
        said.lines.drain(..over);
    }
}

pub(super) async fn store_lines(tx: &mut Tx, job: Uuid, lines: VecDeque<(i64, String)>) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    for (at, text) in lines {
        tx.exec(sql::LOG, args![job, at, text]).await?;
    }
    let keep = i64::try_from(LOG_LINES).unwrap_or(i64::MAX);
    tx.exec(sql::LOG_TRIM, args![job, keep]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> RunInfo {
        RunInfo {
            id: Uuid::nil(),
            queue: String::new(),
            attempt: 1,
            attempts: 1,
            enqueued_at: 0,
            scheduled_for: None,
            schedule: None,
            stop: watch::channel(false).1,
            notes: Arc::default(),
        }
    }

    #[test]
    fn lines_and_values_are_bounded() {
        let run = run();
        for n in 0..300 {
            run.log(format!("{n} {}", "ä".repeat(1_000)));
        }
        run.result("x".repeat(SAID_MAX));
        let said = run.notes.take();
        assert_eq!(said.lines.len(), LOG_LINES);
        assert!(said.lines[0].1.starts_with("100 ä") && said.lines[0].1.len() <= LOG_LINE_MAX);
        assert_eq!(said.result, Some(json!({ "leftOut": "262146 bytes" })));
    }

    #[test]
    fn what_was_not_stored_stays_before_what_is_new() {
        let run = run();
        run.log("first");
        run.progress(1);
        let old = run.notes.news().unwrap();
        run.log("second");
        run.notes.put_back(old);
        let said = run.notes.news().unwrap();
        assert_eq!((said.lines.len(), said.lines[0].1.as_str(), said.progress), (2, "first", Some(json!(1))));
        assert!(run.notes.news().is_none());
    }
}

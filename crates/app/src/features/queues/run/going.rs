//! A run that goes on: its figures, kept with each step, and told to live screens twice a second at most.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::job::RunInfo;
use qd_core::event::Event;
use qd_core::port::Queue;
use qd_core::port::queue::{ACT_MAX, Acted};
use qd_core::{App, Error, Result};
use serde_json::json;

use super::place::{Stored, Verdict};
use super::{Refusal, Run, RunStatus, store};
use crate::features::queues::archive::{self, Chunk};
use crate::features::queues::verb::REFUSALS_SHOWN;

/// Between two tellings.
const TELL: Duration = Duration::from_millis(500);
/// Longest sleep without a look at whether it is to end.
const SLICE: Duration = Duration::from_millis(500);

/// Refused jobs that are remembered at most.
const REMEMBERED: usize = 200_000;

/// Whether to go on.
#[derive(Debug)]
pub(super) enum Go {
    /// Yes.
    On,
    /// No: it is decided how it ends.
    End(Verdict),
    /// Not here: the process stops, another execution goes on.
    Stop,
}

/// How a part of a run ended: with everything in it seen, or before.
pub(super) type Part = std::result::Result<(), Go>;

pub(super) struct Going {
    pub app: App,
    pub driver: Arc<dyn Queue>,
    pub stored: Stored,
    /// Chunks of the archive of which it is known now what was deleted; written with the next step.
    pub settled: Vec<Chunk>,
    stop: Option<RunInfo>,
    began: Instant,
    begun_with: i64,
    told: Option<Instant>,
    /// Ids that were refused: a list is looked at several times.
    refused: HashSet<String>,
}

impl Going {
    pub fn new(app: App, driver: Arc<dyn Queue>, stored: Stored, stop: Option<RunInfo>) -> Self {
        let begun_with = stored.run.done;
        Self { app, driver, stored, settled: Vec::new(), stop, began: Instant::now(), begun_with, told: None, refused: HashSet::new() }
    }

    pub fn run(&self) -> &Run {
        &self.stored.run
    }

    pub fn queue(&self) -> String {
        self.stored.run.queue.clone()
    }

    /// Jobs of one chunk.
    pub fn chunk(&self) -> usize {
        self.stored.run.rate.map_or(ACT_MAX, |rate| usize::try_from(rate).unwrap_or(ACT_MAX).clamp(1, ACT_MAX))
    }

    pub fn count<'i>(&mut self, ids: impl IntoIterator<Item = &'i String>, answers: &[Acted]) {
        for (id, answer) in ids.into_iter().zip(answers) {
            match answer {
                Acted::Done | Acted::There => self.stored.run.done += 1,
                Acted::Gone => self.stored.run.gone += 1,
                Acted::Refused(why) => self.refuse(id, why),
            }
        }
    }

    pub fn refuse(&mut self, id: &str, why: &str) {
        if self.refused.len() < REMEMBERED && !self.refused.insert(id.to_owned()) {
            return;
        }
        let run = &mut self.stored.run;
        run.refused += 1;
        if run.refusals.len() < REFUSALS_SHOWN {
            run.refusals.push(Refusal { id: id.to_owned(), why: why.to_owned() });
        }
    }

    /// Adds a sentence that people should know at its end.
    pub fn note(&mut self, sentence: &str) {
        let note = self.stored.run.note.get_or_insert_default();
        if !note.contains(sentence) {
            if !note.is_empty() {
                note.push(' ');
            }
            note.push_str(sentence);
        }
    }

    /// Stores figures and place, and says whether to go on.
    ///
    /// # Errors
    /// [`Error::Outdated`] when another execution has taken the run over.
    pub async fn keep(&mut self) -> Result<Go> {
        let (stored, settled, now) = (self.stored.clone(), std::mem::take(&mut self.settled), self.app.now());
        let write = self.app.db.write_with(move |tx| {
            Box::pin(async move {
                archive::settle(tx, &settled).await?;
                store::progress(tx, &stored, now).await
            })
        });
        let status = write.await?.ok_or_else(|| Error::Outdated("Another execution has taken this run over.".into()))?;
        self.stored.step += 1;
        self.stored.run.status = status;
        self.stored.run.updated_at = now;
        self.tell(false);
        Ok(self.go(status))
    }

    fn go(&self, status: RunStatus) -> Go {
        match status {
            RunStatus::Waiting | RunStatus::Running if self.stop.as_ref().is_some_and(RunInfo::is_stopping) => Go::Stop,
            RunStatus::Waiting | RunStatus::Running => Go::On,
            _ => Go::End(Verdict::Cancelled),
        }
    }

    /// Waits, with an eye on whether it is to end.
    pub async fn wait(&mut self, time: Duration) -> Result<Go> {
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            tokio::time::sleep(left.min(SLICE)).await;
            let status = store::current(&self.app.db, self.stored.run.id).await?.unwrap_or(RunStatus::Cancelled);
            match self.go(status) {
                Go::On if left > SLICE => {}
                go => return Ok(go),
            }
        }
    }

    /// Waits for as long as its rate asks.
    pub async fn pace(&mut self) -> Result<Go> {
        let Some(rate) = self.stored.run.rate.filter(|rate| *rate > 0) else { return Ok(Go::On) };
        let done = u64::try_from(self.stored.run.done - self.begun_with).unwrap_or(0);
        let due = Duration::from_millis(done.saturating_mul(1_000) / u64::from(rate));
        match due.saturating_sub(self.began.elapsed()) {
            Duration::ZERO => Ok(Go::On),
            left => self.wait(left).await,
        }
    }

    /// Tells live screens how far it is.
    pub fn tell(&mut self, now: bool) {
        if now || self.told.is_none_or(|told| told.elapsed() >= TELL) {
            self.told = Some(Instant::now());
            tell(&self.app, &self.stored.run);
        }
    }
}

/// Tells live screens how far a run is: counts only.
pub(super) fn tell(app: &App, run: &Run) {
    let payload = json!({
        "source": run.source, "queue": run.queue, "status": run.status, "total": run.total,
        "seen": run.seen, "done": run.done, "gone": run.gone, "refused": run.refused,
    });
    app.bus.tell(Event::new("queue.run", run.id, payload, app.now()));
}

/// Ends a part early unless it is to go on.
macro_rules! go {
    ($going:expr) => {
        match $going {
            $crate::features::queues::run::going::Go::On => {}
            stop => return Ok(Err(stop)),
        }
    };
}
pub(super) use go;

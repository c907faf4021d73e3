//! Counters of causes, changed with the index and in its transaction.

use std::collections::BTreeMap;

use engine::{Result, Tx};
use qd_core::App;

use super::store::{self, Row};

/// Most names of a cause that are kept.
const NAMES: usize = 10;
/// Causes that are counted anew at a time.
const PAGE: i64 = 200;
/// Bytes of a reason that are shown of a cause.
const REASON: usize = 300;

/// What changes in the causes of one queue.
#[derive(Debug, Default)]
pub(in crate::features::queues) struct Changes(BTreeMap<String, Change>);

#[derive(Debug, Default)]
struct Change {
    jobs: i64,
    failures: Vec<Failure>,
}

/// A job that failed.
#[derive(Clone, Debug)]
pub(in crate::features::queues) struct Failure {
    pub job: String,
    pub name: String,
    pub reason: String,
    pub at: i64,
}

impl Changes {
    /// One more job failed so.
    pub fn more(&mut self, fingerprint: &str, failure: Failure) {
        let change = self.0.entry(fingerprint.to_owned()).or_default();
        change.jobs += 1;
        change.failures.push(failure);
    }

    /// One of them is no longer failed.
    pub fn less(&mut self, fingerprint: &str) {
        self.0.entry(fingerprint.to_owned()).or_default().jobs -= 1;
    }

    /// Jobs that are failed now and were not.
    pub fn balance(&self) -> i64 {
        self.0.values().map(|change| change.jobs).sum()
    }

    /// Writes them.
    pub async fn write(self, tx: &mut Tx, source: &str, queue: &str) -> Result<()> {
        for (fingerprint, change) in self.0 {
            let row = store::find(tx, source, queue, &fingerprint).await?;
            let fresh = || Row { source: source.to_owned(), queue: queue.to_owned(), fingerprint, first_at: i64::MAX, ..Row::default() };
            let mut row = row.unwrap_or_else(fresh);
            row.jobs = (row.jobs + change.jobs).max(0);
            change.failures.iter().for_each(|failure| take(&mut row, failure));
            if row.first_at < i64::MAX {
                store::put(tx, row).await?;
            }
        }
        Ok(())
    }
}

fn take(row: &mut Row, failure: &Failure) {
    row.first_at = row.first_at.min(failure.at);
    if failure.at >= row.last_at || row.sample.is_empty() {
        row.sample.clone_from(&failure.job);
        let line = failure.reason.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        row.reason = qd_core::port::queue::TextCut::of(line, REASON).text;
    }
    row.last_at = row.last_at.max(failure.at);
    let name = failure.name.replace('\n', " ");
    let known = row.names.lines().count();
    if known < NAMES && !name.is_empty() && !row.names.lines().any(|known| known == name) {
        row.names = if known == 0 { name } else { format!("{}\n{name}", row.names) };
    }
}

/// Counts the causes of a queue anew, some at a time: what was missed between two changes is made good. The counting of a million jobs holds up no
/// writer, and a queue whose every failure is a cause of its own takes no more memory than another.
///
/// # Errors
/// Those of the database.
pub(in crate::features::queues) async fn true_up(app: &App, source: &str, queue: &str) -> qd_core::Result<()> {
    let mut after = String::new();
    loop {
        let causes: Vec<String> = store::of_queue(&app.db, source, queue, &after, PAGE).await?.into_iter().map(|(cause,)| cause).collect();
        let Some(last) = causes.last().cloned() else { return Ok(()) };
        let counted = store::counted(&app.db, source, queue, (&after, &last)).await?;
        let counted: BTreeMap<String, store::Counted> = counted.into_iter().map(|row| (row.fingerprint.clone(), row)).collect();
        let (source, queue) = (source.to_owned(), queue.to_owned());
        app.db.write(move |tx| Box::pin(async move { make_good(tx, (&source, &queue), &causes, &counted).await })).await?;
        after = last;
    }
}

async fn make_good(tx: &mut Tx, (source, queue): (&str, &str), causes: &[String], counted: &BTreeMap<String, store::Counted>) -> Result<()> {
    for cause in causes {
        let Some(mut row) = store::find(tx, source, queue, cause).await? else { continue };
        let before = row.clone();
        match counted.get(cause) {
            Some(found) => {
                // When it was first seen stays, though that job may be gone.
                (row.jobs, row.last_at) = (found.jobs, row.last_at.max(found.last_at));
                row.first_at = row.first_at.min(found.first_at);
            }
            None => row.jobs = 0,
        }
        if row != before {
            store::put(tx, row).await?;
        }
    }
    Ok(())
}

//! A cohort: a few failed jobs run again; if all of them succeed the rest follows in growing batches, each watched until it ended. It stops by itself
//! when they fail again. A limit that it sets meanwhile is put back, also after a crash: that it was set is written before it is.

use std::time::{Duration, Instant};

use qd_core::Result;
use qd_core::gate::Warrant;
use qd_core::port::queue::{ACT_MAX, Acted, JobAct, JobRow, JobState, Limits};
use serde::{Deserialize, Serialize};

use super::going::{Go, Going, Part, go};
use super::place::Verdict;
use super::walk::{meant, newest, whole};
use super::{Run, Work};

/// Between two looks at a batch.
const LOOK: Duration = Duration::from_millis(300);
/// A batch of which nothing ended for so long is no longer waited for.
const PATIENCE: Duration = Duration::from_secs(600);
/// The first batch after those that went ahead.
const BATCH: usize = 20;
/// Where the cohort stops: one of so many that ended failed again.
const ONE_OF: i64 = 5;

/// A job that was let run, and when it had failed before: another time means that it failed again.
type Member = (String, Option<i64>);

/// How far a cohort is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::features::queues) struct Cohort {
    /// Those that went ahead have all succeeded.
    green: bool,
    /// Size of the last batch.
    size: usize,
    /// Jobs that run now.
    batch: Vec<Member>,
    /// Jobs that were found and have not had their turn.
    next: Vec<Member>,
    /// No more are to be found.
    exhausted: bool,
    /// Jobs that ended since.
    ended: i64,
    /// Those of them that failed again.
    failed: i64,
    /// The limit that is to be put back.
    limit: Option<Limit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Limit {
    before: Option<u64>,
    ours: u64,
}

/// Retries all that is meant, or stops when it fails again.
pub(super) async fn retry(going: &mut Going, warrant: &Warrant) -> Result<Part> {
    let Work::Cohort { first, concurrency, .. } = going.run().work else { return Ok(Ok(())) };
    newest(going, JobState::Failed).await?;
    // Of an execution that was cut off: some or all of them were let run by it.
    let mut again = !going.stored.place.cohort.batch.is_empty();
    loop {
        if !going.stored.place.cohort.batch.is_empty() {
            let_run(going, warrant, std::mem::take(&mut again)).await?;
            if let Err(stop) = watch(going, PATIENCE).await? {
                return Ok(Err(stop));
            }
            let cohort = &mut going.stored.place.cohort;
            (cohort.green, cohort.batch) = (true, Vec::new());
            go!(going.keep().await?);
            limit(going, warrant, concurrency).await?;
        }
        let size = match going.stored.place.cohort.size {
            0 => usize::try_from(first).unwrap_or(1),
            _ if !going.stored.place.cohort.green => usize::try_from(first).unwrap_or(1),
            last => (last * 2).clamp(BATCH, ACT_MAX),
        };
        if !pick(going, size).await? {
            return Ok(Ok(()));
        }
        go!(going.keep().await?);
    }
}

/// Takes the next batch; false when none is left.
async fn pick(going: &mut Going, size: usize) -> Result<bool> {
    let (queue, until) = (going.queue(), going.stored.place.until);
    while going.stored.place.cohort.next.len() < size && !going.stored.place.cohort.exhausted {
        let page = going.driver.jobs(&queue, JobState::Failed, going.stored.place.cursor.as_deref(), ACT_MAX).await?;
        going.stored.run.seen += whole(page.jobs.len());
        let old = |row: &JobRow| row.finished_at.is_none_or(|at| until.is_none_or(|until| at.0 <= until));
        let rows = meant(going, page.jobs.into_iter().filter(old).collect()).await?;
        let cohort = &mut going.stored.place.cohort;
        cohort.next.extend(rows.into_iter().map(|row| (row.id, row.finished_at.map(|at| at.0))));
        cohort.exhausted = page.next.is_none();
        going.stored.place.cursor = page.next;
    }
    let cohort = &mut going.stored.place.cohort;
    let rest = cohort.next.split_off(size.min(cohort.next.len()));
    cohort.batch = std::mem::replace(&mut cohort.next, rest);
    cohort.size = size;
    Ok(!cohort.batch.is_empty())
}

/// Lets those of the batch run that stand as they were found. The others are watched like them; when the batch is picked up `again`, they ran
/// because of this run.
async fn let_run(going: &mut Going, warrant: &Warrant, again: bool) -> Result<()> {
    let Work::Cohort { reset, .. } = going.run().work else { return Ok(()) };
    let batch = going.stored.place.cohort.batch.clone();
    let rows = going.driver.find(&going.queue(), &batch.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>()).await?;
    let stands = |(id, before): &Member| {
        let row = rows.iter().find(|row| row.id == *id);
        row.is_some_and(|row| row.state == JobState::Failed && row.finished_at.map(|at| at.0) == *before)
    };
    let (stand, moved): (Vec<Member>, Vec<Member>) = batch.into_iter().partition(stands);
    let run = &mut going.stored.run;
    *(if again { &mut run.done } else { &mut run.gone }) += whole(moved.len());
    if stand.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = stand.into_iter().map(|(id, _)| id).collect();
    let answers = going.driver.act(warrant, &going.queue(), JobAct::RetryFailed { reset }, &ids).await?;
    going.count(&ids, &answers);
    let refused: Vec<&String> = ids.iter().zip(&answers).filter(|(_, answer)| matches!(answer, Acted::Refused(_))).map(|(id, _)| id).collect();
    going.stored.place.cohort.batch.retain(|(id, _)| !refused.contains(&id));
    Ok(())
}

/// What became of a batch so far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    ended: i64,
    failed: i64,
    /// Of those that go on: waiting for another attempt.
    again: usize,
    going: usize,
}

fn seen(batch: &[Member], rows: &[JobRow]) -> Seen {
    let mut seen = Seen::default();
    for (id, before) in batch {
        match rows.iter().find(|row| row.id == *id).map(|row| (row.state, row.finished_at.map(|at| at.0))) {
            // What is done may be deleted at once; what failed was kept before, too.
            None | Some((JobState::Completed, _)) => seen.ended += 1,
            Some((JobState::Failed, at)) if at == *before => {}
            Some((JobState::Failed, _)) => (seen.ended, seen.failed) = (seen.ended + 1, seen.failed + 1),
            Some((JobState::Delayed, _)) => (seen.going, seen.again) = (seen.going + 1, seen.again + 1),
            Some(_) => seen.going += 1,
        }
    }
    seen
}

/// Waits until a batch has ended, unless too many of it fail.
async fn watch(going: &mut Going, patience: Duration) -> Result<Part> {
    let (mut last, mut moved) = (-1, Instant::now());
    loop {
        let cohort = going.stored.place.cohort.clone();
        let ids: Vec<String> = cohort.batch.iter().map(|(id, _)| id.clone()).collect();
        let rows = if ids.is_empty() { Vec::new() } else { going.driver.find(&going.queue(), &ids).await? };
        let now = seen(&cohort.batch, &rows);
        if let Some(why) = too_many(&cohort, &now, going.run()) {
            return Ok(Err(Go::End(Verdict::Failed(why))));
        }
        if now.going == 0 {
            let place = &mut going.stored.place.cohort;
            (place.ended, place.failed) = (cohort.ended + now.ended, cohort.failed + now.failed);
            return Ok(Ok(()));
        }
        if now.ended != last {
            (last, moved) = (now.ended, Instant::now());
            going.stored.run.phase = phase(&cohort, &now);
            going.tell(true);
        }
        if moved.elapsed() >= patience {
            return Ok(Err(Go::End(Verdict::Failed(nothing_moves(&now, patience)))));
        }
        go!(going.wait(LOOK).await?);
    }
}

fn phase(cohort: &Cohort, now: &Seen) -> String {
    let (ended, all) = (now.ended, cohort.batch.len());
    if cohort.green { format!("{ended} of a batch of {all} ended") } else { format!("waiting for the first {all}: {ended} ended") }
}

/// Why a cohort stops; `None` while it may go on.
fn too_many(cohort: &Cohort, now: &Seen, run: &Run) -> Option<String> {
    let (ended, failed) = (cohort.ended + now.ended, cohort.failed + now.failed);
    let left = run.total.map_or_else(String::new, |total| format!(" The rest of the {total} was left alone."));
    if !cohort.green {
        let all = cohort.batch.len();
        return (now.failed > 0).then(|| format!("{} of the first {all} failed again: what made them fail still holds.{left}", now.failed));
    }
    let many = failed * ONE_OF >= ended.max(2 * ONE_OF);
    many.then(|| format!("{failed} of {ended} that ended failed again. It stopped by itself before more did.{left}"))
}

fn nothing_moves(now: &Seen, patience: Duration) -> String {
    let minutes = patience.as_secs() / 60;
    let again = if now.again > 0 { format!(" {} wait for another attempt.", now.again) } else { String::new() };
    format!("No job of the batch ended for {minutes} min; {} go on.{again} Look whether the queue is paused, and whether it has workers.", now.going)
}

/// Sets the temporary limit, once.
async fn limit(going: &mut Going, warrant: &Warrant, concurrency: Option<u32>) -> Result<()> {
    let Some(ours) = concurrency.map(u64::from).filter(|_| going.stored.place.cohort.limit.is_none()) else { return Ok(()) };
    if !going.driver.can().limits {
        going.note("This job system can't limit a queue: the batches alone held the rest back.");
        return Ok(());
    }
    let before = present(going).await?;
    going.stored.place.cohort.limit = Some(Limit { before, ours });
    // Before it is set, so that a crash after it finds what to put back.
    going.keep().await?;
    going.driver.limit(warrant, &going.queue(), Limits { concurrency: Some(Some(ours)), rate: None }).await
}

async fn present(going: &Going) -> Result<Option<u64>> {
    let queue = going.queue();
    Ok(going.driver.states().await?.into_iter().find(|state| state.name == queue).and_then(|state| state.concurrency))
}

/// Puts the limit back that held before, unless somebody set another one meanwhile.
pub(super) async fn release(going: &mut Going, warrant: &Warrant) -> Result<()> {
    let Some(limit) = going.stored.place.cohort.limit else { return Ok(()) };
    if present(going).await? == Some(limit.ours) {
        going.driver.limit(warrant, &going.queue(), Limits { concurrency: Some(limit.before), rate: None }).await?;
    } else {
        going.note("Somebody changed the limit of the queue meanwhile: it was left as it is.");
    }
    going.stored.place.cohort.limit = None;
    Ok(())
}

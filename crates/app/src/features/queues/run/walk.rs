//! The way over the jobs of a state: by pages of rows where acting does not disturb the pages, else by ids that are collected first.

use qd_core::gate::Warrant;
use qd_core::port::queue::{JobAct, JobRow, JobState};
use qd_core::{Error, Result};

use super::going::{Going, Part, go};
use super::{Filter, Match, Run, Work, delete};

/// Ids that are held in memory at most: about 60 MB. Tests need fewer jobs to come to the end of it.
const HELD_MAX: usize = if cfg!(test) { 3_000 } else { 1_000_000 };
/// Up to so many jobs their ids are collected even where pages would do: that is quicker, and the oldest go first.
const QUICK_MAX: i64 = 100_000;
/// Passes over a list from which jobs go while it is read.
const PASSES: u32 = 3;

/// The states that a kind of work looks at, in order.
pub(super) fn states(work: Work, filter: &Filter) -> Vec<JobState> {
    use JobState::{Completed, Delayed, Failed, Paused, Prioritized, Waiting, WaitingChildren};
    match work {
        Work::Drain { delayed: false } => vec![Waiting, Prioritized, Paused],
        Work::Drain { delayed: true } => vec![Waiting, Prioritized, Paused, Delayed],
        Work::Obliterate => vec![Waiting, Prioritized, Paused, Delayed, WaitingChildren, Completed, Failed],
        Work::Restore { .. } => Vec::new(),
        Work::Retry { .. } | Work::Promote | Work::Remove | Work::Cohort { .. } => vec![filter.state],
    }
}

/// Acts on everything that is meant, state after state.
pub(super) async fn walk(going: &mut Going, warrant: &Warrant) -> Result<Part> {
    let run = going.run();
    let (states, chosen) = (states(run.work, &run.filter), run.filter.ids.clone());
    if let Some(ids) = chosen {
        return act_on_ids(going, warrant, &ids, None, true).await;
    }
    while let Some(state) = states.get(going.stored.place.at).copied() {
        let part = if is_ended(state) { ended(going, warrant, state).await? } else { listed(going, warrant, state).await? };
        if part.is_err() {
            return Ok(part);
        }
        let place = &mut going.stored.place;
        (place.at, place.cursor, place.until, place.passes) = (place.at + 1, None, None, 0);
        go!(going.keep().await?);
    }
    Ok(Ok(()))
}

fn is_ended(state: JobState) -> bool {
    matches!(state, JobState::Completed | JobState::Failed)
}

/// Jobs that ended, the newest first. What ends after the run began is not looked at: a job that fails again is not retried again.
async fn ended(going: &mut Going, warrant: &Warrant, state: JobState) -> Result<Part> {
    let (first, queue) = (going.stored.place.until.is_none(), going.queue());
    let until = newest(going, state).await?;
    if first {
        go!(going.keep().await?);
        if quick(going) {
            return all_at_once(going, warrant, state).await;
        }
    }
    loop {
        let page = going.driver.jobs(&queue, state, going.stored.place.cursor.as_deref(), going.chunk()).await?;
        going.stored.run.seen += whole(page.jobs.len());
        let rows = page.jobs.into_iter().filter(|row| row.finished_at.is_none_or(|at| at.0 <= until)).collect();
        let rows = meant(going, rows).await?;
        let part = act(going, warrant, &rows).await?;
        if part.is_err() {
            return Ok(part);
        }
        let last = page.next.is_none();
        going.stored.place.cursor = page.next;
        go!(going.keep().await?);
        if last {
            return Ok(Ok(()));
        }
        go!(going.pace().await?);
    }
}

/// The end of the newest job, by the job system's own clocks: ours may differ.
pub(super) async fn newest(going: &mut Going, state: JobState) -> Result<i64> {
    if let Some(until) = going.stored.place.until {
        return Ok(until);
    }
    let first = going.driver.jobs(&going.queue(), state, None, 1).await?;
    let until = first.jobs.iter().filter_map(|row| row.finished_at).max().unwrap_or(going.app.now()).0;
    going.stored.place.until = Some(until);
    Ok(until)
}

/// Whether rows need not be looked at.
fn quick(going: &Going) -> bool {
    let run = going.run();
    matches!(run.work, Work::Retry { .. }) && run.filter.is_all() && run.total.is_some_and(|total| total <= QUICK_MAX)
}

/// Everything that is there now, the oldest first. After a crash the rows are looked at: those that failed again can't be told by their ids.
async fn all_at_once(going: &mut Going, warrant: &Warrant, state: JobState) -> Result<Part> {
    let ((ids, _), queue) = (collect(going, state).await?, going.queue());
    for chunk in ids.chunks(going.chunk()) {
        going.stored.run.seen += whole(chunk.len());
        let answers = going.driver.act(warrant, &queue, job_act(going.run())?, chunk).await?;
        going.count(chunk, &answers);
        go!(going.keep().await?);
        go!(going.pace().await?);
    }
    Ok(Ok(()))
}

/// Jobs that have not ended: collected first, then acted on. A list from which jobs go while it is read shows some of them only the second time.
async fn listed(going: &mut Going, warrant: &Warrant, state: JobState) -> Result<Part> {
    // Of what came later, as far as the clocks tell: those of the first pass were all there when it began.
    let resumed = going.stored.place.passes > 0;
    let mut made: Option<i64> = resumed.then(|| going.run().started_at.unwrap_or(going.run().created_at).0);
    if resumed {
        look_again(going);
    }
    let mut first = true;
    loop {
        let (ids, more) = collect(going, state).await?;
        going.stored.place.passes += 1;
        let before = going.run().done;
        let part = act_on_ids(going, warrant, &ids, Some(&mut made), first).await?;
        if part.is_err() {
            return Ok(part);
        }
        let moved = going.run().done > before;
        if !(moved && (more || going.run().work.deletes() && going.stored.place.passes < PASSES)) {
            if more {
                going.note("The list is longer than a run can look through at once: what lies beyond the first 1,000,000 jobs was not looked at.");
            }
            return Ok(Ok(()));
        }
        first = more;
        if more {
            // What lies beyond was there before the run, too, though none of it was seen.
            made = Some(going.run().started_at.unwrap_or(going.run().created_at).0);
            look_again(going);
        }
    }
}

/// What was acted on is no longer in the list; the rest of it is looked at, and counted, anew.
fn look_again(going: &mut Going) {
    let (run, at) = (&mut going.stored.run, going.stored.place.at);
    if at == 0 {
        (run.refused, run.refusals) = (0, Vec::new());
    }
    run.seen = run.done + run.gone + run.refused;
}

/// Acts on the jobs of these ids that are meant. `made` is the newest creation that counts; the first pass finds it.
async fn act_on_ids(going: &mut Going, warrant: &Warrant, ids: &[String], mut made: Option<&mut Option<i64>>, first: bool) -> Result<Part> {
    let queue = going.queue();
    let bound = made.as_deref().copied().flatten();
    for chunk in ids.chunks(going.chunk()) {
        let rows = going.driver.find(&queue, chunk).await?;
        if first {
            going.stored.run.seen += whole(chunk.len());
        }
        if let Some(made) = made.as_deref_mut().filter(|_| bound.is_none()) {
            *made = rows.iter().filter_map(|row| row.created_at.map(|at| at.0)).chain(*made).max();
        }
        let (found, asked) = (rows.len(), chunk.len());
        let rows = rows.into_iter().filter(|row| bound.is_none_or(|bound| row.created_at.is_none_or(|at| at.0 <= bound))).collect();
        let rows = meant(going, rows).await?;
        if going.run().filter.ids.is_some() {
            going.stored.run.gone += whole(asked - found.min(asked));
        }
        let part = act(going, warrant, &rows).await?;
        if part.is_err() {
            return Ok(part);
        }
        go!(going.keep().await?);
        go!(going.pace().await?);
    }
    Ok(Ok(()))
}

/// Ids of a state, as they are now, and whether there are more of them.
async fn collect(going: &Going, state: JobState) -> Result<(Vec<String>, bool)> {
    let (mut all, mut after, queue): (Vec<String>, Option<String>, _) = (Vec::new(), None, going.queue());
    loop {
        let (ids, next) = going.driver.ids(&queue, state, after.as_deref()).await?;
        all.extend(ids);
        after = next;
        if after.is_none() || all.len() >= HELD_MAX {
            return Ok((all, after.is_some()));
        }
    }
}

/// Those rows that the filter means. What a list cut off is looked up whole; what is too long even so is left alone.
pub(super) async fn meant(going: &mut Going, rows: Vec<JobRow>) -> Result<Vec<JobRow>> {
    let (filter, queue) = (going.run().filter.clone(), going.queue());
    if matches!(going.run().work, Work::Drain { .. } | Work::Obliterate) {
        return Ok(rows);
    }
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        match filter.matches(&row) {
            Match::Yes => kept.push(row),
            Match::No => {}
            Match::Unsure => match going.driver.job(&queue, &row.id).await?.map(|job| filter.matches(&job.row)) {
                Some(Match::Yes) => kept.push(row),
                Some(Match::Unsure) => going.stored.place.unsure += 1,
                Some(Match::No) | None => {}
            },
        }
    }
    Ok(kept)
}

/// Does the work to at most a chunk of jobs.
async fn act(going: &mut Going, warrant: &Warrant, rows: &[JobRow]) -> Result<Part> {
    if rows.is_empty() {
        return Ok(Ok(()));
    }
    if going.run().work.deletes() {
        return delete::delete(going, warrant, rows).await;
    }
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let answers = going.driver.act(warrant, &going.queue(), job_act(going.run())?, &ids).await?;
    going.count(&ids, &answers);
    Ok(Ok(()))
}

fn job_act(run: &Run) -> Result<JobAct> {
    match run.work {
        Work::Retry { reset } if run.filter.state == JobState::Completed || run.filter.ids.is_some() => Ok(JobAct::Retry { reset }),
        // One that succeeded since it was listed does not run a second time.
        Work::Retry { reset } | Work::Cohort { reset, .. } => Ok(JobAct::RetryFailed { reset }),
        Work::Promote => Ok(JobAct::Promote),
        other => Err(Error::Broken(format!("{} is no act on single jobs", other.word()))),
    }
}

pub(super) fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

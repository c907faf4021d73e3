//! What a run would do, counted read-only and bounded.

use std::time::{Duration, Instant};

use qd_core::gate::Preview;
use qd_core::port::Queue;
use qd_core::port::queue::{JobPage, JobRow, JobState, PAGE_MAX, QueueState};
use qd_core::{App, Result};

use super::{Filter, Match, Work, walk};
use crate::features::queues::source;

/// Longest look.
const TIME_MAX: Duration = Duration::from_secs(2);
/// Most rows that are looked at.
const ROWS_MAX: usize = 20_000;
/// Jobs that are shown.
const SAMPLE: usize = 5;

/// What was counted.
struct Counted {
    jobs: i64,
    /// Not everything was looked at: there may be more.
    at_least: bool,
    sample: Vec<String>,
}

/// What a run would do: how many jobs, five of them by id and name, and what else people should know. Takes two seconds or 20,000 rows at most, and
/// says "at least" when it stopped there.
///
/// # Errors
/// [`qd_core::Error::NotFound`] for an unknown queue, and those of the driver.
pub async fn preview(app: &App, name: &str, queue: &str, work: Work, filter: &Filter) -> Result<Preview> {
    if let Work::Restore { run } = work {
        return restoring(app, run).await;
    }
    let driver = source::source(app, name)?.queue.as_ref();
    let state = source::state(app, name, queue).await?;
    let states = walk::states(work, filter);
    // Drivers count what a pause set aside among all that waits: of it alone there is no count.
    let all = matches!(work, Work::Drain { .. } | Work::Obliterate) || (filter.is_all() && filter.state != JobState::Paused);
    let counted = if all { whole_states(driver, &state, &states).await? } else { looked(driver, queue, filter).await? };
    let mut preview = Preview { effects: effects(work, &counted, &state), sample: counted.sample, ..Preview::default() };
    preview.figures.push((if counted.at_least { "jobs, at least" } else { "jobs" }.into(), counted.jobs));
    if work == Work::Obliterate && driver.can().schedules {
        let schedules = driver.schedules().await?.into_iter().filter(|schedule| schedule.queue == queue).count();
        preview.figures.push(("schedules".into(), i64::try_from(schedules).unwrap_or(i64::MAX)));
    }
    Ok(preview)
}

async fn restoring(app: &App, run: uuid::Uuid) -> Result<Preview> {
    let origin = super::find(app, run).await?;
    let effect = format!("They come back into {} in the state that they had. One whose id exists again is left out.", origin.queue);
    Ok(Preview { effects: vec![effect], figures: vec![("jobs".into(), origin.archived)], sample: Vec::new() })
}

/// Counts of the driver.
async fn whole_states(driver: &dyn Queue, state: &QueueState, states: &[JobState]) -> Result<Counted> {
    let mut sample = Vec::new();
    for one in states {
        if sample.len() < SAMPLE && counted(state, *one) > 0 {
            let page = driver.jobs(&state.name, *one, None, SAMPLE - sample.len()).await?;
            sample.extend(page.jobs.iter().map(shown));
        }
    }
    let counts: Vec<i64> = states.iter().map(|one| counted(state, *one)).collect();
    let at_least = counts.iter().any(|count| state.at_least(count.unsigned_abs()));
    Ok(Counted { jobs: counts.into_iter().sum(), at_least, sample })
}

/// The driver's count of a state. A driver that keeps paused jobs apart counts them among those that wait.
pub(super) fn counted(state: &QueueState, one: JobState) -> i64 {
    let count = match one {
        JobState::Waiting => state.waiting.saturating_sub(state.prioritized),
        JobState::Prioritized => state.prioritized,
        JobState::Paused => 0,
        JobState::Active => state.active,
        JobState::Delayed => state.delayed,
        JobState::WaitingChildren => state.waiting_children,
        JobState::Completed => state.completed,
        JobState::Failed => state.failed,
    };
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Looks at rows until time or number is up.
async fn looked(driver: &dyn Queue, queue: &str, filter: &Filter) -> Result<Counted> {
    let (began, mut rows, mut after) = (Instant::now(), 0, None);
    let mut counted = Counted { jobs: 0, at_least: false, sample: Vec::new() };
    loop {
        let JobPage { jobs, next } = driver.jobs(queue, filter.state, after.as_deref(), PAGE_MAX).await?;
        rows += jobs.len();
        for job in &jobs {
            match filter.matches(job) {
                Match::Yes => {
                    counted.jobs += 1;
                    if counted.sample.len() < SAMPLE {
                        counted.sample.push(shown(job));
                    }
                }
                // Only the run itself takes the time to read it whole.
                Match::Unsure => counted.at_least = true,
                Match::No => {}
            }
        }
        after = next;
        if after.is_none() {
            return Ok(counted);
        }
        if rows >= ROWS_MAX || began.elapsed() >= TIME_MAX {
            counted.at_least = true;
            return Ok(counted);
        }
    }
}

/// Id and name: nothing of its data.
fn shown(job: &JobRow) -> String {
    let cut = |text: &str| text.chars().take(80).collect::<String>();
    format!("{} {}", cut(&job.id), cut(&job.name))
}

fn effects(work: Work, counted: &Counted, state: &QueueState) -> Vec<String> {
    let least = if counted.at_least { "At least " } else { "" };
    let jobs = |verb: &str| {
        let plural = if counted.jobs == 1 { "job" } else { "jobs" };
        format!("{least}{} {plural} {verb}", counted.jobs)
    };
    let kept = "They are archived first, and can be restored for 72 h.".to_owned();
    let mut effects = match work {
        Work::Retry { reset: true } => vec![jobs("run again, with all their attempts.")],
        Work::Retry { reset: false } => vec![jobs("run again, with the attempts that they have left.")],
        Work::Promote => vec![jobs("become due now.")],
        Work::Remove => vec![jobs("are deleted."), kept],
        Work::Drain { .. } => vec![jobs("that wait are deleted. Jobs of schedules stay, so that they go on."), kept],
        Work::Obliterate => vec![jobs("and everything else of the queue are deleted: schedules, counters, history."), kept],
        Work::Cohort { first, concurrency, .. } => {
            let limit =
                concurrency.map_or_else(String::new, |most| format!(" with at most {most} at once, and the limit of now is put back after that"));
            vec![
                format!("{first} of them run first."),
                format!("If all of those succeed, the rest follows in batches{limit}; it stops by itself when every fifth fails again."),
            ]
        }
        Work::Restore { .. } => Vec::new(),
    };
    effects.push("What fails, or comes, after it began is left alone.".into());
    effects.extend(state.hazard.clone());
    effects
}

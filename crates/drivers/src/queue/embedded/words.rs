//! The engine's rows in the port's words.

use std::time::Duration;

use engine::job::{self, Acted as Answer, Brief, MinuteRow, QueueCounts, RunRow, ScheduleRow, Spread, State, Whole, WorkerRow};
use qd_core::Timestamp;
use qd_core::port::queue::{
    Acted, Cadence, JobDetail, JobRow, JobState, LogPage, QueueMinute, QueueState, Rate, ScheduleRun, ScheduleState, TextCut, WorkerState,
};

/// Bytes of data and errors in a list, as the port says.
const DATA_MAX: usize = 4_096;
const REASON_MAX: usize = 1_024;
/// Microseconds after which a schedule that is due and does not fire counts as stopped.
const STOPPED_AFTER: i64 = 120_000_000;

pub(super) fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

pub(super) fn state(counts: QueueCounts) -> QueueState {
    #[expect(clippy::cast_precision_loss, reason = "waits of less than 285 years are exact")]
    let seconds = |us: i64| us as f64 / 1_000_000.0;
    QueueState {
        count_limit: Some(count(job::COUNT_MAX)),
        recent_seconds: Some(seconds(counts.window_us_5m)),
        name: counts.queue,
        waiting: count(counts.waiting),
        active: count(counts.active),
        delayed: count(counts.delayed),
        failed: count(counts.failed),
        completed: count(counts.completed),
        paused: counts.paused,
        oldest_waiting: counts.oldest_waiting_at.map(Timestamp),
        failed_recently: count(counts.failed_last_5m),
        retried_recently: count(counts.retried_last_5m),
        completed_recently: count(counts.completed_last_5m),
        average_wait: counts.avg_wait_us_5m.map(seconds),
        workers: Some(count(counts.workers)),
        concurrency: counts.concurrency.map(count),
        rate: counts.rate.map(|rate| Rate { jobs: rate.jobs.into(), per_ms: millis(rate.per) }),
        ..QueueState::default()
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The state in the engine's words; `None` for one that it has not.
pub(super) fn engine_state(state: JobState) -> Option<State> {
    match state {
        JobState::Waiting => Some(State::Waiting),
        JobState::Delayed => Some(State::Delayed),
        JobState::Active => Some(State::Active),
        JobState::Completed => Some(State::Completed),
        JobState::Failed => Some(State::Failed),
        JobState::Prioritized | JobState::Paused | JobState::WaitingChildren => None,
    }
}

pub(super) fn job_state(word: &str) -> JobState {
    JobState::parse(word).unwrap_or(JobState::Waiting)
}

/// Of an attempt that runs the port does not count the end yet.
fn ended(attempts: i64, state: JobState) -> u64 {
    count(attempts - i64::from(state == JobState::Active))
}

fn cut(text: &str, bytes: i64, max: usize) -> TextCut {
    TextCut { bytes: count(bytes), ..TextCut::of(text, max) }
}

pub(super) fn row(job: Brief) -> JobRow {
    let state = job_state(&job.state);
    JobRow {
        id: job.id.to_string(),
        name: job.name,
        state,
        data: cut(&job.data, job.data_bytes, DATA_MAX),
        priority: job.priority,
        attempts: ended(job.attempts, state),
        attempts_max: Some(count(job.max_attempts)),
        created_at: Some(Timestamp(job.created_at)),
        due_at: (state == JobState::Delayed).then_some(Timestamp(job.state_at)),
        started_at: job.started_at.map(Timestamp),
        finished_at: job.finished_at.map(Timestamp),
        reason: job.error.map(|error| cut(&error, job.error_bytes.unwrap_or(0), REASON_MAX)),
        worker: job.worker.map(|worker| worker.to_string()),
        schedule: job.schedule,
    }
}

pub(super) fn detail(job: Whole, log: LogPage) -> JobDetail {
    let text = |value: serde_json::Value| TextCut::of(&value.to_string(), TextCut::MAX);
    let options = serde_json::json!({
        "attempts": job.max_attempts, "priority": job.priority, "delayMs": job.delay_us / 1_000,
        "uniqueKey": job.unique_key, "scheduledFor": job.scheduled_for.map(Timestamp),
    });
    let state = job_state(&job.state);
    let failures = job.errors.map(|errors| errors.0).unwrap_or_default();
    JobDetail {
        row: JobRow {
            id: job.id.to_string(),
            name: job.name,
            state,
            data: text(job.payload.0),
            priority: job.priority,
            attempts: ended(job.attempts, state),
            attempts_max: Some(count(job.max_attempts)),
            created_at: Some(Timestamp(job.created_at)),
            due_at: (state == JobState::Delayed).then_some(Timestamp(job.state_at)),
            started_at: job.started_at.map(Timestamp),
            finished_at: job.finished_at.map(Timestamp),
            reason: job.error.map(|error| TextCut::of(&error, TextCut::MAX)),
            worker: job.worker.map(|worker| worker.to_string()),
            schedule: job.schedule,
        },
        options: text(options),
        progress: job.progress.map(|progress| text(progress.0)),
        result: job.result.map(|result| text(result.0)),
        stacks: failures.iter().map(|failure| TextCut::of(&failure.error, TextCut::MAX)).collect(),
        log,
        parent: None,
        children: Vec::new(),
        children_total: 0,
        stalled: count(job.stalled),
        delay_ms: count(job.delay_us / 1_000),
        unique_key: job.unique_key,
    }
}

pub(super) fn log((lines, total): (Vec<job::LogLine>, i64), from: u64) -> LogPage {
    LogPage {
        from: lines.first().map_or(from, |first| count(first.line)),
        lines: lines.into_iter().map(|line| TextCut::of(&line.text, TextCut::MAX)).collect(),
        total: count(total),
    }
}

pub(super) fn worker(row: WorkerRow) -> WorkerState {
    WorkerState {
        name: row.worker.to_string(),
        queue: row.queue,
        address: Some(row.place),
        active: Some(count(row.active)),
        since: Some(Timestamp(row.since)),
    }
}

pub(super) fn minute(row: MinuteRow) -> QueueMinute {
    let spread = |spread: &Spread| spread.counts().map(|(micros, count)| (micros / 1_000.0, count)).collect();
    QueueMinute {
        minute: row.minute,
        completed: count(row.completed),
        failed: count(row.failed),
        retried: count(row.retried),
        waits: spread(&row.waits),
        runs: spread(&row.runs),
    }
}

/// `alive`: whether any worker lives, which is who fires schedules. `now` in microseconds.
pub(super) fn schedule(row: ScheduleRow, alive: bool, now: i64) -> ScheduleState {
    let late = now.saturating_sub(row.next_at);
    let stopped = (!row.paused && late > STOPPED_AFTER).then(|| {
        let minutes = late / 60_000_000;
        let who = if alive { "no worker fires it" } else { "no worker is alive to fire it" };
        format!("It was due {minutes} min ago and {who}.")
    });
    ScheduleState {
        queue: row.queue,
        id: row.name,
        job: row.job,
        cadence: Cadence::Cron { pattern: row.cron, zone: row.zone },
        next_at: (!row.paused).then_some(Timestamp(row.next_at)),
        last_at: row.last_at.map(Timestamp),
        last_outcome: row.last_outcome,
        last_error: row.last_error,
        last_finished_at: row.last_finished_at.map(Timestamp),
        paused: row.paused,
        runs: Some(count(row.fired)),
        overlap: match row.overlap.as_str() {
            "queue" => "begins when the run before has ended",
            "allow" => "begins beside the run before",
            _ => "left out while the run before goes on",
        }
        .to_owned(),
        missed: if row.missed == "skip" { "left out" } else { "made up by one run" }.to_owned(),
        stopped,
    }
}

pub(super) fn run(row: RunRow) -> ScheduleRun {
    ScheduleRun {
        scheduled_for: Timestamp(row.scheduled_for),
        at: Timestamp(row.at),
        by_hand: row.by_hand,
        job: row.job.map(|job| job.to_string()),
        outcome: row.outcome,
        note: row.note,
        ended_at: row.ended_at.map(Timestamp),
    }
}

pub(super) fn acted(answer: Answer) -> Acted {
    match answer {
        Answer::Done => Acted::Done,
        Answer::Gone => Acted::Gone,
        Answer::There => Acted::There,
        Answer::Refused(why) => Acted::Refused(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daily(next_at: i64, paused: bool) -> ScheduleRow {
        ScheduleRow {
            name: "daily".into(),
            queue: "housekeeping".into(),
            job: "tidy".into(),
            payload: serde_json::from_str("{}").unwrap(),
            cron: "0 3 * * *".into(),
            zone: "UTC".into(),
            max_attempts: 1,
            paused,
            next_at,
            last_at: None,
            last_job: None,
            last_outcome: None,
            last_error: None,
            last_finished_at: None,
            overlap: "skip".into(),
            missed: "once".into(),
            fired: 3,
            queued_for: None,
        }
    }

    #[test]
    fn a_schedule_that_nobody_fires_has_stopped() {
        let hour = 3_600_000_000;
        assert_eq!(schedule(daily(hour, false), true, hour + STOPPED_AFTER).stopped, None);
        assert_eq!(schedule(daily(hour, true), true, 3 * hour).stopped, None, "a paused one rests");
        let stopped = schedule(daily(hour, false), false, 3 * hour).stopped;
        assert_eq!(stopped.as_deref(), Some("It was due 120 min ago and no worker is alive to fire it."));
    }
}

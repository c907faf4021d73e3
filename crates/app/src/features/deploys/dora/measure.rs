//! The arithmetic; pure.

use qd_core::Timestamp;

use super::index::Index;
use super::{DAYS, Day, Delivery, LEAD_LEAST, Metric, RATE_LEAST};
use crate::features::deploys::record::{Deploy, Status};

const DAY: i64 = 86_400;

/// What of an incident matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hurt {
    /// When it began.
    pub started_at: Timestamp,
    /// When it no longer hurt.
    pub eased_at: Option<Timestamp>,
    /// Affected services; any when there are none, or when none of them is one of ours.
    pub affected: Vec<String>,
    /// Builds that somebody tagged it with (`deploy:4d7c3a9`); `none` says that no deploy caused it.
    pub builds: Vec<String>,
}

/// A change that failed.
struct Failure {
    at: Timestamp,
    over: Option<Timestamp>,
}

/// Measures a period that ends at `now`. `deploys` are those of one environment from the begin of the period before on;
/// `first` is when the first one ever was recorded.
pub fn delivery(environment: &str, deploys: &[Deploy], hurts: &[Hurt], first: Option<Timestamp>, now: Timestamp) -> Delivery {
    let index = Index::new(deploys, hurts);
    let from = now.plus_seconds(-DAYS * DAY);
    let this = Period::of(deploys, &index, from, now, first);
    let last = Period::of(deploys, &index, from.plus_seconds(-DAYS * DAY), from, first);
    Delivery {
        environment: environment.into(),
        from,
        to: now,
        observed_days: this.observed,
        deployment_frequency: pair(this.frequency(), &last.frequency()),
        change_lead_time: pair(this.lead_time(), &last.lead_time()),
        change_fail_rate: pair(this.fail_rate(), &last.fail_rate()),
        failed_deployment_recovery_time: pair(this.recovery(), &last.recovery()),
        deployment_rework_rate: pair(this.rework_rate(), &last.rework_rate()),
        unrecovered: this.failures.iter().filter(|failure| failure.over.is_none()).count(),
        days: days(&index, first, now),
        cut: None,
    }
}

fn pair(this: Metric, last: &Metric) -> Metric {
    Metric { previous: last.value, previous_sample: last.sample, ..this }
}

/// What happened in a period.
struct Period<'d> {
    live: Vec<&'d Deploy>,
    changes: usize,
    failures: Vec<Failure>,
    rework: usize,
    /// Days of it in which anything was recorded.
    observed: f64,
}

impl<'d> Period<'d> {
    fn of(deploys: &'d [Deploy], index: &Index<'d>, from: Timestamp, to: Timestamp, first: Option<Timestamp>) -> Self {
        let ended: Vec<&Deploy> = deploys.iter().filter(|deploy| deploy.finished_at.is_some_and(|at| at >= from && at < to)).collect();
        let live: Vec<&Deploy> = ended.iter().copied().filter(|deploy| deploy.status == Status::Live).collect();
        // A rollback mends; what it mends is the change.
        let changes: Vec<&Deploy> =
            ended.into_iter().filter(|deploy| matches!(deploy.status, Status::Live | Status::Failed) && !deploy.is_rollback()).collect();
        let failures = changes.iter().filter_map(|deploy| failure(index, deploy)).collect();
        // Made because of an incident: a rollback, or begun while an incident hurt that an earlier deploy of the service is blamed for.
        let rework = live.iter().filter(|deploy| deploy.is_rollback() || index.hurt_at(&deploy.service, deploy.started_at)).count();
        let begin = first.unwrap_or(to).max(from);
        // At least a second: in the second of the first deploy there is one already.
        #[expect(clippy::cast_precision_loss, reason = "seconds of a month")]
        let observed = if first.is_some_and(|first| first <= to) { to.since(begin).max(1) as f64 / DAY as f64 } else { 0.0 };
        Self { live, changes: changes.len(), failures, rework, observed }
    }

    fn frequency(&self) -> Metric {
        let enough = self.observed >= 1.0;
        let missing = if self.observed > 0.0 { "Deploys have been recorded for less than a day." } else { "No deploy was recorded." };
        let value = enough.then(|| count(self.live.len()) / self.observed);
        metric("per day", value, self.live.len(), None, missing)
    }

    fn lead_time(&self) -> Metric {
        let hours = |deploy: &&Deploy| {
            let lead = deploy.live_at()?.since(deploy.commit_at?);
            #[expect(clippy::cast_precision_loss, reason = "hours with one digit")]
            (lead >= 0).then_some(lead as f64 / 3_600.0)
        };
        // A rollback's commit is old on purpose.
        let leads: Vec<f64> = self.live.iter().filter(|deploy| !deploy.is_rollback()).filter_map(hours).collect();
        let sample = leads.len();
        let value = if sample >= LEAD_LEAST { median(leads) } else { None };
        metric("h", value, sample, None, "Fewer than 3 deploys say when their commit was made.")
    }

    fn fail_rate(&self) -> Metric {
        let value = (self.changes >= RATE_LEAST).then(|| 100.0 * count(self.failures.len()) / count(self.changes));
        metric("%", value, self.changes, Some(self.failures.len()), "Fewer than 5 changes.")
    }

    fn recovery(&self) -> Metric {
        #[expect(clippy::cast_precision_loss, reason = "minutes with one digit")]
        let times: Vec<f64> = self.failures.iter().filter_map(|failure| Some(failure.over?.since(failure.at).max(0) as f64 / 60.0)).collect();
        let sample = times.len();
        let missing = if self.failures.is_empty() { "No change failed." } else { "No failure has ended yet." };
        metric("min", median(times), sample, Some(self.failures.len()), missing)
    }

    fn rework_rate(&self) -> Metric {
        let value = (self.live.len() >= RATE_LEAST).then(|| 100.0 * count(self.rework) / count(self.live.len()));
        metric("%", value, self.live.len(), Some(self.rework), "Fewer than 5 deploys.")
    }
}

fn metric(unit: &'static str, value: Option<f64>, sample: usize, hits: Option<usize>, missing: &str) -> Metric {
    let missing = value.is_none().then(|| format!("Not enough data. {missing}"));
    Metric { value: value.map(|value| (value * 100.0).round() / 100.0), unit, sample, hits, missing, ..Metric::default() }
}

#[expect(clippy::cast_precision_loss, reason = "some thousand deploys")]
fn count(n: usize) -> f64 {
    n as f64
}

/// The middle one, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { values.get(middle.wrapping_sub(1)).map(|lower| (lower + upper) / 2.0) }
}

/// Whether a change failed, since when, and when that was over.
fn failure(index: &Index<'_>, deploy: &Deploy) -> Option<Failure> {
    let end = deploy.finished_at?;
    if deploy.status == Status::Failed {
        return Some(Failure { at: end, over: index.next_live(&deploy.service, end) });
    }
    let hurts = index.hurts_of(deploy);
    if !hurts.is_empty() {
        // Several incidents of one deploy are one failure: it lasts until the last of them is over.
        let over = hurts.iter().map(|hurt| hurt.eased_at).collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max());
        return Some(Failure { at: end, over });
    }
    deploy.rolled_back_at.map(|over| Failure { at: end, over: Some(over) })
}

fn days(index: &Index<'_>, first: Option<Timestamp>, now: Timestamp) -> Vec<Day> {
    let (today, live) = (now.seconds().div_euclid(DAY), index.by_day(DAY));
    let known = |day: i64| first.is_some_and(|first| first.seconds().div_euclid(DAY) <= day);
    let count = |day: i64| live.get(&day).copied().unwrap_or_default();
    (today - DAYS + 1..=today).map(|day| Day { day: Timestamp::from_seconds(day * DAY), live: known(day).then(|| count(day)) }).collect()
}

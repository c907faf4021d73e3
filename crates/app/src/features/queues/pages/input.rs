//! What pages are asked for, and how their addresses say it.

use qd_core::Result;
use serde::Deserialize;
use utoipa::ToSchema;

use super::link;
use crate::features::queues::run::{Filter, FilterQuery};
use crate::features::queues::{JobState, QueueState};

/// Jobs on a page.
pub const LIMIT: usize = 50;

/// Which jobs of a queue.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct QueueQuery {
    /// Name of the job system; needed when several have a queue of this name.
    pub source: Option<String>,
    /// `failed`, `waiting`, `delayed`, …; what most needs a look if not given.
    pub state: Option<String>,
    /// Name of the jobs.
    pub name: Option<String>,
    /// What the last error holds.
    pub reason_has: Option<String>,
    /// Fingerprint of the last error.
    pub fingerprint: Option<String>,
    /// Ended, or made, at this moment or later: RFC 3339, or a time in UTC.
    pub from: Option<String>,
    /// Ended, or made, before this moment.
    pub to: Option<String>,
    /// `orderId=77`, `order.city=Oslo`.
    pub field: Vec<String>,
    /// Search over all states: `data.orderId = 77`, `name:order.confirmation`, `id:123`, words.
    pub q: Option<String>,
    /// Cursor: `next` of the page before.
    pub after: Option<String>,
    /// 1 to 500; 50 if not given.
    pub limit: Option<usize>,
    /// Stretch of the chart: 2h | 24h | 7d | 90d.
    pub range: Option<String>,
    /// `head` or `figures`: a live screen renews that alone.
    pub part: Option<String>,
}

impl QueueQuery {
    /// The filter in the form of the background runs.
    pub fn filter_query(&self, state: JobState) -> FilterQuery {
        let moment = |text: &Option<String>| text.as_deref().map(moment);
        FilterQuery {
            state: Some(state.word().into()),
            name: self.name.clone(),
            reason_has: self.reason_has.clone(),
            fingerprint: self.fingerprint.clone(),
            from: moment(&self.from),
            to: moment(&self.to),
            field: self.field.clone(),
        }
    }

    /// The filter.
    ///
    /// # Errors
    /// [`qd_core::Error::Invalid`] with everything that is wrong.
    pub fn filter(&self, state: JobState) -> Result<Filter> {
        self.filter_query(state).filter()
    }

    /// The state that is shown: as asked for, else what most needs a look.
    pub fn state(&self, counts: Option<&QueueState>) -> JobState {
        let asked = self.state.as_deref().and_then(JobState::parse);
        asked.unwrap_or(match counts {
            Some(counts) if counts.failed > 0 => JobState::Failed,
            Some(counts) if counts.waiting > counts.prioritized => JobState::Waiting,
            Some(counts) if counts.prioritized > 0 => JobState::Prioritized,
            Some(counts) if counts.active > 0 => JobState::Active,
            Some(counts) if counts.waiting_children > 0 => JobState::WaitingChildren,
            Some(counts) if counts.delayed > 0 => JobState::Delayed,
            Some(counts) if counts.completed > 0 => JobState::Completed,
            _ => JobState::Failed,
        })
    }

    /// Whether it asks for less than a whole state.
    pub fn narrows(&self) -> bool {
        [&self.name, &self.reason_has, &self.fingerprint, &self.from, &self.to].into_iter().any(Option::is_some) || !self.field.is_empty()
    }

    /// The fingerprint, when it is all that is asked for: the index knows its jobs.
    pub fn only_cause(&self) -> Option<&str> {
        let alone = [&self.name, &self.reason_has, &self.from, &self.to].into_iter().all(Option::is_none) && self.field.is_empty();
        self.fingerprint.as_deref().filter(|_| alone)
    }

    /// Jobs on the page.
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(LIMIT).clamp(1, 500)
    }
}

/// What a browser's time field gives, as RFC 3339 in UTC; anything else stays as it is.
fn moment(text: &str) -> String {
    match text.len() {
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        10 => format!("{text}T00:00:00Z"),
        _ => text.to_owned(),
    }
}

/// A filter as pairs of an address.
pub fn pairs(filter: &FilterQuery) -> Vec<(&'static str, String)> {
    let mut pairs = Vec::new();
    let mut add = |key: &'static str, value: &Option<String>| pairs.extend(value.iter().map(|value| (key, value.clone())));
    add("state", &filter.state);
    add("name", &filter.name);
    add("reasonHas", &filter.reason_has);
    add("fingerprint", &filter.fingerprint);
    add("from", &filter.from);
    add("to", &filter.to);
    pairs.extend(filter.field.iter().map(|field| ("field", field.clone())));
    pairs
}

/// An address with a filter in it.
pub fn with(path: &str, filter: &FilterQuery) -> String {
    let pairs = pairs(filter);
    link::with(path, &pairs.iter().map(|(key, value)| (*key, value.as_str())).collect::<Vec<_>>())
}

/// Hours of a queue's history.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct PerformanceQuery {
    /// Name of the job system; needed when several have a queue of this name.
    pub source: Option<String>,
    /// 1 to 17,520; 24 if not given.
    pub hours: Option<i64>,
    /// Stretch of the charts, in place of hours: 2h | 24h | 7d | 90d.
    pub range: Option<String>,
}

/// What of a job is shown.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct JobQuery {
    /// `drawer`: beside its list.
    pub view: Option<String>,
    /// Log lines from this one on, from 0.
    pub log: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browsers_time_is_utc() {
        assert_eq!(moment("2026-11-23T14:02"), "2026-11-23T14:02:00Z");
        assert_eq!(moment("2026-11-23T14:02:00+01:00"), "2026-11-23T14:02:00+01:00");
    }

    #[test]
    fn what_needs_a_look_is_shown_first() {
        let none = QueueQuery::default();
        let counts = |failed, waiting, active| QueueState { failed, waiting, active, ..QueueState::default() };
        assert_eq!(none.state(Some(&counts(1, 5, 5))), JobState::Failed);
        assert_eq!(none.state(Some(&counts(0, 5, 5))), JobState::Waiting);
        assert_eq!(none.state(Some(&counts(0, 0, 5))), JobState::Active);
        let parents = QueueState { waiting_children: 2, delayed: 9, ..QueueState::default() };
        assert_eq!(none.state(Some(&parents)), JobState::WaitingChildren);
        let asked = QueueQuery { state: Some("delayed".into()), ..QueueQuery::default() };
        assert_eq!(asked.state(Some(&counts(1, 5, 5))), JobState::Delayed);
    }

    #[test]
    fn a_filter_goes_into_an_address_and_back() {
        let query = QueueQuery { name: Some("a b&c".into()), field: vec!["orderId=77".into()], ..QueueQuery::default() };
        assert!(query.narrows());
        let address = with("/queues/s/q/retry-all", &query.filter_query(JobState::Failed));
        assert_eq!(address, "/queues/s/q/retry-all?state=failed&name=a+b%26c&field=orderId%3D77");
    }
}

//! Which jobs: a pure question about a row, and its two ways through the world, the URL's query and JSON.

use qd_core::error::FieldError;
use qd_core::port::queue::{JobRow, JobState};
use qd_core::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::features::queues::failure;
use crate::features::queues::scrub::{scrub, scrub_at};

/// Most fields of one filter.
const FIELDS_MAX: usize = 10;
/// Longest text of a filter, in characters.
const TEXT_MAX: usize = 500;

/// Which jobs of a queue: all of a state that agree with everything that is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    /// Where they stand.
    pub state: JobState,
    /// Their name, exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What their last error holds, whatever the case of its letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The fingerprint of their last error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// They ended, or were made, at this moment or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// They ended, or were made, before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Fields of their data: a path (`order.lines.0.sku`) and the value in text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
    /// Chosen ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
}

/// Whether a row is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// A list does not show enough of it: its data or its error is cut.
    Unsure,
}

/// A filter as the query of a URL, or a form, gives it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FilterQuery {
    /// `failed`, `waiting`, `delayed`, …; failed if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Name of the jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the last error holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_has: Option<String>,
    /// Fingerprint of the last error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// RFC 3339: ended, or made, at this moment or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// RFC 3339: ended, or made, before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// `orderId=77`, `order.city=Oslo`; `data.` before the path may stand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub field: Vec<String>,
}

impl Filter {
    /// Everything in a state.
    pub fn all(state: JobState) -> Self {
        Self { state, name: None, reason: None, fingerprint: None, from: None, to: None, fields: Vec::new(), ids: None }
    }

    /// Chosen jobs, wherever they stand.
    pub fn chosen(ids: Vec<String>) -> Self {
        Self { ids: Some(ids), ..Self::all(JobState::Failed) }
    }

    /// Whether it takes everything of its state.
    pub fn is_all(&self) -> bool {
        *self == Self::all(self.state)
    }

    /// Whether a row is meant, as far as it shows. Error and data are compared as people see them, masked: what may not be read can't be found
    /// out by asking either, and a run takes what the list shows.
    pub fn matches(&self, row: &JobRow) -> Match {
        let plain = self.ids.as_ref().map_or(row.state == self.state, |ids| ids.contains(&row.id))
            && self.name.as_ref().is_none_or(|name| *name == row.name)
            && self.in_time(row);
        if !plain {
            return Match::No;
        }
        // The worst certainty of the rest decides.
        [self.reason_matches(row), self.fingerprint_matches(row), self.fields_match(row)].into_iter().fold(Match::Yes, Match::and)
    }

    /// The filter for others to read: what is masked in jobs is masked in it.
    #[must_use]
    pub fn masked(&self) -> Self {
        let clean = |text: &Option<String>| text.as_deref().map(scrub);
        Self {
            name: clean(&self.name),
            reason: clean(&self.reason),
            fingerprint: clean(&self.fingerprint),
            fields: self.fields.iter().map(|(path, value)| (scrub(path), scrub_at(path, value))).collect(),
            ..self.clone()
        }
    }

    /// The same as a query of a URL.
    pub fn query(&self) -> FilterQuery {
        FilterQuery {
            state: Some(self.state.word().into()),
            name: self.name.clone(),
            reason_has: self.reason.clone(),
            fingerprint: self.fingerprint.clone(),
            from: self.from.map(Timestamp::rfc3339),
            to: self.to.map(Timestamp::rfc3339),
            field: self.fields.iter().map(|(path, value)| format!("{path}={value}")).collect(),
        }
    }

    /// In words: `failed, named email.send, with "timeout" in the error`.
    pub fn words(&self) -> String {
        let mut words = match &self.ids {
            Some(ids) if ids.len() == 1 => vec!["1 chosen job".to_owned()],
            Some(ids) => vec![format!("{} chosen jobs", ids.len())],
            None => vec![self.state.word().to_owned()],
        };
        words.extend(self.name.iter().map(|name| format!("named {name}")));
        words.extend(self.reason.iter().map(|text| format!("with \"{text}\" in the error")));
        words.extend(self.fingerprint.iter().map(|print| format!("with the error {print}")));
        words.extend(self.fields.iter().map(|(path, value)| format!("with {path} = {value}")));
        words.extend(self.from.iter().map(|at| format!("from {}", at.rfc3339())));
        words.extend(self.to.iter().map(|at| format!("before {}", at.rfc3339())));
        words.join(", ")
    }

    fn in_time(&self, row: &JobRow) -> bool {
        if self.from.is_none() && self.to.is_none() {
            return true;
        }
        // What has no time can't be said to lie within one.
        let Some(at) = row.finished_at.or(row.created_at) else { return false };
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }

    fn reason_matches(&self, row: &JobRow) -> Match {
        let Some(wanted) = &self.reason else { return Match::Yes };
        let Some(reason) = &row.reason else { return Match::No };
        match scrub(&reason.text).to_lowercase().contains(&wanted.to_lowercase()) {
            true => Match::Yes,
            // A mask shortens a text, and cuts nothing off.
            false if reason.is_cut() => Match::Unsure,
            false => Match::No,
        }
    }

    fn fingerprint_matches(&self, row: &JobRow) -> Match {
        let Some(wanted) = &self.fingerprint else { return Match::Yes };
        // Of the message alone: lists have no stacks, and a cut message has the same beginning.
        if failure::cause(row) == *wanted { Match::Yes } else { Match::No }
    }

    fn fields_match(&self, row: &JobRow) -> Match {
        if self.fields.is_empty() {
            return Match::Yes;
        }
        let data = if row.data.is_cut() { None } else { serde_json::from_str(&scrub(&row.data.text)).ok() };
        match data {
            Some(data) if self.fields.iter().all(|(path, value)| holds(&data, path, value)) => Match::Yes,
            Some(_) => Match::No,
            None if row.data.is_cut() => Match::Unsure,
            None => Match::No,
        }
    }
}

impl Match {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unsure, _) | (_, Self::Unsure) => Self::Unsure,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }
}

/// Whether `value` stands at `path`. A step into a list is a place in it, or any of its elements.
fn holds(data: &Value, path: &str, value: &str) -> bool {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let further = |found: &Value| rest.map_or_else(|| is(found, value), |rest| holds(found, rest, value));
    match data {
        Value::Object(map) => map.get(path).is_some_and(|found| is(found, value)) || map.get(step).is_some_and(further),
        Value::Array(list) => match step.parse::<usize>() {
            Ok(at) => list.get(at).is_some_and(further),
            Err(_) => list.iter().any(|element| holds(element, path, value)),
        },
        _ => false,
    }
}

fn is(found: &Value, value: &str) -> bool {
    match found {
        Value::String(text) => text == value,
        Value::Array(list) => list.iter().any(|element| !element.is_array() && is(element, value)),
        Value::Object(_) => false,
        scalar => {
            let text = scalar.to_string();
            text == value
        }
    }
}

impl FilterQuery {
    /// The filter.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong.
    pub fn filter(&self) -> Result<Filter> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, detail: &str| faults.push(FieldError { field: field.into(), detail: detail.into() });
        let state = text(&self.state).map_or(Some(JobState::Failed), |word| JobState::parse(&word));
        if state.is_none() {
            fault("state", "Give waiting, prioritized, paused, active, delayed, waiting-children, completed or failed.");
        }
        let mut moment = |name: &str, given: &Option<String>| match text(given) {
            None => None,
            Some(given) => Timestamp::parse(&given).or_else(|| {
                fault(name, "Give a time as in 2026-11-22T10:00:00Z.");
                None
            }),
        };
        let (from, to) = (moment("from", &self.from), moment("to", &self.to));
        let fields: Vec<_> = self.field.iter().map(|given| given.trim()).filter(|given| !given.is_empty()).map(pair).collect();
        if fields.len() > FIELDS_MAX || fields.iter().any(Option::is_none) {
            fault("field", "Give at most 10 fields, each as in order.id=77.");
        }
        let texts = [("name", &self.name), ("reasonHas", &self.reason_has), ("fingerprint", &self.fingerprint)];
        for (name, _) in texts.iter().filter(|(_, given)| given.as_ref().is_some_and(|given| given.chars().count() > TEXT_MAX)) {
            fault(name, "Use at most 500 characters.");
        }
        let Some(state) = state.filter(|_| faults.is_empty()) else { return Err(Error::Invalid(faults)) };
        let (name, reason, fingerprint) = (text(&self.name), text(&self.reason_has), text(&self.fingerprint));
        Ok(Filter { state, name, reason, fingerprint, from, to, fields: fields.into_iter().flatten().collect(), ids: None })
    }
}

fn text(given: &Option<String>) -> Option<String> {
    given.as_deref().map(str::trim).filter(|given| !given.is_empty()).map(str::to_owned)
}

/// `data.order.id = 77` → (`order.id`, `77`).
fn pair(given: &str) -> Option<(String, String)> {
    let (path, value) = given.split_once('=')?;
    let (path, value) = (path.trim(), value.trim());
    let path = path.strip_prefix("data.").unwrap_or(path);
    let good = !path.is_empty() && path.chars().count() <= TEXT_MAX && value.chars().count() <= TEXT_MAX;
    good.then(|| (path.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use qd_core::port::queue::TextCut;

    use super::*;

    fn row(data: &str, reason: &str) -> JobRow {
        JobRow {
            id: "7".into(),
            name: "send".into(),
            state: JobState::Failed,
            data: TextCut::of(data, 4_096),
            priority: 0,
            attempts: 3,
            attempts_max: Some(3),
            created_at: Some(Timestamp(10)),
            due_at: None,
            started_at: Some(Timestamp(20)),
            finished_at: Some(Timestamp(30)),
            reason: Some(TextCut::of(reason, 1_024)),
            worker: None,
            schedule: None,
        }
    }

    fn query(pairs: &[(&str, &str)]) -> Filter {
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(pairs);
        serde_html_form::from_str::<FilterQuery>(&encoded.finish()).unwrap().filter().unwrap()
    }

    #[test]
    fn everything_that_is_given_must_hold() {
        let job = row(r#"{"orderId":77,"order":{"city":"Oslo","lines":[{"sku":"a"},{"sku":"b"}]},"x.y":true}"#, "Timeout after 30 s");
        for (pairs, wanted) in [
            (&[("name", "send"), ("reasonHas", "TIMEOUT")][..], Match::Yes),
            (&[("name", "other")], Match::No),
            (&[("reasonHas", "refused")], Match::No),
            (&[("field", "data.orderId = 77"), ("field", "order.city=Oslo")], Match::Yes),
            (&[("field", "orderId=78")], Match::No),
            (&[("field", "order.lines.1.sku=b")], Match::Yes),
            (&[("field", "order.lines.sku=a")], Match::Yes),
            (&[("field", "x.y=true")], Match::Yes),
            (&[("field", "order=Oslo")], Match::No),
            (&[("state", "delayed")], Match::No),
            (&[("fingerprint", "0011223344556677")], Match::No),
        ] {
            assert_eq!(query(pairs).matches(&job), wanted, "{pairs:?}");
        }
    }

    #[test]
    fn nobody_finds_out_a_secret_by_asking_for_it() {
        let job = row(r#"{"password":"hunter2","to":"ada@example.org"}"#, "401 for Bearer abcdef0123456789abcdef");
        for pair in [("field", "password=hunter2"), ("field", "to=ada@example.org"), ("reasonHas", "abcdef0"), ("reasonHas", "Bearer a")] {
            assert_eq!(query(&[pair]).matches(&job), Match::No, "{pair:?}");
        }
        assert_eq!(query(&[("reasonHas", "401 for Bearer")]).matches(&job), Match::Yes);
    }

    #[test]
    fn what_a_list_cut_off_is_not_decided_by_it() {
        let long = row(&format!(r#"{{"blob":"{}","orderId":77}}"#, "x".repeat(5_000)), &"y".repeat(2_000));
        assert_eq!(query(&[("field", "orderId=77")]).matches(&long), Match::Unsure);
        assert_eq!(query(&[("reasonHas", "zz")]).matches(&long), Match::Unsure);
        assert_eq!(query(&[("field", "orderId=77"), ("name", "other")]).matches(&long), Match::No);
    }

    #[test]
    fn time_is_that_of_the_end_or_else_of_the_beginning() {
        let job = row("{}", "");
        let within =
            |from: i64, to: i64| Filter { from: Some(Timestamp(from)), to: Some(Timestamp(to)), ..Filter::all(JobState::Failed) }.matches(&job);
        assert_eq!((within(30, 31), within(10, 30), within(31, 99)), (Match::Yes, Match::No, Match::No));
        let timeless = JobRow { finished_at: None, created_at: None, ..job };
        assert_eq!(Filter { to: Some(Timestamp(99)), ..Filter::all(JobState::Failed) }.matches(&timeless), Match::No);
    }

    #[test]
    fn it_goes_into_a_url_and_comes_back() {
        let filter = query(&[("state", "failed"), ("field", "a.b=1=2"), ("from", "2026-11-22T10:00:00Z"), ("name", "ä&b")]);
        let text = serde_html_form::to_string(filter.query()).unwrap();
        assert_eq!(serde_html_form::from_str::<FilterQuery>(&text).unwrap().filter().unwrap(), filter);
        let json = serde_json::to_string(&filter).unwrap();
        assert_eq!(serde_json::from_str::<Filter>(&json).unwrap(), filter);
        let Err(Error::Invalid(faults)) =
            FilterQuery { state: Some("ill".into()), from: Some("now".into()), field: vec!["x".into()], ..FilterQuery::default() }.filter()
        else {
            panic!()
        };
        assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["state", "from", "field"]);
    }
}

//! What requests may carry: queries and bodies, as forms and as JSON.

use jiff::civil::DateTime;
use qd_core::{Error, Result, Timestamp};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::features::maintenance::window::{Audience, Edit, Enable, Filter, Kind, Schedule, Status, Terms, Times, Toggle, Window};

/// Which windows to list.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct ListQuery {
    /// SCHEDULED, ACTIVE, COMPLETED, CANCELLED; several by comma.
    pub status: Option<String>,
    /// Only this type.
    #[serde(rename = "type")]
    pub kind: Option<Kind>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// Rows a page, 1 to 200; 50 if not given.
    pub limit: Option<usize>,
}

impl ListQuery {
    /// The filter.
    ///
    /// # Errors
    /// [`Error::Invalid`] for words that are none.
    pub fn filter(&self) -> Result<Filter> {
        let words = self.status.as_deref().unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty());
        let status = |word: &str| Status::parse(word).ok_or_else(|| Error::invalid("status", "Use SCHEDULED, ACTIVE, COMPLETED or CANCELLED."));
        let after = self.after.as_deref().map(|text| cursor(text).ok_or_else(|| Error::invalid("after", "Give the `next` of the page before.")));
        Ok(Filter { status: words.map(status).collect::<Result<_>>()?, kind: self.kind, after: after.transpose()?, limit: self.limit })
    }
}

fn cursor(text: &str) -> Option<(Timestamp, Uuid)> {
    let (at, id) = text.split_once('.')?;
    Some((Timestamp(at.parse().ok()?), Uuid::parse_str(id).ok()?))
}

/// The cursor of a page's end.
pub fn next_of(end: (Timestamp, Uuid)) -> String {
    format!("{}.{}", end.0.0, end.1)
}

/// A list, or one text with commas or lines between.
#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    List(Vec<String>),
    Text(String),
}

fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let split = |text: &str| text.split([',', '\n']).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    Ok(Option::<Names>::deserialize(deserializer)?.map(|given| match given {
        // A form sends one text even where several may stand.
        Names::List(list) => list.iter().flat_map(|text| -> Vec<String> { split(text) }).collect(),
        Names::Text(text) => split(&text),
    }))
}

/// A window: one that starts now, is to come, or is changed. What a call does not need may be left out.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowBody {
    /// What it does; needed but for changes.
    #[serde(rename = "type")]
    kind: Option<Kind>,
    /// Minutes that it lasts; 60, or 30 for a queue drain, if not given.
    minutes: Option<i64>,
    /// Start of one to come: RFC 3339, or a time of the wall clock of `zone`.
    starts_at: Option<String>,
    /// Its end; `minutes` after the start if not given.
    ends_at: Option<String>,
    /// Starts of one that comes again and again: `minute hour day month weekday` by the wall clock of `zone`.
    cron: Option<String>,
    /// IANA zone of its times; the platform's if not given.
    zone: Option<String>,
    /// Text for people; the usual one of the type if not given. Anybody can read it.
    message: Option<String>,
    /// all | vendors | admins
    audience: Option<Audience>,
    /// Ids of the vendors of a vendor read-only; all if not given.
    #[serde(default, deserialize_with = "names")]
    #[schema(value_type = Option<Vec<String>>)]
    vendors: Option<Vec<String>>,
    /// Queues of a drain, as `source/queue`; all if not given.
    #[serde(default, deserialize_with = "names")]
    #[schema(value_type = Option<Vec<String>>)]
    queues: Option<Vec<String>>,
    /// `some` makes `vendors` or `queues` required: an empty list is then a mistake and not everybody.
    concerns: Option<String>,
    /// Services that it touches, for people.
    #[serde(default, deserialize_with = "names")]
    #[schema(value_type = Option<Vec<String>>)]
    affected_services: Option<Vec<String>>,
    /// Minutes before the start from which it is announced; 30 if not given, 0 for not at all.
    announce_minutes: Option<i64>,
    /// Whether it ends by itself; it does if not said otherwise.
    auto_end: Option<bool>,
    /// Whether a toggle turns it on.
    enabled: Option<bool>,
    /// The version that was seen; another one is a conflict. `If-Match` may carry it, too.
    version: Option<i64>,
    /// A form that shows every field: what is empty in it becomes empty. Else a change keeps what is not given.
    #[serde(default)]
    whole: bool,
}

impl WindowBody {
    fn kind(&self) -> Result<Kind> {
        self.kind.ok_or_else(|| Error::invalid("type", "Choose what it does."))
    }

    /// What is given, over what held before.
    fn terms(self, kind: Kind, before: Terms) -> Terms {
        let everybody = self.concerns.as_deref() == Some("all");
        let somebody = self.concerns.as_deref() == Some("some");
        let picked = |list: Option<Vec<String>>, theirs: Kind| match list {
            // The fields stand in the form of every type: an empty one says nothing about another type.
            _ if everybody => None,
            None if somebody && kind == theirs => Some(Vec::new()),
            other => other,
        };
        let kept = |list: Option<Vec<String>>| if everybody || somebody { None } else { list };
        Terms {
            message: self.message.unwrap_or(before.message),
            audience: self.audience.unwrap_or(before.audience),
            vendors: picked(self.vendors, Kind::VendorReadonly).or(kept(before.vendors)),
            queues: picked(self.queues, Kind::QueueDrain).or(kept(before.queues)),
            affected_services: self.affected_services.unwrap_or(before.affected_services),
            announce_minutes: self.announce_minutes.unwrap_or(before.announce_minutes),
            auto_end: self.auto_end.unwrap_or(before.auto_end),
            zone: self.zone.unwrap_or(before.zone),
        }
    }

    fn times(&self, kind: Kind) -> Result<Option<Times>> {
        let minutes = self.minutes.unwrap_or(kind.minutes());
        if let Some(cron) = &self.cron {
            return Ok(Some(Times::Recurring { cron: cron.trim().to_owned(), minutes }));
        }
        let Some(start) = &self.starts_at else { return Ok(None) };
        let wrong = |field: &'static str| move || Error::invalid(field, "Give a time such as 2026-11-24T02:00, or an RFC 3339 time.");
        let (start, end) =
            (moment(start).ok_or_else(wrong("startsAt"))?, self.ends_at.as_deref().map(|end| moment(end).ok_or_else(wrong("endsAt"))).transpose()?);
        let both = "Give start and end alike: both with a zone, or both without.";
        let long = || Error::invalid("minutes", "Give 1 minute to a week, in minutes.");
        Ok(Some(match (start, end) {
            (Moment::At(start), Some(Moment::At(end))) => Times::Once { start, end },
            (Moment::At(start), None) => Times::Once { start, end: start.plus_seconds(minutes.saturating_mul(60)) },
            (Moment::Wall(start), Some(Moment::Wall(end))) => Times::Local { start, end },
            (Moment::Wall(start), None) => Times::Local { start, end: later(start, minutes).ok_or_else(long)? },
            _ => return Err(Error::invalid("endsAt", both)),
        }))
    }

    /// A maintenance that starts now.
    ///
    /// # Errors
    /// [`Error::Invalid`] without a type.
    pub fn enable(self, zone: &str) -> Result<Enable> {
        let (kind, minutes) = (self.kind()?, self.minutes);
        Ok(Enable { kind, minutes, terms: self.terms(kind, fresh(zone)) })
    }

    /// A type on or off.
    ///
    /// # Errors
    /// [`Error::Invalid`] without a type, or without a word on or off.
    pub fn toggle(self, zone: &str) -> Result<Toggle> {
        let (kind, minutes) = (self.kind()?, self.minutes);
        let enabled = self.enabled.ok_or_else(|| Error::invalid("enabled", "Say true or false."))?;
        Ok(Toggle { kind, enabled, minutes, terms: self.terms(kind, fresh(zone)) })
    }

    /// A maintenance to come.
    ///
    /// # Errors
    /// [`Error::Invalid`] without type or times.
    pub fn schedule(self, zone: &str) -> Result<Schedule> {
        let kind = self.kind()?;
        let times = self.times(kind)?.ok_or_else(|| Error::invalid("startsAt", "Give a start, or a rule."))?;
        Ok(Schedule { kind, times, terms: self.terms(kind, fresh(zone)) })
    }

    /// Other facts of a scheduled window; `if_match` is the header.
    ///
    /// # Errors
    /// [`Error::Invalid`] for times that are none.
    pub fn edit(self, before: &Window, if_match: Option<&str>) -> Result<Edit> {
        let tag = if_match.map(|text| text.trim().trim_start_matches("W/").trim_matches('"')).filter(|tag| *tag != "*");
        let seen = tag.map(|tag| tag.parse::<i64>().map_err(|_| Error::invalid("if-match", "Send the ETag of the window."))).transpose()?;
        let (times, version) = (self.times(before.kind)?, seen.or(self.version));
        let base = if self.whole { fresh(&before.terms.zone) } else { before.terms.clone() };
        Ok(Edit { window: before.id, times, terms: self.terms(before.kind, base), version })
    }
}

/// The usual terms, in a zone.
fn fresh(zone: &str) -> Terms {
    Terms { zone: zone.to_owned(), ..Terms::default() }
}

enum Moment {
    At(Timestamp),
    Wall(DateTime),
}

fn moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    let fixed = text.parse::<jiff::Timestamp>().ok().map(|at| Moment::At(Timestamp(at.as_microsecond())));
    fixed.or_else(|| text.parse().ok().map(Moment::Wall))
}

fn later(start: DateTime, minutes: i64) -> Option<DateTime> {
    start.checked_add(jiff::Span::new().try_minutes(minutes).ok()?).ok()
}

/// Another text.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct TextBody {
    /// Text for people; the usual one of the type if not given.
    #[serde(default)]
    pub message: String,
    /// all | vendors | admins
    #[serde(default)]
    pub audience: Audience,
}

/// A later end.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct ExtendBody {
    /// Minutes from the planned end, or from now if that has passed.
    pub minutes: i64,
}

/// A window does not happen.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct CancelBody {
    /// Whether the rule that made it ends, too.
    pub series: bool,
}

/// A bypass token.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct BypassBody {
    /// Hours that it holds, 1 to 24; 2 if not given.
    pub hours: Option<i64>,
    /// What it is for.
    pub note: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: serde_json::Value) -> WindowBody {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn times_are_read_by_the_clock_or_by_the_wall() {
        let wall = body(serde_json::json!({ "type": "DEPLOYMENT", "startsAt": "2026-11-24T23:30", "minutes": 45 })).schedule("UTC").unwrap();
        let Times::Local { start, end } = wall.times else { panic!() };
        assert_eq!((start.to_string().as_str(), end.to_string().as_str()), ("2026-11-24T23:30:00", "2026-11-25T00:15:00"));
        let fixed = body(serde_json::json!({ "type": "DEPLOYMENT", "startsAt": "2026-11-24T23:30:00Z" })).schedule("UTC").unwrap();
        assert!(matches!(fixed.times, Times::Once { start, end } if end.since(start) == 3_600));
        let mixed = serde_json::json!({ "type": "DEPLOYMENT", "startsAt": "2026-11-24T23:30", "endsAt": "2026-11-24T23:50:00Z" });
        assert!(body(mixed).schedule("UTC").is_err());
    }

    #[test]
    fn some_without_names_is_a_mistake_and_not_everybody() {
        let some = body(serde_json::json!({ "type": "VENDOR_READONLY", "concerns": "some" })).enable("UTC").unwrap();
        assert_eq!(some.terms.vendors, Some(Vec::new()));
        assert!(some.checked().is_err());
        let all = body(serde_json::json!({ "type": "VENDOR_READONLY", "concerns": "all", "vendors": "v1, v2" })).enable("UTC").unwrap();
        assert_eq!(all.terms.vendors, None);
        let named = body(serde_json::json!({ "type": "VENDOR_READONLY", "vendors": ["v1", "v2\nv3"] })).enable("UTC").unwrap();
        assert_eq!(named.terms.vendors.unwrap(), ["v1", "v2", "v3"]);
    }
}

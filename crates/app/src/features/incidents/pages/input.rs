//! What requests may carry: queries and bodies, as forms and as JSON.

use qd_core::{Error, Result, Timestamp};
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::features::incidents::{EventKind, Filter, Open, Severity, Status, Update};

/// Filters of the list. Lists are separated by commas; the camel-case names are those of older clients.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
pub struct ListQuery {
    /// Part of the title, or a number: `INC-7`, `7`.
    pub q: Option<String>,
    /// OPEN, MITIGATED, CLOSED; several by comma.
    pub status: Option<String>,
    /// `true`: those that are not closed.
    pub active: Option<bool>,
    /// SEV1 to SEV4; several by comma.
    pub severity: Option<String>,
    /// Affected services; several by comma.
    #[serde(alias = "services")]
    pub service: Option<String>,
    /// Tags; several by comma.
    #[serde(alias = "tags")]
    pub tag: Option<String>,
    /// Id of the owner.
    #[serde(alias = "ownerId")]
    pub owner: Option<String>,
    /// Begun from then on (RFC 3339, or a date).
    #[serde(alias = "startDate")]
    pub from: Option<String>,
    /// Begun until then; a date counts to its end.
    #[serde(alias = "endDate")]
    pub to: Option<String>,
    /// Those after this one in the list: `INC-40`.
    pub after: Option<String>,
    /// Rows a page, 1 to 200; 50 if not given.
    pub limit: Option<u64>,
}

fn words(text: Option<&str>) -> Vec<String> {
    let text = text.unwrap_or_default().replace('\0', "");
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).take(20).map(str::to_owned).collect()
}

fn all<T>(text: Option<&str>, field: &str, hint: &str, parse: fn(&str) -> Option<T>) -> Result<Vec<T>> {
    let wrong = || Error::invalid(field, format!("Use {hint}, separated by commas."));
    words(text).iter().map(|word| parse(word).ok_or_else(wrong)).collect()
}

fn moment(text: Option<&str>, field: &str, to_the_end: bool) -> Result<Option<Timestamp>> {
    let Some(text) = text else { return Ok(None) };
    let at = Timestamp::parse(text.trim()).ok_or_else(|| Error::invalid(field, "Give a date such as 2026-11-22, or an RFC 3339 time."))?;
    // A whole day ends with its last moment.
    Ok(Some(if to_the_end && text.trim().len() == 10 { at.plus_seconds(86_400) } else { at }))
}

impl ListQuery {
    /// The filter.
    ///
    /// # Errors
    /// [`Error::Invalid`] for words and times that are none.
    pub fn filter(&self) -> Result<Filter> {
        let mut status = all(self.status.as_deref(), "status", "OPEN, MITIGATED or CLOSED", Status::parse)?;
        if self.active == Some(true) {
            status = vec![Status::Open, Status::Mitigated];
        }
        let owner = self.owner.as_deref().map(|id| Uuid::parse_str(id.trim()).map_err(|_| Error::invalid("owner", "Give the id of a user.")));
        let number = |text: &String| {
            let digits = text.trim().trim_start_matches(|c: char| !c.is_ascii_digit());
            digits.parse::<i64>().map_err(|_| Error::invalid("after", "Give an incident such as INC-40."))
        };
        Ok(Filter {
            text: self.q.as_deref().map(|text| text.replace('\0', "").trim().chars().take(100).collect()).filter(|text: &String| !text.is_empty()),
            status,
            severity: all(self.severity.as_deref(), "severity", "SEV1 to SEV4", Severity::parse)?,
            services: words(self.service.as_deref()),
            tags: words(self.tag.as_deref()),
            owner: owner.transpose()?,
            from: moment(self.from.as_deref(), "from", false)?,
            to: moment(self.to.as_deref(), "to", true)?,
            after: self.after.as_ref().map(number).transpose()?,
            limit: self.limit.unwrap_or(50).clamp(1, 200),
        })
    }

    /// Whether anything narrows the list.
    pub fn narrows(&self) -> bool {
        let texts = [&self.q, &self.status, &self.severity, &self.service, &self.tag, &self.owner, &self.from, &self.to];
        self.active == Some(true) || texts.into_iter().any(Option::is_some)
    }
}

/// A new incident.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct OpenBody {
    title: String,
    severity: Severity,
    #[serde(default)]
    summary: String,
    /// Affected services; in a form one text, separated by commas.
    #[serde(default, deserialize_with = "names")]
    affected: Vec<String>,
    /// Tags; in a form one text, separated by commas.
    #[serde(default, deserialize_with = "names")]
    tags: Vec<String>,
    /// `null` or `none` for nobody.
    #[serde(default, alias = "ownerId", deserialize_with = "owner")]
    #[schema(value_type = Option<String>)]
    owner_id: Option<Option<Uuid>>,
    /// Now if not given.
    #[serde(alias = "startedAt")]
    started_at: Option<Timestamp>,
    #[serde(alias = "slaMitigateMinutes")]
    sla_mitigate_minutes: Option<i64>,
    #[serde(alias = "slaCloseMinutes")]
    sla_close_minutes: Option<i64>,
}

impl From<OpenBody> for Open {
    fn from(body: OpenBody) -> Self {
        let OpenBody { title, severity, summary, affected, tags, owner_id, started_at, sla_mitigate_minutes, sla_close_minutes } = body;
        let owner_id = owner_id.flatten();
        Self { title, severity, summary, affected, tags, owner_id, started_at, sla_mitigate_minutes, sla_close_minutes }
    }
}

/// Other facts of an incident; what is not given stays. `If-Match` may carry the version instead of the field.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct UpdateBody {
    title: Option<String>,
    severity: Option<Severity>,
    summary: Option<String>,
    #[serde(deserialize_with = "some_names")]
    affected: Option<Vec<String>>,
    #[serde(deserialize_with = "some_names")]
    tags: Option<Vec<String>>,
    /// `null` or `none` for nobody.
    #[serde(alias = "ownerId", deserialize_with = "owner")]
    #[schema(value_type = Option<String>)]
    owner_id: Option<Option<Uuid>>,
    #[serde(alias = "slaMitigateMinutes")]
    sla_mitigate_minutes: Option<i64>,
    #[serde(alias = "slaCloseMinutes")]
    sla_close_minutes: Option<i64>,
    version: Option<i64>,
    /// A form that shows every field: what is empty in it becomes empty.
    whole: bool,
}

impl UpdateBody {
    /// The action; `seen` is the version that `If-Match` names.
    pub fn action(self, incident: String, seen: Option<i64>) -> Update {
        let empty = |whole: bool| whole.then(Vec::new);
        Update {
            incident,
            title: self.title,
            severity: self.severity,
            summary: self.summary.or_else(|| self.whole.then(String::new)),
            affected: self.affected.or_else(|| empty(self.whole)),
            tags: self.tags.or_else(|| empty(self.whole)),
            owner_id: self.owner_id,
            sla_mitigate_minutes: self.sla_mitigate_minutes,
            sla_close_minutes: self.sla_close_minutes,
            version: seen.or(self.version),
        }
    }
}

/// An entry for the timeline.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct NoteBody {
    /// Kind; NOTE if not given.
    #[serde(default, rename = "type")]
    pub kind: EventKind,
    /// What happened, 1 to 4,000 characters.
    #[serde(alias = "summary")]
    pub text: String,
}

/// Which part of a record to show.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct RecordQuery {
    /// `updates` (by people), `system` (by changes), or all.
    pub show: Option<String>,
}

/// Which part of a timeline to show.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct EventsQuery {
    /// Entries before this one.
    pub after: Option<Uuid>,
    /// Entries a page, 1 to 200; 50 if not given.
    pub limit: Option<usize>,
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of names, or names separated by commas")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.split(',').map(str::to_owned).collect())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = seq.next_element::<String>()? {
            names.push(name);
        }
        Ok(names)
    }
}

fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_any(Names)
}

fn some_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    names(deserializer).map(Some)
}

fn owner<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Uuid>>, D::Error> {
    match Option::<String>::deserialize(deserializer)?.as_deref().map(str::trim) {
        None | Some("none" | "") => Ok(Some(None)),
        Some(text) => Uuid::parse_str(text).map(|id| Some(Some(id))).map_err(|_| serde::de::Error::custom("expected the id of a user, or none")),
    }
}

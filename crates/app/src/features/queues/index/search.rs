//! Searches: a few streams through the database's indexes, merged, the newest first. Each request does a bounded amount of work, whatever it asks.

use qd_core::port::queue::JobState;
use qd_core::{App, Error, Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::query::{Ask, Query, ask};
use super::store::{self, Cursor, Row};
use super::{Coverage, coverage};
use crate::features::queues::failure;
use crate::features::queues::scrub::MASK;

/// Most jobs of a page.
const PAGE: usize = 200;
/// Rounds of one request, and rows of each stream in one.
const ROUNDS: usize = 10;
const ROWS: usize = 200;
/// Names and causes that a word is looked up in, and how many of each may match.
const CAUSES: i64 = 2_000;
const MATCHES: usize = 20;
const NEWEST: Cursor = (i64::MAX, i64::MAX);

/// A job that was found. Its data is scrubbed and cut; where it stands is as it was indexed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hit {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Where it stood when it was indexed.
    pub state: JobState,
    /// When it ended, or was made.
    pub at: Timestamp,
    /// Why it failed; empty when it did not.
    pub reason: String,
    /// Fingerprint of the reason; empty when it did not fail.
    pub fingerprint: String,
    /// Its data.
    pub data: String,
}

/// What a search found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The jobs, the newest first.
    pub jobs: Vec<Hit>,
    /// How much of what there is was searched, in a sentence.
    pub coverage: String,
    /// Where the next page begins. A page can hold fewer jobs than asked for, or none, and still have a next one.
    pub next: Option<String>,
}

enum Stream {
    Field(String, String),
    Name(String),
    Cause(String, String, String),
    Ids(Vec<Row>),
}

impl Stream {
    async fn rows(&self, app: &App, after: Cursor, limit: usize) -> Result<Vec<Row>> {
        let (db, most) = (&app.db, i64::try_from(limit).unwrap_or(i64::MAX));
        Ok(match self {
            Self::Field(path, value) => store::by_field(db, path, value, after, most).await?,
            Self::Name(name) => store::by_name(db, name, after, most).await?,
            Self::Cause(source, queue, fingerprint) => store::by_cause(db, (source, queue), fingerprint, after, most).await?,
            Self::Ids(rows) => rows.iter().filter(|row| (row.at, row.key) < after).take(limit).cloned().collect(),
        })
    }
}

/// Searches the index for at most `limit` jobs (1 to 200) after `after` ([`Found::next`] of the page before).
///
/// # Errors
/// [`Error::Invalid`] for an `after` that is none, and those of the database.
pub async fn search(app: &App, query: &Query, after: Option<&str>, limit: usize) -> Result<Found> {
    let coverage = coverage(app, query.source.as_deref(), query.queue.as_deref(), query.state)?;
    let asked = ask(&query.text);
    let sentence = sentence(&asked, &coverage);
    let mut cursor = after.map_or(Ok(NEWEST), parse)?;
    let streams = streams(app, query, asked).await?;
    let limit = limit.clamp(1, PAGE);
    let mut jobs = Vec::new();
    for _ in 0..ROUNDS {
        let rows = merged(app, &streams, cursor).await?;
        let Some(last) = rows.last() else { return Ok(Found { jobs, coverage: sentence, next: None }) };
        cursor = (last.at, last.key);
        for row in rows {
            let at = (row.at, row.key);
            jobs.extend(hit(row, query));
            if jobs.len() == limit {
                return Ok(Found { jobs, coverage: sentence, next: Some(text(at)) });
            }
        }
    }
    Ok(Found { jobs, coverage: sentence, next: Some(text(cursor)) })
}

fn sentence(asked: &Ask, coverage: &Coverage) -> String {
    match asked {
        Ask::Masked => "This field is masked in the index: it can't be searched.".into(),
        Ask::Field { value, .. } if value.contains(MASK) => {
            format!("{} Addresses are masked in the index: these look like the one that was asked for.", coverage.sentence())
        }
        _ => coverage.sentence(),
    }
}

async fn streams(app: &App, query: &Query, asked: Ask) -> Result<Vec<Stream>> {
    let ids = async |id: &str| store::by_id(&app.db, id).await.map(|rows| Stream::Ids(newest_first(rows)));
    Ok(match asked {
        Ask::Nothing | Ask::Masked => Vec::new(),
        Ask::Field { path, value } => vec![Stream::Field(path, value)],
        Ask::Name(name) => names(app, &name).await?,
        Ask::Id(id) => vec![ids(&id).await?],
        Ask::Cause(fingerprint) => causes(app, query, |row| row.fingerprint == fingerprint).await?,
        Ask::Words(words) => {
            let mut all = vec![ids(&words).await?];
            all.extend(names(app, &words).await?);
            let part = words.to_lowercase();
            all.extend(causes(app, query, |row| row.reason.to_lowercase().contains(&part)).await?);
            all
        }
    })
}

async fn names(app: &App, begin: &str) -> Result<Vec<Stream>> {
    Ok(store::names(&app.db, begin, MATCHES).await?.into_iter().map(Stream::Name).collect())
}

/// Reasons are searched by cause: there are few of them, however many jobs failed.
async fn causes(app: &App, query: &Query, good: impl Fn(&failure::store::Row) -> bool) -> Result<Vec<Stream>> {
    let (source, queue) = (query.source.as_deref().unwrap_or_default(), query.queue.as_deref().unwrap_or_default());
    let rows = failure::store::list(&app.db, source, queue, CAUSES).await?;
    let found = rows.into_iter().filter(good).take(MATCHES);
    Ok(found.map(|row| Stream::Cause(row.source, row.queue, row.fingerprint)).collect())
}

fn newest_first(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(|row| std::cmp::Reverse((row.at, row.key)));
    rows
}

/// The next rows of all streams, each job once.
async fn merged(app: &App, streams: &[Stream], after: Cursor) -> Result<Vec<Row>> {
    let most = (ROWS / streams.len().max(1)).max(20);
    let mut all = Vec::new();
    for stream in streams {
        all.extend(stream.rows(app, after, most).await?);
    }
    let mut all = newest_first(all);
    all.dedup_by_key(|row| row.key);
    // Beyond the end of the shortest full stream others may have rows in between.
    all.truncate(most);
    Ok(all)
}

fn hit(row: Row, query: &Query) -> Option<Hit> {
    let state = JobState::parse(&row.state)?;
    let is = |wanted: &Option<String>, given: &str| wanted.as_ref().is_none_or(|wanted| wanted == given);
    let good = is(&query.source, &row.source) && is(&query.queue, &row.queue) && query.state.is_none_or(|wanted| wanted == state);
    good.then_some(Hit {
        source: row.source,
        queue: row.queue,
        id: row.job,
        name: row.name,
        state,
        at: Timestamp(row.at),
        reason: row.reason,
        fingerprint: row.fingerprint,
        data: row.data,
    })
}

fn text((at, key): Cursor) -> String {
    format!("{at}.{key}")
}

fn parse(after: &str) -> Result<Cursor> {
    let parts = after.split_once('.').and_then(|(at, key)| Some((at.parse().ok()?, key.parse().ok()?)));
    parts.ok_or_else(|| Error::invalid("after", "Take `next` of the page before."))
}

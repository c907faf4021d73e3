//! What requests may say.

use qd_core::{App, Error, Result, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::features::deploys::environment::Place;
use crate::features::deploys::record::{Filter, Finish, Record, Source, Status};
use crate::web::Ctx;

/// Most rows of a page.
const PAGE_MAX: u64 = 100;

fn own(given: Option<&String>, ctx: &Ctx) -> String {
    given.map(|text| text.trim()).filter(|text| !text.is_empty()).map_or_else(|| ctx.app.config.server.environment.clone(), str::to_owned)
}

/// Which environment.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct CurrentQuery {
    /// Environment; that of this installation if not given.
    environment: Option<String>,
    /// Only this service.
    pub service: Option<String>,
}

impl CurrentQuery {
    /// The environment that is meant: ours unless another one is named.
    pub fn environment(&self, ctx: &Ctx) -> String {
        own(self.environment.as_ref(), ctx)
    }
}

/// Which deploys to list.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct ListQuery {
    /// Environment.
    pub environment: Option<String>,
    /// Service.
    pub service: Option<String>,
    /// Branch.
    pub branch: Option<String>,
    /// in_progress | live | failed | canceled
    pub status: Option<String>,
    /// api | cli | render | github | boot
    pub source: Option<String>,
    /// Begin of a build, or an author.
    pub q: Option<String>,
    /// Begun from then on (RFC 3339, or a day).
    pub from: Option<String>,
    /// Begun before then; a day counts to its end.
    pub to: Option<String>,
    /// `next` of the page before.
    pub after: Option<Uuid>,
    /// Rows a page, 1 to 100; 20 if not given.
    pub limit: Option<u64>,
}

impl ListQuery {
    /// Whether anything but the page is chosen.
    pub fn narrows(&self) -> bool {
        [&self.environment, &self.service, &self.branch, &self.status, &self.source, &self.q, &self.from, &self.to]
            .iter()
            .any(|field| field.is_some())
    }

    /// The filter.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a word or a time that is none.
    pub fn filter(&self) -> Result<Filter> {
        let time = |field: &str, text: &Option<String>, end: i64| {
            let Some(text) = text.as_deref().map(str::trim) else { return Ok(None) };
            let at = Timestamp::parse(text).ok_or_else(|| Error::invalid(field, "Give a day (2026-11-22) or an RFC 3339 time."))?;
            Ok::<_, Error>(Some(if text.len() == 10 { at.plus_seconds(end) } else { at }))
        };
        let status = self
            .status
            .as_deref()
            .map(|word| Status::parse(word).ok_or_else(|| Error::invalid("status", "Say in_progress, live, failed or canceled.")));
        let source =
            self.source.as_deref().map(|word| Source::parse(word).ok_or_else(|| Error::invalid("source", "Say api, cli, render, github or boot.")));
        Ok(Filter {
            environment: self.environment.clone(),
            service: self.service.clone(),
            branch: self.branch.clone(),
            status: status.transpose()?,
            source: source.transpose()?,
            text: self.q.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(|text| text.chars().take(100).collect()),
            from: time("from", &self.from, 0)?,
            to: time("to", &self.to, 86_400)?,
            after: self.after,
            limit: self.limit.unwrap_or(20).clamp(1, PAGE_MAX),
        })
    }
}

/// A deploy that begins or is over. The names of older clients (`gitSha`, `gitBranch`, `gitAuthor`, `notes`) count too.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RecordBody {
    /// Service; required.
    service: String,
    /// Environment; that of this installation if not given.
    environment: Option<String>,
    /// A commit of 7 to 64 hex digits, or the name of a release; required.
    #[serde(alias = "gitSha")]
    sha: String,
    /// Branch.
    #[serde(alias = "gitBranch")]
    branch: Option<String>,
    /// Who wrote the commit.
    #[serde(alias = "gitAuthor")]
    author: Option<String>,
    /// Message of the commit.
    #[serde(alias = "notes")]
    message: Option<String>,
    /// Page of the run.
    url: Option<String>,
    /// in_progress | live | failed | canceled; in_progress if not given.
    status: Option<String>,
    /// api | cli; api if not given.
    source: Option<String>,
    /// Your id of this deploy: the same one is recorded once.
    #[serde(alias = "external_id")]
    external_id: Option<String>,
    /// When it began; now if not given.
    #[serde(alias = "started_at")]
    started_at: Option<Timestamp>,
    /// When it ended; now if it is over and this is not given.
    #[serde(alias = "finished_at", alias = "deployedAt")]
    finished_at: Option<Timestamp>,
    /// When the commit was made, for the lead time.
    #[serde(alias = "commit_at")]
    commit_at: Option<Timestamp>,
    /// What went wrong.
    error: Option<String>,
}

fn status(word: Option<&str>, otherwise: Option<Status>) -> Result<Status> {
    let fault = || Error::invalid("status", "Say in_progress, live, failed or canceled.");
    word.map(|word| Status::parse(word).ok_or_else(fault)).transpose()?.or(otherwise).ok_or_else(fault)
}

impl RecordBody {
    /// The action.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a status or a source that is none.
    pub fn action(self, app: &App) -> Result<Record> {
        let source = match self.source.as_deref() {
            None | Some("api") => Source::Api,
            Some("cli") => Source::Cli,
            Some(_) => return Err(Error::invalid("source", "Say api or cli; the others tell by themselves.")),
        };
        Ok(Record {
            service: self.service,
            environment: self.environment.unwrap_or_else(|| app.config.server.environment.clone()),
            sha: self.sha,
            branch: self.branch,
            author: self.author,
            message: self.message,
            url: self.url,
            status: status(self.status.as_deref(), Some(Status::InProgress))?,
            source,
            external_id: self.external_id,
            started_at: self.started_at,
            finished_at: self.finished_at,
            commit_at: self.commit_at,
            rollback_of: None,
            error: self.error,
        })
    }
}

/// How a running deploy ended.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct FinishBody {
    /// live | failed | canceled; required.
    status: Option<String>,
    /// When; now if not given.
    #[serde(alias = "finished_at")]
    finished_at: Option<Timestamp>,
    /// What went wrong.
    error: Option<String>,
    /// Page of the run.
    url: Option<String>,
}

impl FinishBody {
    /// The action.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a status that is none.
    pub fn action(self, deploy: Uuid) -> Result<Finish> {
        let status = status(self.status.as_deref(), None)?;
        Ok(Finish { deploy, status, finished_at: self.finished_at, error: self.error, url: self.url })
    }
}

/// Which instances to list.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct InstanceQuery {
    /// Environment; that of this installation if not given.
    pub environment: Option<String>,
    /// Service.
    pub service: Option<String>,
    /// alive | silent
    pub state: Option<String>,
}

impl InstanceQuery {
    /// The environment that is meant: ours unless another one is named.
    pub fn environment(&self, ctx: &Ctx) -> String {
        own(self.environment.as_ref(), ctx)
    }
}

/// Whose configuration.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct EnvironmentQuery {
    /// Environment; that of this installation if not given.
    pub environment: Option<String>,
    /// Service.
    pub service: Option<String>,
    /// Part of a key.
    pub q: Option<String>,
}

impl EnvironmentQuery {
    /// The environment that is meant: ours unless another one is named.
    pub fn environment(&self, ctx: &Ctx) -> String {
        own(self.environment.as_ref(), ctx)
    }
}

/// What to compare.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct DiffQuery {
    /// `deploy:ID`, `env:ENVIRONMENT`, `env:ENVIRONMENT/SERVICE` or `instance:ENVIRONMENT/SERVICE/INSTANCE`.
    pub from: Option<String>,
    /// As `from`.
    pub to: Option<String>,
    /// `all` shows what is the same too.
    pub show: Option<String>,
}

impl DiffQuery {
    /// Both sides; `None` when neither is given.
    ///
    /// # Errors
    /// [`Error::Invalid`] for one alone, and for what is no place.
    pub fn places(&self) -> Result<Option<(Place, Place)>> {
        match (&self.from, &self.to) {
            (None, None) => Ok(None),
            (Some(from), Some(to)) => Ok(Some((Place::parse("from", from)?, Place::parse("to", to)?))),
            (None, _) => Err(Error::invalid("from", "Say what to compare with.")),
            (_, None) => Err(Error::invalid("to", "Say what to compare with.")),
        }
    }
}

/// Which way.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct AutoDeployBody {
    /// Whether pushes deploy the service by themselves.
    pub on: bool,
}

//! What can be asked for about records, and what the words in it may look like.

use qd_core::error::FieldError;
use qd_core::gate::{Access, Action, AuditEvent, Danger, Role, Target};
use qd_core::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Source, Status, is_commit};

/// Token scope that records deploys.
pub const SCOPE: &str = "deploys:write";

/// A deploy that began or is over. What is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Service.
    pub service: String,
    /// Environment.
    pub environment: String,
    /// A commit of 7 to 64 hex digits, or the name of a release.
    pub sha: String,
    /// Branch.
    pub branch: Option<String>,
    /// Who wrote the commit.
    pub author: Option<String>,
    /// Message of the commit; cut to 1,000 characters.
    pub message: Option<String>,
    /// Page of the run: http or https.
    pub url: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Who tells of it.
    pub source: Source,
    /// Its id at the source.
    pub external_id: Option<String>,
    /// When it began; now if not given.
    pub started_at: Option<Timestamp>,
    /// When it ended; now if not given and it is over.
    pub finished_at: Option<Timestamp>,
    /// When the commit was made.
    pub commit_at: Option<Timestamp>,
    /// The deploy in whose place it brings an earlier build back.
    pub rollback_of: Option<Uuid>,
    /// What went wrong.
    pub error: Option<String>,
}

/// How a running deploy ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finish {
    /// Which.
    pub deploy: Uuid,
    /// `live`, `failed` or `canceled`.
    pub status: Status,
    /// When; now if not given.
    pub finished_at: Option<Timestamp>,
    /// What went wrong.
    pub error: Option<String>,
    /// Page of the run.
    pub url: Option<String>,
}

impl Action for Record {
    const NAME: &'static str = "deploy.record";
    const EVENT: AuditEvent = AuditEvent("OPS_DEPLOY_RECORDED");
    const WHO: Access = Access::RoleOrScope(Role::Admin, SCOPE);
    const DANGER: Danger = Danger::Routine;

    fn target(&self) -> Target {
        Target::new("deploy", "new")
    }
}

impl Action for Finish {
    const NAME: &'static str = "deploy.finish";
    const EVENT: AuditEvent = AuditEvent("OPS_DEPLOY_RECORDED");
    const WHO: Access = Access::RoleOrScope(Role::Admin, SCOPE);
    const DANGER: Danger = Danger::Routine;

    fn target(&self) -> Target {
        Target::new("deploy", self.deploy)
    }
}

/// Seconds that a sender's clock may be ahead of ours.
const AHEAD: i64 = 300;
/// Seconds that a deploy may lie in the past.
const PAST: i64 = 366 * 86_400;

/// Whether a text names a service, an environment or an instance.
pub fn is_name(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/' | '@');
    (1..=80).contains(&text.len()) && text.chars().all(good) && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// Whether a text names a build: a commit, or a release.
pub fn is_build(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '/');
    is_commit(text) || ((1..=100).contains(&text.len()) && text.chars().all(good) && text.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

/// A commit in lower case; a release as it is.
pub fn tidy_build(text: &str) -> String {
    let text = text.trim();
    if is_commit(text) { text.to_ascii_lowercase() } else { text.to_owned() }
}

/// Collects what is wrong, all at once.
#[derive(Default)]
struct Faults(Vec<FieldError>);

impl Faults {
    fn check(&mut self, good: bool, field: &str, detail: &str) {
        if !good {
            self.0.push(FieldError { field: field.into(), detail: detail.into() });
        }
    }

    fn time(&mut self, field: &str, at: Option<Timestamp>, now: Timestamp) {
        let good = |at: Timestamp| (-AHEAD..=PAST).contains(&now.since(at));
        self.check(at.is_none_or(good), field, "Give a time of the last year, not of the future (RFC 3339).");
    }

    fn url(&mut self, url: Option<&String>) {
        let good = |url: &String| {
            url.len() <= 500 && (url.starts_with("https://") || url.starts_with("http://")) && !url.contains(|c: char| c.is_control() || c == ' ')
        };
        self.check(url.is_none_or(good), "url", "Give an http:// or https:// URL of at most 500 characters.");
    }

    fn done<T>(self, value: T) -> Result<T> {
        if self.0.is_empty() { Ok(value) } else { Err(Error::Invalid(self.0)) }
    }
}

/// Words of a machine: without control characters, cut to so many characters; nothing when empty.
fn words(text: Option<String>, most: usize) -> Option<String> {
    let clean = |text: String| text.chars().filter(|c| !c.is_control() || *c == '\n').take(most).collect::<String>().trim().to_owned();
    text.map(clean).filter(|text| !text.is_empty())
}

impl Record {
    /// The same with tidy words and with every time that follows from the others.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong.
    pub fn checked(self, now: Timestamp) -> Result<Self> {
        let action = Self {
            service: self.service.trim().into(),
            environment: self.environment.trim().into(),
            sha: tidy_build(&self.sha),
            branch: words(self.branch, 200),
            author: words(self.author, 100),
            message: words(self.message, 1_000),
            url: self.url.map(|url| url.trim().to_owned()).filter(|url| !url.is_empty()),
            external_id: words(self.external_id, 200),
            error: words(self.error, 500),
            ..self
        };
        let mut faults = Faults::default();
        faults.check(is_name(&action.service), "service", "Give a name of 1 to 80 letters, digits, dots, dashes and underscores.");
        faults.check(is_name(&action.environment), "environment", "Give a name such as production or staging.");
        faults.check(is_build(&action.sha), "sha", "Give a commit of 7 to 64 hex digits, or the name of a release.");
        faults.url(action.url.as_ref());
        for (field, at) in [("startedAt", action.started_at), ("finishedAt", action.finished_at), ("commitAt", action.commit_at)] {
            faults.time(field, at, now);
        }
        let over = action.status.is_over();
        faults.check(over || action.finished_at.is_none(), "finishedAt", "A deploy that runs has no end. Leave it out, or say how it ended.");
        let ordered = action.started_at.zip(action.finished_at).is_none_or(|(start, end)| start <= end);
        faults.check(ordered, "finishedAt", "It can't end before it began.");
        faults.done(action)
    }
}

impl Finish {
    /// The same with tidy words.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong.
    pub fn checked(self, now: Timestamp) -> Result<Self> {
        let action = Self { error: words(self.error, 500), url: self.url.map(|url| url.trim().to_owned()).filter(|url| !url.is_empty()), ..self };
        let mut faults = Faults::default();
        faults.check(action.status.is_over(), "status", "Say how it ended: live, failed or canceled.");
        faults.time("finishedAt", action.finished_at, now);
        faults.url(action.url.as_ref());
        faults.done(action)
    }
}

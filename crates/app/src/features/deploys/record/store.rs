//! All SQL about deploys.

use engine::{Db, Tx, args};
use qd_core::gate::GateTx;
use qd_core::{Error, Result, Timestamp};
use sea_query::{Asterisk, Cond, Expr, ExprTrait, Iden, Order, Query};
use uuid::Uuid;

use super::{Deploy, Filter, Source, Status};

const BY_ID: &str = "SELECT * FROM deploy WHERE id = $1";
const BY_EXTERNAL: &str = "SELECT * FROM deploy WHERE source = $1 AND external_id = $2";
/// Deploys of a service that a report may be about: begun since a moment, or still running.
const NEAR: &str = "SELECT * FROM deploy WHERE environment = $1 AND service = $2 AND (started_at >= $3 OR status = 'in_progress') \
     ORDER BY started_at DESC, id DESC LIMIT 50";
const KNOWN_BUILD: &str = "SELECT count(*) FROM deploy WHERE environment = $1 AND service = $2 AND \
     (sha = $3 OR sha LIKE $4 OR ($5 AND length(sha) >= 7 AND $3 LIKE sha || '%'))";
/// As `KNOWN_BUILD`, of those that went live.
const WAS_LIVE: &str = "SELECT count(*) FROM deploy WHERE environment = $1 AND service = $2 AND status = 'live' AND \
     (sha = $3 OR sha LIKE $4 OR ($5 AND length(sha) >= 7 AND $3 LIKE sha || '%'))";
const INSERT: &str = "INSERT INTO deploy (id, service, environment, sha, branch, author, message, url, status, source, external_id, started_at, \
     finished_at, commit_at, rollback_of, rolled_back_at, error, recorded_at, recorded_by, recorded_by_name, version) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, NULL, $16, $17, $18, $19, 1)";
const UPDATE: &str = "UPDATE deploy SET sha = $3, branch = $4, author = $5, message = $6, url = $7, status = $8, source = $9, external_id = $10, \
     started_at = $11, finished_at = $12, commit_at = $13, rollback_of = $14, rolled_back_at = $15, error = $16, version = version + 1 \
     WHERE id = $1 AND version = $2";
const ROLLED_BACK: &str = "UPDATE deploy SET rolled_back_at = $2, version = version + 1 WHERE id = $1 AND rolled_back_at IS NULL";
const LIVE_BEFORE: &str = "SELECT * FROM deploy WHERE environment = $1 AND service = $2 AND status = 'live' AND finished_at <= $3 AND id <> $4 \
     ORDER BY finished_at DESC, id DESC LIMIT 1";
const LATEST_LIVE: &str = "SELECT * FROM (SELECT deploy.*, row_number() OVER (PARTITION BY service ORDER BY finished_at DESC, id DESC) AS place \
     FROM deploy WHERE environment = $1 AND status = 'live') AS ranked WHERE place = 1 ORDER BY service LIMIT 100";
const NEXT_START: &str = "SELECT min(started_at) FROM deploy WHERE environment = $1 AND service = $2 AND started_at > $3";
const BEGUN_IN: &str = "SELECT * FROM deploy WHERE environment = $1 AND started_at >= $2 ORDER BY started_at DESC, id DESC LIMIT $3";
/// Deploys of a service that went live after a moment, but for one.
const LIVE_SINCE: &str = "SELECT count(*) FROM deploy WHERE environment = $1 AND service = $2 AND status = 'live' AND finished_at > $3 AND id <> $4";
/// Services with a deploy that was begun since a moment and is not over.
const ROLLING: &str =
    "SELECT DISTINCT service FROM deploy WHERE environment = $1 AND status = 'in_progress' AND started_at >= $2 ORDER BY service LIMIT 100";
const RECENT: &str = "SELECT * FROM deploy WHERE started_at >= $1 ORDER BY started_at DESC, id DESC LIMIT $2";
const FIRST: &str = "SELECT min(started_at) FROM deploy WHERE environment = $1";
const NAMES: &str = "SELECT DISTINCT environment, service FROM deploy ORDER BY environment, service LIMIT 200";
const COUNT: &str = "SELECT count(*) FROM deploy";
/// Every static statement about deploys.
pub const STATEMENTS: &[&str] = &[
    BY_ID, BY_EXTERNAL, NEAR, KNOWN_BUILD, WAS_LIVE, INSERT, UPDATE, ROLLED_BACK, LIVE_BEFORE, LATEST_LIVE, NEXT_START, BEGUN_IN, LIVE_SINCE,
    ROLLING, RECENT, FIRST, NAMES, COUNT,
];

#[derive(Iden)]
enum Deploys {
    #[iden = "deploy"]
    Table,
    Id,
    Service,
    Environment,
    Status,
    Source,
    Sha,
    Branch,
    Author,
    StartedAt,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    service: String,
    environment: String,
    sha: String,
    branch: Option<String>,
    author: Option<String>,
    message: Option<String>,
    url: Option<String>,
    status: String,
    source: String,
    external_id: Option<String>,
    started_at: i64,
    finished_at: Option<i64>,
    commit_at: Option<i64>,
    rollback_of: Option<Uuid>,
    rolled_back_at: Option<i64>,
    error: Option<String>,
    recorded_at: i64,
    recorded_by: String,
    recorded_by_name: String,
    version: i64,
}

impl Row {
    fn deploy(self) -> Result<Deploy> {
        let unknown = |what: &str, word: &str| Error::Broken(format!("unknown {what} {word} in deploy"));
        Ok(Deploy {
            status: Status::parse(&self.status).ok_or_else(|| unknown("status", &self.status))?,
            source: Source::parse(&self.source).ok_or_else(|| unknown("source", &self.source))?,
            id: self.id,
            service: self.service,
            environment: self.environment,
            sha: self.sha,
            branch: self.branch,
            author: self.author,
            message: self.message,
            url: self.url,
            external_id: self.external_id,
            started_at: Timestamp(self.started_at),
            finished_at: self.finished_at.map(Timestamp),
            commit_at: self.commit_at.map(Timestamp),
            rollback_of: self.rollback_of,
            rolled_back_at: self.rolled_back_at.map(Timestamp),
            error: self.error,
            recorded_at: Timestamp(self.recorded_at),
            recorded_by: self.recorded_by,
            recorded_by_name: self.recorded_by_name,
            version: self.version,
        })
    }
}

fn each(rows: Vec<Row>) -> Result<Vec<Deploy>> {
    rows.into_iter().map(Row::deploy).collect()
}

/// By id.
pub async fn by_id(db: &Db, id: Uuid) -> Result<Option<Deploy>> {
    db.maybe::<Row>(BY_ID, args![id]).await?.map(Row::deploy).transpose()
}

/// By id, within a change.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Deploy> {
    tx.maybe::<Row>(BY_ID, args![id]).await?.ok_or_else(|| Error::NotFound("The deploy".into()))?.deploy()
}

/// By its id at the source.
pub async fn by_external(db: &Db, source: Source, id: &str) -> Result<Option<Deploy>> {
    db.maybe::<Row>(BY_EXTERNAL, args![source.word(), id]).await?.map(Row::deploy).transpose()
}

/// By its id at the source, within a change.
pub async fn external(tx: &mut Tx, source: Source, id: &str) -> Result<Option<Deploy>> {
    tx.maybe::<Row>(BY_EXTERNAL, args![source.word(), id]).await?.map(Row::deploy).transpose()
}

/// Deploys of a service begun since a moment or still running, the newest first, at most 50.
pub async fn near(tx: &mut Tx, environment: &str, service: &str, since: Timestamp) -> Result<Vec<Deploy>> {
    each(tx.all(NEAR, args![environment, service, since.0]).await?)
}

/// As [`near`], outside of a change.
pub async fn near_now(db: &Db, environment: &str, service: &str, since: Timestamp) -> Result<Vec<Deploy>> {
    each(db.all(NEAR, args![environment, service, since.0]).await?)
}

/// Whether a build of a service was ever recorded in an environment. A short commit counts as the begin of a long one.
pub async fn knows_build(db: &Db, environment: &str, service: &str, sha: &str) -> Result<bool> {
    let (pattern, commit) = super::pattern(sha);
    Ok(db.one::<(i64,)>(KNOWN_BUILD, args![environment, service, sha, pattern, commit]).await?.0 > 0)
}

/// Whether a build of a service ever went live in an environment.
pub async fn was_live(db: &Db, environment: &str, service: &str, sha: &str) -> Result<bool> {
    let (pattern, commit) = super::pattern(sha);
    Ok(db.one::<(i64,)>(WAS_LIVE, args![environment, service, sha, pattern, commit]).await?.0 > 0)
}

/// Adds a deploy.
pub async fn insert(tx: &mut GateTx<'_>, new: &Deploy) -> Result<()> {
    let row = args![
        new.id,
        new.service.as_str(),
        new.environment.as_str(),
        new.sha.as_str(),
        new.branch.clone(),
        new.author.clone(),
        new.message.clone(),
        new.url.clone(),
        new.status.word(),
        new.source.word(),
        new.external_id.clone(),
        new.started_at.0,
        new.finished_at.map(|at| at.0),
        new.commit_at.map(|at| at.0),
        new.rollback_of,
        new.error.clone(),
        new.recorded_at.0,
        new.recorded_by.as_str(),
        new.recorded_by_name.as_str()
    ];
    tx.exec(INSERT, row).await?;
    Ok(())
}

/// Writes a deploy over its version `seen`; false when it has another one by now.
pub async fn replace(tx: &mut GateTx<'_>, after: &Deploy, seen: i64) -> Result<bool> {
    let row = args![
        after.id,
        seen,
        after.sha.as_str(),
        after.branch.clone(),
        after.author.clone(),
        after.message.clone(),
        after.url.clone(),
        after.status.word(),
        after.source.word(),
        after.external_id.clone(),
        after.started_at.0,
        after.finished_at.map(|at| at.0),
        after.commit_at.map(|at| at.0),
        after.rollback_of,
        after.rolled_back_at.map(|at| at.0),
        after.error.clone()
    ];
    Ok(tx.exec(UPDATE, row).await? == 1)
}

/// Says that a deploy was rolled back.
pub async fn rolled_back(tx: &mut GateTx<'_>, id: Uuid, at: Timestamp) -> Result<()> {
    tx.exec(ROLLED_BACK, args![id, at.0]).await?;
    Ok(())
}

/// The deploy that was live at a moment, other than `but`.
pub async fn live_before(db: &Db, environment: &str, service: &str, at: Timestamp, but: Uuid) -> Result<Option<Deploy>> {
    db.maybe::<Row>(LIVE_BEFORE, args![environment, service, at.0, but]).await?.map(Row::deploy).transpose()
}

/// What is live in an environment: the newest of each service, at most 100 services.
pub async fn latest_live(db: &Db, environment: &str) -> Result<Vec<Deploy>> {
    each(db.all(LATEST_LIVE, args![environment]).await?)
}

/// When the next deploy of a service began.
pub async fn next_start(db: &Db, environment: &str, service: &str, after: Timestamp) -> Result<Option<Timestamp>> {
    Ok(db.one::<(Option<i64>,)>(NEXT_START, args![environment, service, after.0]).await?.0.map(Timestamp))
}

/// Deploys of an environment begun since a moment, the newest first.
pub async fn begun_since(db: &Db, environment: &str, from: Timestamp, limit: i64) -> Result<Vec<Deploy>> {
    each(db.all(BEGUN_IN, args![environment, from.0, limit]).await?)
}

/// How many deploys of a service went live after a moment, but for one.
pub async fn live_since(db: &Db, environment: &str, service: &str, at: Timestamp, but: Uuid) -> Result<i64> {
    Ok(db.one::<(i64,)>(LIVE_SINCE, args![environment, service, at.0, but]).await?.0)
}

/// Services with a deploy that was begun since a moment and is not over, at most 100.
pub async fn rolling(db: &Db, environment: &str, since: Timestamp) -> Result<Vec<String>> {
    Ok(db.all::<(String,)>(ROLLING, args![environment, since.0]).await?.into_iter().map(|(service,)| service).collect())
}

/// Deploys of all environments begun since a moment, the newest first.
pub async fn recent(db: &Db, from: Timestamp, limit: i64) -> Result<Vec<Deploy>> {
    each(db.all(RECENT, args![from.0, limit]).await?)
}

/// When the first deploy of an environment began.
pub async fn first(db: &Db, environment: &str) -> Result<Option<Timestamp>> {
    Ok(db.one::<(Option<i64>,)>(FIRST, args![environment]).await?.0.map(Timestamp))
}

/// Environments and their services, for filters.
pub async fn names(db: &Db) -> Result<Vec<(String, String)>> {
    Ok(db.all(NAMES, args![]).await?)
}

/// How many there are.
pub async fn count(db: &Db) -> Result<i64> {
    Ok(db.one::<(i64,)>(COUNT, args![]).await?.0)
}

/// One page of what the filter wants and one more, newest first.
pub async fn list(db: &Db, filter: &Filter, after: Option<&Deploy>) -> Result<Vec<Deploy>> {
    let mut query = Query::select();
    query.column(Asterisk).from(Deploys::Table).order_by(Deploys::StartedAt, Order::Desc).order_by(Deploys::Id, Order::Desc);
    query.limit(filter.limit + 1);
    let words = [(Deploys::Environment, &filter.environment), (Deploys::Service, &filter.service), (Deploys::Branch, &filter.branch)];
    for (column, wanted) in words {
        if let Some(wanted) = wanted {
            query.and_where(Expr::col(column).eq(wanted.as_str()));
        }
    }
    if let Some(status) = filter.status {
        query.and_where(Expr::col(Deploys::Status).eq(status.word()));
    }
    if let Some(source) = filter.source {
        query.and_where(Expr::col(Deploys::Source).eq(source.word()));
    }
    if let Some(text) = &filter.text {
        let pattern = format!("{}%", text.replace(['%', '_'], ""));
        query.cond_where(
            Cond::any()
                .add(Expr::col(Deploys::Sha).like(pattern.to_lowercase()))
                .add(Expr::col(Deploys::Author).eq(text.as_str()))
                .add(Expr::col(Deploys::Sha).eq(text.as_str())),
        );
    }
    if let Some(from) = filter.from {
        query.and_where(Expr::col(Deploys::StartedAt).gte(from.0));
    }
    if let Some(to) = filter.to {
        query.and_where(Expr::col(Deploys::StartedAt).lt(to.0));
    }
    if let Some(after) = after {
        let same = Cond::all().add(Expr::col(Deploys::StartedAt).eq(after.started_at.0)).add(Expr::col(Deploys::Id).lt(after.id));
        query.cond_where(Cond::any().add(Expr::col(Deploys::StartedAt).lt(after.started_at.0)).add(same));
    }
    each(db.select(&query).await?)
}

//! The verbs: taking a beat, and looking at who lives.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::Tx;
use engine::job::{Enqueue, enqueue};
use qd_core::event::Event;
use qd_core::{App, Error, Result, Timestamp};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::store::{self, Row};
use super::{Beat, HEARTBEAT, Instance};
use crate::features::deploys::environment::{self, Entries};
use crate::features::deploys::outside::Tell;
use crate::features::deploys::record::{self, Record, Source, Status};
use crate::web::Starter;

/// Most processes of one environment.
const MOST: i64 = 500;
/// Most environments. That of this installation always has its place.
const ENVIRONMENTS: i64 = 50;
/// A process that was silent for so long is forgotten.
const FORGET: i64 = 24 * 3_600;
/// What stands for a build that a process does not know.
pub(super) const UNKNOWN: &str = "unknown";

/// What an instance hears in return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    /// The revision that is served.
    pub revision: i64,
    /// Key of fingerprints, in hex: `fingerprint = hex(HMAC-SHA256(key, value))[..8]`.
    pub fingerprint_key: String,
    /// Seconds between two beats.
    pub heartbeat_seconds: i64,
}

/// Takes a beat: durable when it returns.
///
/// # Errors
/// [`Error::Invalid`] for odd names and configurations, [`Error::Overloaded`] when an environment has too many processes.
pub async fn beat(app: &App, given: Beat) -> Result<Heard> {
    let now = app.now();
    let config = given.config.clone().map(|config| environment::cleaned(app, config)).transpose()?;
    let row = checked(app, given, now)?;
    let (told, ours) = (row.clone(), row.environment == app.config.server.environment);
    let fresh = app.db.write_with(move |tx| Box::pin(async move { keep(tx, row, config, now, ours).await })).await?;
    if fresh {
        app.bus.tell(Event::new("instance.changed", &told.instance, json!({ "service": told.service }), now));
    }
    Ok(Heard { revision: app.published.revision(), fingerprint_key: environment::fingerprint_key(app), heartbeat_seconds: HEARTBEAT })
}

fn checked(app: &App, given: Beat, now: Timestamp) -> Result<Row> {
    let name = |field: &str, text: &str| {
        let text = text.trim();
        if record::is_name(text) {
            Ok(text.to_owned())
        } else {
            Err(Error::invalid(field, "Give a name of 1 to 80 letters, digits, dots, dashes and underscores."))
        }
    };
    let own = &app.config.server.environment;
    let environment = given.environment.filter(|text| !text.trim().is_empty()).unwrap_or_else(|| own.clone());
    let cut = |text: Option<String>| {
        text.map(|text| text.chars().filter(|c| !c.is_control()).take(100).collect::<String>()).filter(|text| !text.is_empty())
    };
    let build = given.sha.or_else(|| given.version.clone()).map(|text| record::tidy_build(&text)).filter(|text| !text.is_empty());
    let sha = build.unwrap_or_else(|| UNKNOWN.into());
    if !record::is_build(&sha) {
        return Err(Error::invalid("sha", "Give a commit of 7 to 64 hex digits, or the name of a release."));
    }
    let started = given.started_at.filter(|at| *at <= now && now.since(*at) < 366 * 86_400).unwrap_or(now);
    Ok(Row {
        environment: name("environment", &environment)?,
        service: name("service", &given.service)?,
        instance: name("instance", &given.instance)?,
        sha,
        version: cut(given.version),
        branch: cut(given.branch),
        started_at: started.0,
        beat_at: now.0,
        revision: given.revision,
        snapshot_id: None,
    })
}

/// Writes the beat; true when something that people look at is other than before.
async fn keep(tx: &mut Tx, mut row: Row, config: Option<Entries>, now: Timestamp, ours: bool) -> Result<bool> {
    let known = store::find_in(tx, &row.environment, &row.service, &row.instance).await?;
    if known.is_none() && full(tx, &row.environment, ours).await?.is_some() {
        store::forget(tx, now.plus_seconds(-super::ALIVE)).await?;
        if let Some(detail) = full(tx, &row.environment, ours).await? {
            return Err(Error::Overloaded { detail, retry_after: 60 });
        }
    }
    let same_build = known.as_ref().is_some_and(|known| known.sha == row.sha);
    row.snapshot_id = match (&config, &known) {
        (Some(entries), _) => Some(environment::store::keep(tx, &row.environment, &row.service, &row.sha, entries, now).await?),
        (None, Some(known)) if same_build && known.started_at == row.started_at => known.snapshot_id,
        _ => None,
    };
    if let (Some(id), None) = (row.snapshot_id, &config) {
        environment::store::seen(tx, id, now).await?;
    }
    store::beat(tx, &row).await?;
    if !same_build && row.sha != UNKNOWN {
        tell_of_boot(tx, &row).await?;
    }
    let known_dead = known.as_ref().is_some_and(|known| now.since(Timestamp(known.beat_at)) > super::ALIVE);
    let other = known.is_none_or(|known| (known.revision, known.snapshot_id) != (row.revision, row.snapshot_id));
    Ok(other || known_dead || !same_build)
}

/// Why one more process has no place.
async fn full(tx: &mut Tx, environment: &str, ours: bool) -> Result<Option<String>> {
    let many = store::count(tx, environment).await?;
    if many >= MOST {
        return Ok(Some(format!("{environment} has {MOST} instances already.")));
    }
    let crowded = many == 0 && !ours && store::environments(tx).await? >= ENVIRONMENTS;
    Ok(crowded.then(|| format!("Instances of {ENVIRONMENTS} environments beat already. One that was silent for a day is forgotten.")))
}

/// A build of which nobody told is recorded as seen at its start; the job finds out whether anybody did.
async fn tell_of_boot(tx: &mut Tx, row: &Row) -> Result<()> {
    let action = Record {
        service: row.service.clone(),
        environment: row.environment.clone(),
        sha: row.sha.clone(),
        branch: row.branch.clone(),
        status: Status::Live,
        source: Source::Boot,
        started_at: Some(Timestamp(row.started_at)),
        finished_at: Some(Timestamp(row.started_at)),
        ..Record::default()
    };
    let key = format!("deploy-boot:{}:{}:{}", row.environment, row.service, row.sha);
    enqueue(tx, &Tell { deploys: vec![action] }, Enqueue::unique(key)).await?;
    Ok(())
}

/// One process.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(app: &App, environment: &str, service: &str, instance: &str) -> Result<Instance> {
    let found = store::find(&app.db, environment, service, instance).await?;
    found.map(|row| row.at(app.now())).ok_or_else(|| Error::NotFound(format!("The instance {instance}")))
}

/// All, or those of an environment; those that were silent for a day are left out.
pub async fn all(app: &App, environment: Option<&str>) -> Result<Vec<Instance>> {
    let now = app.now();
    let rows = store::all(&app.db, environment).await?;
    Ok(rows.into_iter().map(|row| row.at(now)).filter(|one| now.since(one.beat_at) <= FORGET).collect())
}

/// Environments and their services, for filters.
pub async fn names(app: &App) -> Result<Vec<(String, String)>> {
    store::names(&app.db).await
}

/// How many instances that live obey at least this revision of flags and maintenance, and how many live: "6 of 7".
///
/// # Errors
/// Those of the database.
pub async fn acknowledged(app: &App, revision: i64) -> Result<(i64, i64)> {
    store::acknowledged(&app.db, revision, app.now()).await
}

/// Forgets processes that were silent for a day. Returns how many.
///
/// # Errors
/// Those of the database.
pub async fn trim(app: &App) -> Result<u64> {
    let before = app.now().plus_seconds(-FORGET);
    app.db.write_with(move |tx| Box::pin(async move { store::forget(tx, before).await })).await
}

/// Tells screens when a process falls silent.
pub fn watch(starter: &mut Starter) {
    starter.keep("silence of instances", |app| async move {
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut before = BTreeMap::new();
        loop {
            tick.tick().await;
            match all(&app, None).await {
                Ok(now) => {
                    let living: BTreeMap<_, _> =
                        now.iter().map(|one| ((one.environment.clone(), one.service.clone(), one.instance.clone()), one.alive)).collect();
                    if living != before {
                        app.bus.tell(Event::new("instance.changed", "instances", json!({}), app.now()));
                        before = living;
                    }
                }
                Err(fault) => tracing::warn!(%fault, "instances not looked at"),
            }
        }
    });
}

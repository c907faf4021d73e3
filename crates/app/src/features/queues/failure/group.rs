//! Failures by cause, with the deploy before.

use qd_core::{App, Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::store;
use crate::features::deploys::record;

/// Most causes of one answer.
const MOST: i64 = 500;
/// Deploys that are looked through.
const DEPLOYS: u64 = 200;

/// The deploy that went live last before a failure was first seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeployBefore {
    /// Its id.
    pub id: Uuid,
    /// Its service.
    pub service: String,
    /// Seven digits of the commit, or the name of the release.
    pub build: String,
    /// When it went live.
    pub live_at: Timestamp,
}

/// Failed jobs of one queue with one cause, as far as they are indexed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Job system.
    pub source: String,
    /// Queue.
    pub queue: String,
    /// Fingerprint of the reason.
    pub fingerprint: String,
    /// The first line of one of the reasons, scrubbed.
    pub reason: String,
    /// Jobs that failed so and are still there.
    pub count: i64,
    /// When a job first failed so, as far as it is known.
    pub first_seen: Timestamp,
    /// When a job last failed so.
    pub last_seen: Timestamp,
    /// Names of these jobs, at most ten.
    pub names: Vec<String>,
    /// Id of the last of these jobs.
    pub sample: String,
    /// The deploy that went live last before the first of them.
    pub deploy_before: Option<DeployBefore>,
}

/// Failures by cause, the last failure first, at most 500. Counted as jobs are indexed, not now.
///
/// # Errors
/// Those of the database.
pub async fn groups(app: &App, source: Option<&str>, queue: Option<&str>) -> Result<Vec<Group>> {
    let rows = store::list(&app.db, source.unwrap_or_default(), queue.unwrap_or_default(), MOST).await?;
    let Some(latest) = rows.iter().map(|row| row.first_at).max() else { return Ok(Vec::new()) };
    let deploys = deploys(app, Timestamp(latest)).await?;
    Ok(rows
        .into_iter()
        .map(|row| Group {
            deploy_before: deploys.iter().filter(|deploy| deploy.live_at.0 <= row.first_at).max_by_key(|deploy| deploy.live_at).cloned(),
            source: row.source,
            queue: row.queue,
            fingerprint: row.fingerprint,
            reason: row.reason,
            count: row.jobs,
            first_seen: Timestamp(row.first_at),
            last_seen: Timestamp(row.last_at),
            names: row.names.lines().map(str::to_owned).collect(),
            sample: row.sample,
        })
        .collect())
}

/// The last deploys of our environment that went live.
async fn deploys(app: &App, until: Timestamp) -> Result<Vec<DeployBefore>> {
    let filter = record::Filter {
        environment: Some(app.config.server.environment.clone()),
        status: Some(record::Status::Live),
        to: Some(until.plus_seconds(1)),
        limit: DEPLOYS,
        ..record::Filter::default()
    };
    let (deploys, _) = record::list(app, &filter).await?;
    let before = |deploy: record::Deploy| {
        let live_at = deploy.live_at()?;
        Some(DeployBefore { id: deploy.id, build: deploy.build().to_owned(), live_at, service: deploy.service })
    };
    Ok(deploys.into_iter().filter_map(before).collect())
}

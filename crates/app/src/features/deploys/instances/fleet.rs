//! What runs, by service and build, beside what was recorded.

use std::collections::BTreeMap;

use qd_core::{App, Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::Instance;
use crate::features::deploys::record::{self, Deploy, same_build, short, store};

/// How many processes run one build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BuildCount {
    /// Commit or release.
    pub sha: String,
    /// Version for people, else seven digits of the commit.
    pub name: String,
    /// Processes.
    pub count: usize,
    /// When the first of them began.
    pub since: Timestamp,
}

/// How a service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Run {
    /// Every process runs the recorded build.
    Recorded,
    /// A deploy runs, and old and new run side by side.
    RollingOut,
    /// Several builds run, and no deploy does.
    Mixed,
    /// It runs a build that was live before the recorded one.
    OldBuild,
    /// It runs a build of which nobody told.
    NotRecorded,
    /// Nobody says what it runs: no process beats.
    Silent,
}

/// One service in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRun {
    /// Environment.
    pub environment: String,
    /// Service.
    pub service: String,
    /// Processes that live.
    pub alive: usize,
    /// Their builds, the most frequent first.
    pub builds: Vec<BuildCount>,
    /// The build that is recorded as live.
    pub recorded: Option<String>,
    /// How it runs.
    pub state: Run,
}

/// What runs in an environment: every service that beats or was deployed.
pub async fn fleet(app: &App, environment: &str) -> Result<Vec<ServiceRun>> {
    let (instances, standing) = (super::all(app, Some(environment)).await?, record::standing(app, environment).await?);
    let rolling = store::rolling(&app.db, environment, app.now().plus_seconds(-86_400)).await?;
    let mut runs = judge(environment, &instances, &standing.services, &rolling);
    for run in &mut runs {
        // A build that was live before is an old one; one that never was is unknown to us.
        if let (Run::NotRecorded, Some(build)) = (run.state, run.builds.first())
            && store::was_live(&app.db, environment, &run.service, &build.sha).await?
        {
            run.state = Run::OldBuild;
        }
    }
    Ok(runs)
}

/// Puts instances and records together; pure. `rolling` are services with a deploy that is not over.
pub fn judge(environment: &str, instances: &[Instance], live: &[Deploy], rolling: &[String]) -> Vec<ServiceRun> {
    let mut services: BTreeMap<&str, Vec<&Instance>> = live.iter().map(|deploy| (deploy.service.as_str(), Vec::new())).collect();
    for one in instances {
        services.entry(one.service.as_str()).or_default().push(one);
    }
    let run = |(service, all): (&str, Vec<&Instance>)| {
        let builds = builds(all.iter().copied().filter(|one| one.alive));
        let recorded = live.iter().find(|deploy| deploy.service == service).map(|deploy| deploy.sha.clone());
        let rolls = rolling.iter().any(|name| name == service);
        let state = match (builds.as_slice(), &recorded) {
            ([], _) => Run::Silent,
            (_, _) if rolls => Run::RollingOut,
            ([one], Some(recorded)) if same_build(&one.sha, recorded) => Run::Recorded,
            ([_], _) => Run::NotRecorded,
            _ => Run::Mixed,
        };
        let alive = builds.iter().map(|build| build.count).sum();
        ServiceRun { environment: environment.into(), service: service.into(), alive, builds, recorded, state }
    };
    services.into_iter().map(run).collect()
}

fn builds<'i>(alive: impl Iterator<Item = &'i Instance>) -> Vec<BuildCount> {
    let mut counts: Vec<BuildCount> = Vec::new();
    for one in alive {
        match counts.iter_mut().find(|build| same_build(&build.sha, &one.sha)) {
            Some(build) => {
                build.count += 1;
                build.since = build.since.min(one.started_at);
            }
            None => {
                let name = one.version.clone().unwrap_or_else(|| short(&one.sha).to_owned());
                counts.push(BuildCount { sha: one.sha.clone(), name, count: 1, since: one.started_at });
            }
        }
    }
    counts.sort_by_key(|build| (std::cmp::Reverse(build.count), std::cmp::Reverse(build.since)));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(service: &str, name: &str, sha: &str, alive: bool) -> Instance {
        let at = Timestamp::from_seconds(1_000);
        Instance {
            environment: "production".into(),
            service: service.into(),
            instance: name.into(),
            sha: sha.into(),
            version: None,
            branch: None,
            started_at: at,
            beat_at: at,
            alive,
            revision: 1,
            snapshot_id: None,
        }
    }

    #[test]
    fn old_mixed_and_silent_services_are_told_apart() {
        let found = [
            instance("web", "a", "aaaaaaa1", true),
            instance("web", "b", "aaaaaaa1", true),
            instance("web", "c", "bbbbbbb2", true),
            instance("cron", "d", "bbbbbbb2", true),
            instance("worker", "e", "aaaaaaa1", false),
        ];
        let runs = judge("production", &found, &[], &[]);
        let states: Vec<_> = runs.iter().map(|run| (run.service.as_str(), run.alive, run.state)).collect();
        assert_eq!(states, [("cron", 1, Run::NotRecorded), ("web", 3, Run::Mixed), ("worker", 0, Run::Silent)]);
        assert_eq!((runs[1].builds[0].count, runs[1].builds[0].name.as_str()), (2, "aaaaaaa"));
    }
}

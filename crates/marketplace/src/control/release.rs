//! A new release is told of once: it is what somebody will look for when something goes wrong right after it.

use std::path::PathBuf;
use std::time::Duration;

use client::{Deploy, Endpoint, Instance};

use crate::scenario::{Scenario, Switch};

/// How long until it is tried again: twice as long each time, up to a minute.
const AGAIN: Duration = Duration::from_secs(2);
const MOST: Duration = Duration::from_secs(60);

/// Tells of every release that runs here, beginning with this one if the last start ran another; for ever.
pub async fn tell(endpoint: Endpoint, environment: Option<String>, switch: Switch, instance: Instance, file: PathBuf) {
    let mut scenarios = switch.watch();
    let mut pause = AGAIN;
    loop {
        let scenario = *scenarios.borrow_and_update();
        let release = scenario.release();
        let told = tokio::fs::read_to_string(&file).await.unwrap_or_default();
        if told.trim() != release {
            instance.release(Some(release.to_owned()), Some(release.to_owned()));
            if let Err(fault) = deploy(scenario, environment.clone()).record(&endpoint).await {
                tracing::debug!(%fault, release, "the deploy was not told of");
                // Another release meanwhile is told of at once.
                let _ = tokio::time::timeout(pause, scenarios.changed()).await;
                pause = (pause * 2).min(MOST);
                continue;
            }
            pause = AGAIN;
            tracing::info!(release, "deployed");
            if let Err(error) = tokio::fs::write(&file, release).await {
                tracing::warn!(%error, "the release can't be written down: the next start tells of it again");
            }
        }
        if scenarios.changed().await.is_err() {
            return;
        }
    }
}

fn deploy(scenario: Scenario, environment: Option<String>) -> Deploy {
    let message = match scenario {
        Scenario::DeployRegression => "Recommend what others bought; tax by region",
        _ => "Faster checkout, clearer labels",
    };
    Deploy {
        service: "marketplace".into(),
        environment,
        sha: scenario.release().into(),
        branch: Some("main".into()),
        author: Some("Fernmarket release train".into()),
        message: Some(message.into()),
        status: "live".into(),
    }
}

//! The verbs: whose configuration is meant, what it was, and how two differ.

use std::collections::BTreeMap;

use qd_core::{App, Error, Result, Timestamp};
use uuid::Uuid;

use super::{Difference, Entries, Snapshot, differences, store};
use crate::features::deploys::instances;
use crate::features::deploys::record::{self, Deploy};

/// Days that a configuration is kept which nobody has any more.
const KEPT_DAYS: i64 = 180;
/// Most configurations of one service in one environment that are kept.
const KEPT: i64 = 500;

/// Whose configuration: `deploy:ID`, `env:production`, `env:production/web`, `instance:production/web/web-1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// As it was while a deploy was live.
    Deploy(Uuid),
    /// As it is in an environment, of one service or of all.
    Environment(String, Option<String>),
    /// As one instance said.
    Instance(String, String, String),
}

impl Place {
    /// Reads the text form.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `field` that says the forms.
    pub fn parse(field: &str, text: &str) -> Result<Self> {
        let fault = || Error::invalid(field, "Say deploy:ID, env:ENVIRONMENT, env:ENVIRONMENT/SERVICE or instance:ENVIRONMENT/SERVICE/INSTANCE.");
        let (kind, name) = text.trim().split_once(':').ok_or_else(fault)?;
        let mut parts = name.splitn(3, '/').filter(|part| !part.is_empty()).map(str::to_owned);
        match (kind, parts.next(), parts.next(), parts.next()) {
            ("deploy", Some(id), None, None) => Uuid::parse_str(&id).map(Self::Deploy).map_err(|_| fault()),
            ("env", Some(environment), service, None) => Ok(Self::Environment(environment, service)),
            ("instance", Some(environment), Some(service), Some(instance)) => Ok(Self::Instance(environment, service, instance)),
            _ => Err(fault()),
        }
    }

    /// The text form.
    pub fn text(&self) -> String {
        match self {
            Self::Deploy(id) => format!("deploy:{id}"),
            Self::Environment(environment, None) => format!("env:{environment}"),
            Self::Environment(environment, Some(service)) => format!("env:{environment}/{service}"),
            Self::Instance(environment, service, instance) => format!("instance:{environment}/{service}/{instance}"),
        }
    }
}

/// One side of a comparison.
#[derive(Clone, Debug)]
pub struct Side {
    /// Whose.
    pub place: Place,
    /// For people: `production, web`.
    pub name: String,
    /// When it was seen last; `None` when it never was.
    pub at: Option<Timestamp>,
    /// What it is; empty when it was never seen.
    pub entries: Entries,
}

/// Finds a configuration.
///
/// # Errors
/// [`Error::NotFound`] for a deploy or an instance that does not exist. One that exists and never told of its configuration has no `at`.
pub async fn resolve(app: &App, place: Place) -> Result<Side> {
    let (name, found) = match &place {
        Place::Deploy(id) => {
            let deploy = record::find(app, *id).await?;
            (format!("{} of {}, {}", deploy.build(), deploy.service, deploy.environment), of_deploy(app, &deploy).await?.into_iter().collect())
        }
        Place::Environment(environment, None) => (environment.clone(), across(app, environment).await?),
        Place::Environment(environment, Some(service)) => {
            (format!("{environment}, {service}"), store::latest(&app.db, environment, service).await?.into_iter().collect())
        }
        Place::Instance(environment, service, instance) => {
            let found = instances::find(app, environment, service, instance).await?;
            let snapshot = match found.snapshot_id {
                Some(id) => store::by_id(&app.db, id).await?,
                None => None,
            };
            (instance.clone(), snapshot.into_iter().collect::<Vec<_>>())
        }
    };
    let at = found.iter().map(|snapshot| snapshot.last_at).max();
    // Of several services that have a key, the one that was seen last counts.
    let mut found = found;
    found.sort_by_key(|snapshot| snapshot.last_at);
    let entries = found.into_iter().flat_map(|snapshot| snapshot.entries).collect();
    Ok(Side { place, name, at, entries })
}

/// The last configuration of every service of an environment.
pub async fn across(app: &App, environment: &str) -> Result<Vec<Snapshot>> {
    Ok(store::latest_all(&app.db).await?.into_iter().filter(|snapshot| snapshot.environment == environment).collect())
}

/// The last configuration of every service of every environment, at most 100.
pub async fn everywhere(app: &App) -> Result<Vec<Snapshot>> {
    store::latest_all(&app.db).await
}

/// What a deploy was configured with: the last that its build said before the next deploy of its service began.
pub async fn of_deploy(app: &App, deploy: &Deploy) -> Result<Option<Snapshot>> {
    let next = record::store::next_start(&app.db, &deploy.environment, &deploy.service, deploy.started_at).await?;
    let end = next.unwrap_or_else(|| app.now().plus_seconds(60));
    store::between(&app.db, (&deploy.environment, &deploy.service, &deploy.sha), deploy.started_at, end).await
}

/// How two configurations differ.
pub async fn compare(app: &App, from: Place, to: Place) -> Result<(Side, Side, Vec<Difference>)> {
    let (from, to) = (resolve(app, from).await?, resolve(app, to).await?);
    let rows = differences(&from.entries, &to.entries);
    Ok((from, to, rows))
}

/// What can be compared, for a choice: text form and name.
pub async fn choices(app: &App) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let snapshots = store::latest_all(&app.db).await?;
    let mut environments: Vec<&str> = snapshots.iter().map(|snapshot| snapshot.environment.as_str()).collect();
    environments.dedup();
    for environment in environments {
        found.push((Place::Environment(environment.to_owned(), None).text(), format!("{environment}, all services")));
    }
    for snapshot in &snapshots {
        let place = Place::Environment(snapshot.environment.clone(), Some(snapshot.service.clone()));
        found.push((place.text(), format!("{}, {}", snapshot.environment, snapshot.service)));
    }
    for deploy in record::store::recent(&app.db, app.now().plus_seconds(-90 * 86_400), 20).await? {
        found.push((Place::Deploy(deploy.id).text(), format!("deploy {} of {}, {}", deploy.build(), deploy.service, deploy.environment)));
    }
    for one in instances::all(app, None).await?.into_iter().filter(|one| one.snapshot_id.is_some()).take(50) {
        let place = Place::Instance(one.environment.clone(), one.service.clone(), one.instance.clone());
        found.push((place.text(), format!("instance {} of {}, {}", one.instance, one.service, one.environment)));
    }
    Ok(found)
}

/// Required keys that a service's configuration lacks.
pub fn missing(required: &BTreeMap<String, Vec<String>>, service: &str, entries: &Entries) -> Vec<String> {
    let wanted = required.get(service).map(Vec::as_slice).unwrap_or_default();
    wanted.iter().filter(|key| !entries.get(*key).is_some_and(|entry| entry.set)).cloned().collect()
}

/// What services lack of what is required of them, by service; only those that lack something.
pub fn lacking(required: &BTreeMap<String, Vec<String>>, found: &[Snapshot]) -> BTreeMap<String, Vec<String>> {
    let lacks = |snapshot: &Snapshot| (snapshot.service.clone(), missing(required, &snapshot.service, &snapshot.entries));
    found.iter().map(lacks).filter(|(_, keys)| !keys.is_empty()).collect()
}

/// Forgets configurations that nobody has had for half a year, and of each service all but the last 500. Returns how many.
pub async fn trim(app: &App) -> Result<u64> {
    let before = app.now().plus_seconds(-KEPT_DAYS * 86_400);
    app.db.write_with(move |tx| Box::pin(async move { store::trim(tx, before, KEPT).await })).await
}

//! Configuration → drivers → [`App`].

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use drivers::deploy::Render;
use drivers::queue::{BullMq, Embedded};
use drivers::{cache, inspector};
use engine::{Db, DbOptions};
use qd_core::audit::{Anchor, Signer};
use qd_core::config::{Config, QueueConfig};
use qd_core::error::FieldError;
use qd_core::event::Bus;
use qd_core::gate::Gate;
use qd_core::keys::Keys;
use qd_core::port::{Deployer, Inspector, Ports, Queue, QueueSource};
use qd_core::published::Published;
use qd_core::reading::Board;
use qd_core::{App, AppParts, Clock, Error, Result, StateMap};

/// Version table of the product's own migrations.
const VERSIONS: &str = "_quarterdeck_migrations";

/// Makes the data directory, and says in one sentence when it can't be written.
pub fn data_dir(path: &Path) -> Result<()> {
    let fault = |e: std::io::Error| {
        Error::Broken(format!("The directory {} can't be written ({e}). Give another with --data-dir or storage.data_dir.", path.display()))
    };
    std::fs::create_dir_all(path).map_err(fault)?;
    let probe = path.join(".write-test");
    std::fs::File::create(&probe).and_then(|mut file| file.write_all(b"ok")).map_err(fault)?;
    std::fs::remove_file(&probe).map_err(fault)
}

/// URL of our own database.
pub fn own_database(config: &Config) -> String {
    let given = config.storage.database_url.expose();
    if given.is_empty() { format!("sqlite:{}", config.storage.data_dir.join("quarterdeck.db").display()) } else { given.to_owned() }
}

/// Says so when there is no database yet: a command that reads must not make an empty one and find it in order.
pub fn must_exist(config: &Config) -> Result<()> {
    let url = own_database(config);
    match url.strip_prefix("sqlite:") {
        Some(path) if !Path::new(path).exists() => {
            Err(Error::Broken(format!("There is no database at {path}. Run this where the data directory is, or set QD_STORAGE__DATA_DIR.")))
        }
        _ => Ok(()),
    }
}

/// Opens our own database and brings it up to date.
pub async fn open_own(config: &Config) -> Result<Db> {
    let url = own_database(config);
    let shown = qd_core::secret::mask_url(&url);
    let fault = |e: engine::Error| match e {
        engine::Error::Newer { .. } => Error::Broken(format!(
            "The database {shown} was written by a newer Quarterdeck. Start that version, or restore a backup from before the upgrade."
        )),
        other => Error::Broken(format!("Our database {shown} can't be opened: {other}. Check storage.database_url and that the server runs.")),
    };
    let db = Db::open(&url, DbOptions::default()).await.map_err(fault)?;
    engine::migrate(&db).await.map_err(fault)?;
    db.migrate(&qd_core::SQLITE, &qd_core::POSTGRES, VERSIONS).await.map_err(fault)?;
    Ok(db)
}

/// Everything that features need, from the configuration. Systems of the platform that don't answer read UNKNOWN; they don't stop the start.
pub async fn assemble(config: Config, clock: Clock) -> Result<App> {
    data_dir(&config.storage.data_dir)?;
    let db = open_own(&config).await?;
    qd_core::gate::sweep_interrupted(&db, &clock).await?;
    let signer = Signer::open(&config.data_file(&config.audit.key_file, "audit.key"), config.platform.name.clone())?;
    let anchor = Anchor(config.data_file(&config.audit.anchor_file, "audit-anchors.jsonl"));
    let mut state = StateMap::default();
    for feature in app::features() {
        (feature.state)(&config, &mut state)?;
    }
    Ok(App::new(AppParts {
        gate: Gate::new(db.clone(), clock.clone()),
        board: Board::default(),
        bus: Bus::default(),
        published: Published::new(app::features().iter().filter_map(|feature| feature.published).collect()),
        keys: Keys::open(&config.data_file("", "installation.key"))?,
        ports: ports(&config, &db)?,
        started: clock.now(),
        signer,
        anchor,
        state,
        db,
        clock,
        config,
    }))
}

fn ports(config: &Config, own: &Db) -> Result<Ports> {
    let mut queues = vec![QueueSource { name: "quarterdeck".into(), queue: Arc::new(Embedded::own(own.clone())) }];
    for source in &config.queues {
        queues.push(QueueSource { name: source.name.clone(), queue: queue_of(source)? });
    }
    let url = config.platform.database_url.expose();
    let inspector = if url.is_empty() { None } else { Some(inspector::open(url)?) };
    Ok(Ports { queues, inspector, cache: cache_of(config)?, deployer: deployer_of(config)? })
}

fn queue_of(source: &QueueConfig) -> Result<Arc<dyn Queue>> {
    Ok(match source.driver.as_str() {
        "bullmq" => Arc::new(BullMq::new(&source.url, &source.prefix).map_err(|fault| of_source(&source.name, fault))?),
        _ => Arc::new(Embedded::of(source.url.clone())),
    })
}

/// Says which job system a fault of its configuration is in.
fn of_source(name: &str, fault: Error) -> Error {
    match fault {
        Error::Invalid(faults) => {
            let named = |fault: FieldError| FieldError { field: format!("queues.{name}.{}", fault.field), ..fault };
            Error::Invalid(faults.into_iter().map(named).collect())
        }
        other => other,
    }
}

fn deployer_of(config: &Config) -> Result<Option<Arc<dyn Deployer>>> {
    let deploys = &config.deploys;
    if !deploys.render_api_key.is_set() {
        return Ok(None);
    }
    let render = Render::new(&deploys.render_url, deploys.render_api_key.clone(), deploys.render_services.clone())?;
    Ok(Some(Arc::new(render)))
}

fn cache_of(config: &Config) -> Result<Option<Arc<dyn Inspector>>> {
    let url = &config.cache.url;
    if url.is_set() { Ok(Some(Arc::new(cache::Redis::new(url)?))) } else { Ok(None) }
}

/// Asks the platform's database once, for `doctor`.
pub async fn inspect(config: &Config) -> Result<String> {
    look(inspector::open(config.platform.database_url.expose())?.as_ref()).await
}

/// Asks the platform's cache once, for `doctor`.
pub async fn inspect_cache(config: &Config) -> Result<String> {
    look(&cache::Redis::new(&config.cache.url)?).await
}

/// Asks one job system of the platform, for `doctor`: its server, how many queues it has, and what an operator should know.
pub async fn inspect_queues(source: &QueueConfig) -> Result<String> {
    let queue = queue_of(source)?;
    let count = queue.states().await?.len();
    let queues = if count == 1 { "1 queue".to_owned() } else { format!("{count} queues") };
    let about = match queue.about().await {
        Ok(about) => about,
        Err(Error::Unsupported { .. }) => return Ok(format!("{} answers; {queues}", queue.driver())),
        Err(other) => return Err(other),
    };
    let version = about.version.map_or_else(String::new, |version| format!(" {version}"));
    let warnings: String = about.warnings.iter().map(|warning| format!(" Beware: {warning}")).collect();
    Ok(format!("{}{version} on {} at {} answers in {:.1} ms; {queues}.{warnings}", queue.driver(), about.server, about.place, about.answers_in))
}

async fn look(inspector: &dyn Inspector) -> Result<String> {
    let figures = inspector.inspect().await?;
    let measured = figures.iter().filter(|figure| figure.value.is_some()).count();
    Ok(format!("{} answers; {measured} of {} figures can be measured", inspector.driver(), figures.len()))
}

//! The whole marketplace in one place: started, running, stopped.

use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use client::{BypassKey, Endpoint};
use engine::job::{Enqueue, WorkerHandle, enqueue};
use engine::{Db, DbOptions};
use jiff::tz::TimeZone;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::control::Control;
use crate::error::{Error, Result};
use crate::generate::{self, GenerateOptions, Size, progress};
use crate::jobs::analytics::Record;
use crate::jobs::bullmq::Bull;
use crate::jobs::{self, Works};
use crate::mail::Sink;
use crate::scenario::{Scenario, Switch, backlog, outage};
use crate::store::clicks::Click;
use crate::telemetry::Telemetry;
use crate::traffic::Traffic;
use crate::web::{self, Shop};
use crate::{ids, schema};

/// How the marketplace runs.
#[derive(Debug, Clone)]
pub struct MarketplaceOptions {
    /// `sqlite:PATH` or `postgres://…`
    pub database_url: String,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether simulated visitors come.
    pub traffic: bool,
    /// Requests a second of theirs on a plain afternoon.
    pub traffic_rate: f64,
    /// What is wrong from the start.
    pub scenario: Scenario,
    /// What an empty database is filled with.
    pub seed: u64,
    /// How much of it.
    pub size: Size,
    /// For the outbox and the labels.
    pub data_dir: PathBuf,
    /// The platform's days, `America/New_York`.
    pub time_zone: String,
    /// Stop when stdin ends: a parent that dies takes its child along.
    pub stop_on_stdin_eof: bool,
    /// The password of `POST /_demo/scenario`; none: the route does not exist.
    pub demo_token: Option<String>,
    /// The control center that is obeyed: its flags and its maintenance. [`run`] takes it from OpenFeature's variables.
    pub control: Option<Endpoint>,
    /// Where the queues are, when they are BullMQ's. [`run`] takes it from `MARKETPLACE_REDIS_URL`.
    pub bull: Option<Bull>,
    /// Checks who may write during a maintenance. [`run`] takes it from `MAINTENANCE_BYPASS_SECRET`.
    pub bypass: Option<BypassKey>,
}

impl MarketplaceOptions {
    /// A calm small marketplace with visitors; `demo_token` from `MARKETPLACE_DEMO_TOKEN`.
    pub fn new(database_url: impl Into<String>, listen: SocketAddr, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            database_url: database_url.into(),
            listen,
            traffic: true,
            traffic_rate: 4.0,
            scenario: Scenario::Calm,
            seed: 1,
            size: Size::Small,
            data_dir: data_dir.into(),
            time_zone: "America/New_York".to_owned(),
            stop_on_stdin_eof: false,
            demo_token: std::env::var("MARKETPLACE_DEMO_TOKEN").ok().filter(|token| !token.is_empty()),
            control: None,
            bull: None,
            bypass: None,
        }
    }
}

/// Runs until SIGINT, SIGTERM or, if asked for, the end of stdin; stops within three seconds. Installs the process's
/// logging and telemetry and writes nothing but log lines.
///
/// # Errors
/// An [`Error`] whose sentence says what to do.
pub async fn run(mut options: MarketplaceOptions) -> Result<()> {
    options.control = options.control.or(Endpoint::from_env()?);
    options.bull = options.bull.or_else(Bull::from_env);
    options.bypass = options.bypass.or(BypassKey::new(&std::env::var("MAINTENANCE_BYPASS_SECRET").unwrap_or_default())?);
    let telemetry = Telemetry::start()?;
    let stdin = options.stop_on_stdin_eof;
    let served = match Marketplace::start(options).await {
        Ok(marketplace) => {
            tracing::info!(address = %marketplace.address, "the market is open");
            asked_to_stop(stdin).await;
            marketplace.stop().await;
            tracing::info!("the market is closed");
            Ok(())
        }
        Err(error) => Err(error),
    };
    telemetry.stop().await;
    served
}

async fn asked_to_stop(stdin: bool) {
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<Option<()>>();
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
        () = end_of_stdin(), if stdin => {}
    }
}

/// A thread of its own: the runtime could not end while one of its own waits for input.
async fn end_of_stdin() {
    let (sender, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        while matches!(std::io::stdin().read(&mut buffer), Ok(1..)) {}
        let _ = sender.send(());
    });
    let _ = ended.await;
}

/// A running marketplace.
pub struct Marketplace {
    /// Where it listens.
    pub address: SocketAddr,
    /// What is wrong with it.
    pub switch: Switch,
    /// Its database.
    pub db: Db,
    shop: Arc<Shop>,
    workers: WorkerHandle,
    close: watch::Sender<bool>,
    server: tokio::task::JoinHandle<()>,
    _helpers: JoinSet<()>,
}

impl Marketplace {
    /// Opens the database, fills it when it is empty, and serves. Nothing is installed in the process.
    ///
    /// # Errors
    /// An [`Error`] whose sentence says what to do.
    pub async fn start(options: MarketplaceOptions) -> Result<Self> {
        let zone = TimeZone::get(&options.time_zone).map_err(|_| Error::TimeZone(options.time_zone.clone()))?;
        folders(&options.data_dir)?;
        let listener = listen(options.listen).await?;
        let address = listener.local_addr()?;
        let db = open(&options, &zone).await?;
        let switch = Switch::new(options.scenario);
        let mut helpers = JoinSet::new();
        let mail = Sink::start(options.data_dir.join("outbox"), switch.clone(), &mut helpers).await?;
        let works = Works::new(db.clone(), switch.clone(), mail, options.data_dir.clone(), zone.clone());
        let workers = match &options.bull {
            Some(bull) => jobs::bullmq::start(bull, works, &mut helpers).await?,
            None => jobs::start(works).await?,
        };
        let control = Control::start(&options, &switch, &mut helpers);
        let (clicks, inbox) = mpsc::channel(4_096);
        helpers.spawn(record(db.clone(), inbox));
        helpers.spawn(backlog::produce(db.clone(), switch.clone()));
        helpers.spawn(outage::produce(db.clone(), switch.clone()));
        let shop = Arc::new(Shop {
            db: db.clone(),
            zone: zone.clone(),
            switch: switch.clone(),
            recommender: crate::scenario::regression::Recommender::default(),
            demo_token: options.demo_token,
            control,
            clicks,
            lost_clicks: AtomicU64::new(0),
        });
        let (close, closing) = watch::channel(false);
        let server = tokio::spawn(serve(listener, Arc::clone(&shop), closing));
        if options.traffic {
            Traffic { address, rate: options.traffic_rate, zone }.start(&mut helpers);
        }
        Ok(Self { address, switch, db, shop, workers, close, server, _helpers: helpers })
    }

    /// How many queries the recommender of `deploy-regression` has made.
    pub fn recommender_queries(&self) -> u64 {
        self.shop.recommender.queries()
    }

    /// Lets what runs end, within three seconds.
    pub async fn stop(self) {
        let Self { workers, close, mut server, db, shop, _helpers: mut helpers, .. } = self;
        helpers.abort_all();
        shop.control.stop().await;
        close.send_replace(true);
        let workers = tokio::time::timeout(Duration::from_millis(1_500), workers.stop());
        let server = async {
            if tokio::time::timeout(Duration::from_millis(1_500), &mut server).await.is_err() {
                server.abort();
            }
        };
        let _ = tokio::join!(workers, server);
        let _ = tokio::time::timeout(Duration::from_millis(500), db.close()).await;
    }
}

async fn serve(listener: TcpListener, shop: Arc<Shop>, mut closing: watch::Receiver<bool>) {
    let service = web::router(shop).into_make_service_with_connect_info::<SocketAddr>();
    let closed = async move {
        let _ = closing.wait_for(|closing| *closing).await;
    };
    if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(closed).await {
        tracing::error!(%error, "the server ended");
    }
}

fn folders(data_dir: &Path) -> Result<()> {
    for folder in [data_dir.join("outbox"), data_dir.join("labels")] {
        let made = std::fs::create_dir_all(&folder).and_then(|()| {
            let probe = folder.join(".write-test");
            std::fs::write(&probe, b"")?;
            std::fs::remove_file(probe)
        });
        made.map_err(|source| Error::DataDir { path: folder, source })?;
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Error::PortTaken(address),
        _ => Error::Listen(address, error),
    })
}

/// The database, migrated and filled. An empty one is filled through a connection that does not wait for the disk.
async fn open(options: &MarketplaceOptions, zone: &TimeZone) -> Result<Db> {
    let db = Db::open(&options.database_url, DbOptions::default()).await?;
    schema::migrate(&db).await?;
    if generate::is_generated(&db).await? {
        return Ok(db);
    }
    db.close().await;
    tracing::info!(size = ?options.size, seed = options.seed, "the database is empty: filling it");
    let plan = GenerateOptions { seed: options.seed, size: options.size, until: ids::now(), time_zone: zone.clone() };
    generate::generate(&options.database_url, plan, progress::logged()).await?;
    Ok(Db::open(&options.database_url, DbOptions::default()).await?)
}

/// Collects clicks for two seconds or until there are two hundred, and enqueues them as one job.
async fn record(db: Db, mut inbox: mpsc::Receiver<Click>) {
    let mut batch = Vec::new();
    while inbox.recv_many(&mut batch, 200).await > 0 {
        let more = async { while batch.len() < 200 && inbox.recv_many(&mut batch, 200).await > 0 {} };
        let _ = tokio::time::timeout(Duration::from_secs(2), more).await;
        let job = Record { clicks: std::mem::take(&mut batch) };
        let written = db.write(move |tx| Box::pin(async move { enqueue(tx, &job, Enqueue::default()).await })).await;
        if let Err(error) = written {
            tracing::warn!(%error, "clicks were lost");
        }
    }
}

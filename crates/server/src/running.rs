//! A running control center: background work, listener, clean stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use app::web::{self, Routes, Starter, WebParts};
use engine::job::WorkerHandle;
use qd_core::gate::Actor;
use qd_core::reading::{Reading, Status};
use qd_core::{App, Error, Result};
use qd_core::{audit, event};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{error, info};

pub use crate::listener::Limits;

/// How long running requests may go on after the signal to stop.
const GRACE: Duration = Duration::from_secs(2);

/// A control center that serves.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// The application.
    pub app: App,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    background: JoinSet<()>,
    worker: WorkerHandle,
}

/// The routes of the frame and of all features.
pub fn routes() -> Routes {
    app::features().iter().fold(Routes::with_frame(), |routes, feature| (feature.routes)(routes))
}

/// Binds an address, and says in one sentence when it can't be had.
pub async fn bind(listen: &str) -> Result<TcpListener> {
    TcpListener::bind(listen).await.map_err(|fault| match fault.kind() {
        std::io::ErrorKind::AddrInUse => {
            Error::Broken(format!("The address {listen} is taken. Stop the program that holds it, or choose another port with --port."))
        }
        _ => Error::Broken(format!("Can't listen on {listen}: {fault}.")),
    })
}

impl Running {
    /// Starts background work and listener.
    pub async fn start(app: App, listener: TcpListener) -> Result<Self> {
        Self::start_within(app, listener, Limits::default()).await
    }

    /// The same with other limits of connections.
    pub async fn start_within(app: App, listener: TcpListener, limits: Limits) -> Result<Self> {
        crate::listener::raise_file_limit();
        let address = listener.local_addr().map_err(|fault| Error::Broken(fault.to_string()))?;
        let parts = WebParts {
            app: app.clone(),
            sessions: Arc::new(app::features::identity::IdentitySessions),
            chrome: Arc::new(app::views::Frame::new(crate::VERSION)),
            metrics: web::recorder(),
            version: crate::VERSION,
        };
        let site = web::site(parts, &routes())?;
        app::features::flags::definition::seed(&app, &Actor::system("housekeeping")).await?;
        app.published.refresh(&app).await?;
        event::try_again(&app.db).await?;
        let background = background(&app);
        let worker = crate::housekeeping::start(&app).await?;
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(crate::listener::serve(listener, site, limits, stopped));
        info!(%address, "serving");
        Ok(Self { address, app, stop, server, background, worker })
    }

    /// Stops: no new requests, running ones get two seconds, jobs are handed back.
    pub async fn stop(mut self) {
        // Nobody may listen any more; then it has stopped already.
        let _ = self.stop.send(());
        let limit = GRACE + Duration::from_millis(500);
        let ended = tokio::join!(tokio::time::timeout(limit, &mut self.server), tokio::time::timeout(GRACE, self.worker.stop()));
        if ended.0.is_err() {
            self.server.abort();
        }
        self.background.shutdown().await;
        if tokio::time::timeout(GRACE, last_words(&self.app)).await.is_err() {
            error!("the last checkpoint of the audit trail was not written in time");
        }
        self.app.db.close().await;
        info!("stopped");
    }
}

fn background(app: &App) -> JoinSet<()> {
    let mut starter = Starter::new(app.clone());
    let mut handlers = Vec::new();
    for feature in app::features() {
        (feature.start)(&mut starter);
        handlers.extend((feature.subscriptions)().into_iter().map(|(prefix, handler)| (prefix.to_owned(), handler)));
    }
    starter.keep("published state", |app| async move { app.published.follow(app.clone()).await });
    starter.keep("events", move |app| deliver(app, handlers.clone()));
    starter.keep("undelivered events", watch_events);
    starter.keep("checkpoints of the trail", watch_trail);
    starter.keep("own figures", |_| web::keep_figures());
    starter.into_tasks()
}

/// What must not be lost with the process: refusals that were only counted, and a checkpoint of the trail's last rows.
async fn last_words(app: &App) {
    if let Err(fault) = app.gate.settle_refusals(true).await {
        error!(%fault, "number of refusals not recorded");
    }
    if let Err(fault) = audit::checkpoint_last(&app.db, &app.signer, &app.anchor, app.now()).await {
        error!(%fault, "last checkpoint of the audit trail not written");
    }
}

/// Asks for a checkpoint as soon as so many rows came: the schedule looks every five minutes only.
async fn watch_trail(app: App) {
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let asked = match audit::checkpoint_due_by_rows(&app.db).await {
            Ok(true) => crate::housekeeping::checkpoint_soon(&app.db).await,
            Ok(false) => Ok(()),
            Err(fault) => Err(fault),
        };
        if let Err(fault) = asked {
            error!(%fault, "the audit trail's checkpoint is not looked after");
        }
    }
}

async fn deliver(app: App, handlers: Vec<(String, event::Handler<App>)>) {
    app.bus.dispatch(app.db.clone(), app.clock.clone(), app.clone(), handlers).await;
}

/// Says for as long as there are events that were given up.
async fn watch_events(app: App) {
    const KEY: &str = "own.events";
    loop {
        match event::given_up(&app.db).await {
            Ok(0) => app.board.forget(KEY),
            Ok(lost) => {
                let why = || format!("{lost} of our own events could not be delivered; the log says why. They are tried again at the next start.");
                #[expect(clippy::cast_precision_loss, reason = "a count of events")]
                let reading = Reading::measured(lost as f64, "", "Quarterdeck", app.now(), 0).judged(Status::Crit, why);
                app.board.put(KEY, reading, app.now());
            }
            Err(fault) => error!(%fault, "undelivered events not counted"),
        }
        tokio::time::sleep(Duration::from_secs(15)).await;
    }
}

/// Resolves when the process is asked to stop: Ctrl-C or SIGTERM.
pub async fn asked_to_stop() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(signal) => signal,
        Err(fault) => {
            error!(%fault, "SIGTERM can't be heard");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

//! `quarterdeck demo`: a marketplace in a process of its own, watched by a control center, with nothing to configure.

mod child;
mod data;
mod screen;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use app::features::identity;
use qd_core::config::{Config, QueueConfig, ServiceConfig};
use qd_core::keys::Keys;
use qd_core::secret::Secret;
use qd_core::{App, Clock, Error, Result};
use tokio::net::TcpListener;

use crate::cli::{Demo, Marketplace};
use crate::running::{self, Running};
use crate::{logging, wiring};

/// The person that the demo signs in as.
const CAPTAIN: (&str, &str) = ("captain@fernmarket.example", "Captain");
/// What the demo calls its environment.
const ENVIRONMENT: &str = "demo";
/// How long the one-time link works.
const LINK_MINUTES: i64 = 60;

/// Runs the demo until it is asked to stop.
///
/// # Errors
/// One sentence: a taken port, an unwritable directory, a newer database, a Postgres that does not answer.
pub async fn run(options: Demo, json: bool) -> Result<ExitCode> {
    options.scenario.parse::<marketplace::Scenario>().map_err(sentence)?;
    if let Some(redis) = &options.redis {
        // One that is away is no reason not to start: the Cache card says so.
        drivers::cache::Redis::new(&Secret::new(redis))
            .map_err(|_| Error::Broken("--redis takes redis://user:password@host:6379/0, or rediss:// with TLS.".into()))?;
    }
    let (own, shop) = listeners(options.port).await?;
    let (address, shop_address) = (local(&own)?, local(&shop)?);
    if options.reset {
        data::reset(&options.data_dir)?;
    }
    wiring::data_dir(&options.data_dir)?;
    let mut config = Config::load(Path::new("/nonexistent/quarterdeck.toml"), false, &[])?;
    let databases = data::databases(&options).await?;
    data::seed(&databases.marketplace, &options, json).await?;
    if let Some(redis) = &options.redis {
        data::queues(redis, &options).await?;
    }
    fill(&mut config, &options, &databases, address, shop_address);
    config.maintenance.bypass_secret = bypass_secret(&options.data_dir)?;
    let _guard = logging::start(&config.log, &config.storage.data_dir, false);
    let app = wiring::assemble(config, Clock::system()).await?;
    let link = sign_in(&app, address).await?;
    let token = identity::mint_demo_token(&app).await?;
    // The child binds the port itself; it was held until here so that a taken port is told before anything is started. The shop opens first:
    // probes must not find a closed door that nobody closed.
    drop(shop);
    let bypass = &app.config.maintenance.bypass_secret;
    let told = child::Told { database: &databases.marketplace, listen: shop_address, control: address, token: &token, bypass };
    let child = child::Child::start(&options, &told).await?;
    let running = Running::start(app, own).await?;
    screen::show(&screen::Facts { address, shop: shop_address, link: &link, pid: child.id(), options: &options }, json);
    wait(&child).await;
    let (_, ()) = tokio::join!(child.stop(), running.stop());
    Ok(ExitCode::SUCCESS)
}

/// Runs the marketplace alone.
pub async fn marketplace(options: Marketplace) -> Result<ExitCode> {
    let listen = options.listen.parse().map_err(|_| Error::invalid("listen", "Give an address and a port such as 127.0.0.1:7071."))?;
    wiring::data_dir(&options.data_dir)?;
    let mut shop = marketplace::MarketplaceOptions::new(options.database, listen, options.data_dir);
    shop.traffic = !options.no_traffic;
    shop.scenario = options.scenario.parse().map_err(sentence)?;
    shop.stop_on_stdin_eof = options.stop_on_stdin_eof;
    marketplace::run(shop).await.map_err(sentence)?;
    Ok(ExitCode::SUCCESS)
}

fn sentence(fault: marketplace::Error) -> Error {
    Error::Broken(format!("{fault}."))
}

/// Both ports, bound before anything else happens. The marketplace takes the next one.
async fn listeners(port: u16) -> Result<(TcpListener, TcpListener)> {
    let next = if port == 0 { 0 } else { port.checked_add(1).ok_or_else(|| Error::invalid("port", "Choose a port below 65535."))? };
    Ok((running::bind(&format!("127.0.0.1:{port}")).await?, running::bind(&format!("127.0.0.1:{next}")).await?))
}

fn local(listener: &TcpListener) -> Result<std::net::SocketAddr> {
    listener.local_addr().map_err(|fault| Error::Broken(fault.to_string()))
}

/// What a person would write into quarterdeck.toml to watch this platform.
fn fill(config: &mut Config, options: &Demo, databases: &data::Databases, own: std::net::SocketAddr, shop: std::net::SocketAddr) {
    config.server.listen = own.to_string();
    config.server.environment = ENVIRONMENT.into();
    config.storage.data_dir.clone_from(&options.data_dir);
    config.storage.database_url = databases.own.clone();
    config.platform.name = "Fernmarket".into();
    config.platform.database_url = databases.marketplace.clone();
    config.cache.url = Secret::new(options.redis.as_deref().unwrap_or_default());
    config.queues = queues(options, databases);
    let service = |name: &str, path: &str| ServiceConfig {
        name: name.into(),
        url: format!("http://{shop}{path}"),
        interval_seconds: 10,
        timeout_ms: 3_000,
        slow_ms: 1_000,
    };
    config.services = vec![service("Storefront", "/"), service("Marketplace API", "/healthz"), service("Marketplace database", "/readyz")];
}

/// With a Redis the queues are BullMQ's, and the shop's own engine is the outbox before them.
fn queues(options: &Demo, databases: &data::Databases) -> Vec<QueueConfig> {
    let embedded =
        |name: &str| QueueConfig { name: name.into(), driver: "embedded".into(), url: databases.marketplace.clone(), prefix: String::new() };
    match &options.redis {
        None => vec![embedded("marketplace")],
        Some(url) => {
            let prefix = marketplace::Bull::PREFIX.into();
            let bull = QueueConfig { name: "marketplace".into(), driver: "bullmq".into(), url: Secret::new(url), prefix };
            vec![bull, embedded("outbox")]
        }
    }
}

/// The same at every start, so that a bypass outlives it.
fn bypass_secret(data_dir: &Path) -> Result<Secret> {
    let proof = Keys::open(&data_dir.join("installation.key"))?.mac("demo-bypass", b"");
    Ok(Secret::new(proof.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

/// Makes the account at the first start, and a new link at each.
async fn sign_in(app: &App, address: std::net::SocketAddr) -> Result<String> {
    let user = match identity::by_email(app, CAPTAIN.0).await? {
        Some(user) => user,
        None => identity::create_admin(app, CAPTAIN.0, CAPTAIN.1, qd_core::gate::Role::SuperAdmin, None).await?,
    };
    let ticket: Secret = identity::make_ticket(app, user.id, LINK_MINUTES).await?;
    Ok(format!("http://{address}{}", identity::ticket_path(&ticket)))
}

/// Waits for the signal to stop. A marketplace that ends is told of, and is no reason to stop: that is what is watched for.
async fn wait(child: &child::Child) {
    tokio::select! {
        () = running::asked_to_stop() => {}
        () = async {
            child.ended().await;
            eprintln!("The marketplace has ended. The control center goes on and should say so within a minute.");
            std::future::pending::<()>().await;
        } => {}
    }
}

/// How long the marketplace may take to stop.
const CHILD_GRACE: Duration = Duration::from_secs(3);

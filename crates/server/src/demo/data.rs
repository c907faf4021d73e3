//! Where the demo keeps its data, and how it begins.

use std::path::Path;
use std::time::Duration;

use engine::{Db, DbOptions};
use qd_core::secret::{Secret, mask_url};
use qd_core::{Error, Result};
use sqlx::{Connection, Executor};

use super::sentence;
use crate::cli::Demo;

/// The two databases, as URLs.
pub(super) struct Databases {
    pub own: Secret,
    pub marketplace: Secret,
}

/// Files and directories that the demo makes; nothing else in the directory is touched.
const MADE: [&str; 12] = [
    "quarterdeck.db", "quarterdeck.db-wal", "quarterdeck.db-shm", "marketplace.db", "marketplace.db-wal", "marketplace.db-shm", "audit.key",
    "installation.key", "audit-anchors.jsonl", "logs", "marketplace", ".demo",
];

/// Throws the demo's own files away.
pub(super) fn reset(directory: &Path) -> Result<()> {
    for name in MADE {
        let path = directory.join(name);
        let gone = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        match gone {
            Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::Broken(format!("{} can't be removed: {fault}. Stop what uses it.", path.display())));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Two SQLite files, or two databases on a Postgres server.
pub(super) async fn databases(options: &Demo) -> Result<Databases> {
    let Some(url) = &options.postgres else {
        let file = |name: &str| Secret::new(format!("sqlite:{}", options.data_dir.join(name).display()));
        return Ok(Databases { own: file("quarterdeck.db"), marketplace: file("marketplace.db") });
    };
    let shown = mask_url(url);
    let fault = |e: sqlx::Error| Error::Broken(format!("Postgres at {shown} does not answer: {e}. Check --postgres and that the server runs."));
    let mut server = sqlx::PgConnection::connect(url).await.map_err(fault)?;
    let mut made = Vec::new();
    for (name, drop, create) in NAMES {
        if options.reset {
            server.execute(*drop).await.map_err(fault)?;
        }
        let there = sqlx::query(EXISTS).bind(*name).fetch_optional(&mut server).await.map_err(fault)?;
        if there.is_none() {
            server.execute(*create).await.map_err(fault)?;
        }
        made.push(Secret::new(on_server(url, name)?));
    }
    server.close().await.map_err(fault)?;
    let marketplace = made.pop().unwrap_or_default();
    Ok(Databases { own: made.pop().unwrap_or_default(), marketplace })
}

const EXISTS: &str = "SELECT 1 FROM pg_database WHERE datname = $1";
/// Names with their statements: identifiers can't be parameters.
const NAMES: &[(&str, &str, &str)] = &[
    ("quarterdeck_demo", "DROP DATABASE IF EXISTS quarterdeck_demo WITH (FORCE)", "CREATE DATABASE quarterdeck_demo"),
    (
        "quarterdeck_demo_marketplace",
        "DROP DATABASE IF EXISTS quarterdeck_demo_marketplace WITH (FORCE)",
        "CREATE DATABASE quarterdeck_demo_marketplace",
    ),
];

/// The same server, another database.
fn on_server(url: &str, name: &str) -> Result<String> {
    let (scheme, rest) = url.split_once("://").ok_or_else(|| Error::invalid("postgres", "Give a postgres:// URL."))?;
    let (path, query) = rest.split_once('?').map_or((rest, ""), |(path, query)| (path, query));
    let authority = path.split('/').next().unwrap_or_default();
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    Ok(format!("{scheme}://{authority}/{name}{query}"))
}

/// Fills an empty marketplace; a second start goes on with what is there.
pub(super) async fn seed(url: &Secret, options: &Demo, quiet: bool) -> Result<()> {
    let size = options.size.parse::<marketplace::Size>().map_err(sentence)?;
    let fault = |e: engine::Error| match e {
        engine::Error::Newer { .. } => {
            Error::Broken("The marketplace's database was written by a newer version. Use that version, or start anew with --reset.".into())
        }
        other => Error::Broken(format!("The marketplace's database can't be opened: {other}.")),
    };
    let db = Db::open(url.expose(), DbOptions::default()).await.map_err(fault)?;
    marketplace::migrate(&db).await.map_err(fault)?;
    let there = marketplace::generate::is_generated(&db).await.map_err(sentence)?;
    db.close().await;
    if there {
        return Ok(());
    }
    let progress = if quiet { marketplace::generate::progress::silent() } else { marketplace::generate::progress::shown() };
    let generation = marketplace::GenerateOptions::new(options.seed, size);
    marketplace::generate(url.expose(), generation, progress).await.map_err(sentence)
}

/// Installs the workers of the queues on Redis; a fresh start throws the queues of the last one away.
pub(super) async fn queues(redis: &str, options: &Demo) -> Result<()> {
    marketplace::install_workers(&options.data_dir.join("marketplace")).await.map_err(sentence)?;
    if options.reset {
        let forgotten = tokio::time::timeout(RESET, marketplace::Bull::at(redis).forget()).await;
        forgotten
            .map_err(|_| Error::Broken(format!("Redis does not answer within {} s: the demo's queues can't be reset.", RESET.as_secs())))?
            .map_err(sentence)?;
    }
    Ok(())
}

/// How long Redis may take to forget the queues.
const RESET: Duration = Duration::from_secs(30);

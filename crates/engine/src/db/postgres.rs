//! Postgres: one pool; a write is one transaction on one of its connections.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection, PgPool};
use tokio::task::JoinHandle;

use super::bus::{self, Bus};
use super::error::{Error, Result};
use super::tx::{Conn, Tx};
use super::{DbOptions, WRITE_LIMIT};

pub(crate) const SERVER: &str = "SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)";

/// A Postgres database.
#[derive(Clone)]
pub struct Postgres {
    pub(crate) pool: PgPool,
    pub(crate) bus: Bus,
    options: PgConnectOptions,
    forwarder: Arc<Mutex<Option<JoinHandle<()>>>>,
    pub(crate) read_only: bool,
}

impl Postgres {
    pub(crate) async fn open(url: &str, options: &DbOptions) -> Result<Self> {
        let connect: PgConnectOptions = url.parse()?;
        let connect = connect.application_name("quarterdeck").options([
            ("statement_timeout", "10s"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "30s"),
            ("default_transaction_read_only", if options.read_only { "on" } else { "off" }),
            ("synchronous_commit", if options.synchronous_off { "off" } else { "on" }),
        ]);
        let pool =
            PgPoolOptions::new().max_connections(options.pool.max(2)).acquire_timeout(Duration::from_secs(10)).connect_with(connect.clone()).await?;
        Ok(Self { pool, bus: bus::bus(), options: connect, forwarder: Arc::default(), read_only: options.read_only })
    }

    /// A connection outside the pool, for migrations.
    pub(crate) async fn connect(&self) -> Result<PgConnection> {
        Ok(self.options.connect().await?)
    }

    /// Where it is, without user and password.
    pub(crate) fn place(&self) -> String {
        let options = &self.options;
        let host = options.get_socket().map_or_else(|| options.get_host().to_owned(), |socket| socket.display().to_string());
        format!("{host}:{}/{}", options.get_port(), options.get_database().unwrap_or_default())
    }

    /// Starts forwarding notices, once.
    pub(crate) fn forward(&self) {
        let mut forwarder = self.forwarder.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if forwarder.is_none() {
            *forwarder = Some(tokio::spawn(bus::forward(self.pool.clone(), self.bus.clone())));
        }
    }

    pub(crate) async fn close(&self) {
        let forwarder = self.forwarder.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(forwarder) = forwarder {
            forwarder.abort();
        }
        self.pool.close().await;
    }

    /// One transaction in a task of its own: a caller who goes away does not cancel it half way.
    pub(crate) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        if self.read_only {
            return Err(Error::invalid("the database was opened read-only").into());
        }
        let pool = self.pool.clone();
        tokio::spawn(transact(pool, work)).await.map_err(|_| E::from(Error::Panicked))?
    }
}

async fn transact<T, E, F>(pool: PgPool, work: F) -> Result<T, E>
where
    E: From<Error>,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
{
    let mut tx = Tx::new(Conn::Postgres(pool.begin().await.map_err(Error::from)?));
    let run = std::panic::AssertUnwindSafe(work(&mut tx)).catch_unwind();
    let outcome = match tokio::time::timeout(WRITE_LIMIT, run).await {
        Err(_) => Err(E::from(Error::Timeout)),
        Ok(Err(_)) => Err(E::from(Error::Panicked)),
        Ok(Ok(outcome)) => outcome,
    };
    let outcome = tx.verdict(outcome);
    let Tx { conn: Conn::Postgres(conn), hooks, .. } = tx else {
        return Err(Error::invalid("not a Postgres transaction").into());
    };
    match outcome {
        Ok(value) => {
            conn.commit().await.map_err(Error::from)?;
            hooks.into_iter().for_each(|hook| hook());
            Ok(value)
        }
        Err(error) => {
            if let Err(rollback) = conn.rollback().await {
                tracing::warn!(error = %rollback, "rollback failed; the server ends the transaction with the connection");
            }
            Err(error)
        }
    }
}

//! Notices between transactions and listeners: in-process on SQLite, LISTEN/NOTIFY on Postgres.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::broadcast;

use super::error::{Error, Result};

const CHANNEL: &str = "engine";
/// Postgres only: the one statement that sends a notice.
pub(crate) const NOTIFY: &str = "SELECT pg_notify('engine', $1)";
/// Postgres refuses payloads of 8,000 bytes and more.
const PAYLOAD_MAX: usize = 7_000;

/// One notice. An empty channel means that notices may have been lost: whoever listens looks for itself.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    channel: Arc<str>,
    payload: Arc<str>,
}

impl Notice {
    pub(crate) fn new(channel: &str, payload: &str) -> Result<Self> {
        if channel.is_empty() || channel.contains('\n') || payload.len() + channel.len() > PAYLOAD_MAX {
            return Err(Error::invalid("a notice needs a one-line channel and at most 7,000 bytes"));
        }
        Ok(Self { channel: channel.into(), payload: payload.into() })
    }

    fn lost() -> Self {
        Self { channel: "".into(), payload: "".into() }
    }

    pub(crate) fn encode(&self) -> String {
        format!("{}\n{}", self.channel, self.payload)
    }

    fn decode(text: &str) -> Self {
        let (channel, payload) = text.split_once('\n').unwrap_or((text, ""));
        Self { channel: channel.into(), payload: payload.into() }
    }
}

pub(crate) type Bus = broadcast::Sender<Notice>;

pub(crate) fn bus() -> Bus {
    broadcast::channel(1024).0
}

/// What a [`Listener`] heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A notice with its payload.
    Payload(String),
    /// Notices may have been lost (a slow listener, a new connection): look at the tables.
    Lost,
}

/// Hears the notices of one channel, from [`Db::listen`](super::Db::listen).
pub struct Listener {
    pub(crate) channel: &'static str,
    pub(crate) notices: broadcast::Receiver<Notice>,
}

impl Listener {
    /// Waits for the next notice. `None` when the database is closed. Cancel-safe.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            match self.notices.recv().await {
                Ok(notice) if &*notice.channel == self.channel => {
                    return Some(Heard::Payload(notice.payload.to_string()));
                }
                Ok(notice) if notice.channel.is_empty() => return Some(Heard::Lost),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return Some(Heard::Lost),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

/// Forwards Postgres's notices to `bus` until aborted; connects again when the connection is lost.
pub(crate) async fn forward(pool: PgPool, bus: Bus) {
    let mut wait = Duration::from_millis(500);
    loop {
        match listen(&pool, &bus, &mut wait).await {
            Err(Error::Closed) => return,
            Err(error) => tracing::warn!(%error, "listening for notices failed, connecting again"),
            Ok(()) => {}
        }
        if pool.is_closed() {
            return;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(30));
    }
}

async fn listen(pool: &PgPool, bus: &Bus, wait: &mut Duration) -> Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    *wait = Duration::from_millis(500);
    // Whatever was sent before LISTEN took effect was not heard.
    send(bus, Notice::lost());
    loop {
        match listener.try_recv().await? {
            Some(notice) => send(bus, Notice::decode(notice.payload())),
            None => send(bus, Notice::lost()),
        }
    }
}

/// An error means only that nobody listens at the moment.
pub(crate) fn send(bus: &Bus, notice: Notice) {
    let _nobody = bus.send(notice);
}

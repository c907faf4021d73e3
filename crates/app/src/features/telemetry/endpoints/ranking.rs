//! Which endpoints are slowest: measured at most once in half a minute for each range, one at a time, however many ask.
//!
//! The last hour is ranked in the background, so that views show it from memory. Other ranges are ranked when somebody asks; whoever asks
//! meanwhile gets the last answer with its age, or waits for this one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use qd_core::{App, Error, Result, Timestamp};

use super::normal::Kind;
use super::read::{self, EndpointFigures};
use crate::features::telemetry::ingest::Telemetry;

/// Endpoints of each kind that are kept.
pub const ROWS: usize = 50;
/// Rows that one ranking reads at most; the newest count.
pub const MOST: usize = 50_000;
/// Seconds for which a ranking answers.
const FRESH: i64 = 30;
/// Seconds for which it answers while another one is made.
const USABLE: i64 = 300;
/// Seconds between two rankings of the last hour.
const EVERY: u64 = 20;
/// Rankings that are kept.
const KEPT: usize = 64;

/// A range that is offered.
#[derive(Debug, PartialEq, Eq)]
pub struct Stretch {
    /// In addresses: `1h`.
    pub word: &'static str,
    /// On screens: `1 h`.
    pub text: &'static str,
    /// Its length.
    pub seconds: i64,
}

const fn stretch(word: &'static str, text: &'static str, seconds: i64) -> Stretch {
    Stretch { word, text, seconds }
}

/// The last hour.
pub const HOUR: &Stretch = &RANGES[1];
/// All ranges.
pub static RANGES: [Stretch; 5] = [
    stretch("15m", "15 min", 900),
    stretch("1h", "1 h", 3_600),
    stretch("6h", "6 h", 21_600),
    stretch("24h", "24 h", 86_400),
    stretch("7d", "7 d", 604_800),
];

impl Stretch {
    /// The range of that word; the last hour if none is given.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another word.
    pub fn of(word: Option<&str>) -> Result<&'static Self> {
        let Some(word) = word else { return Ok(HOUR) };
        RANGES.iter().find(|range| range.word == word).ok_or_else(|| Error::invalid("timeframe", "Give 15m, 1h, 6h, 24h or 7d."))
    }
}

/// Endpoints of a range.
#[derive(Debug)]
pub struct Ranking {
    /// Begin, rounded down; later than asked when it was cut.
    pub from: Timestamp,
    /// End: when it was made.
    pub to: Timestamp,
    /// Whether there were more rows than are read at once.
    pub cut: bool,
    /// Endpoints that answer requests.
    pub total: usize,
    /// Slowest p95 first, at most [`ROWS`] of each kind.
    pub endpoints: Vec<EndpointFigures>,
}

/// Range and service; empty for all services.
type Key = (&'static str, String);

/// What was ranked lately.
#[derive(Debug, Default)]
pub struct Rankings {
    kept: Mutex<HashMap<Key, Arc<Ranking>>>,
    turn: tokio::sync::Mutex<()>,
}

impl Rankings {
    fn younger(&self, key: &Key, seconds: i64, now: Timestamp) -> Option<Arc<Ranking>> {
        self.last(key).filter(|ranking| now.since(ranking.to) < seconds)
    }

    fn last(&self, key: &Key) -> Option<Arc<Ranking>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn keep(&self, key: Key, ranking: Ranking) -> Arc<Ranking> {
        let ranking = Arc::new(ranking);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(key, Arc::clone(&ranking));
        if kept.len() > KEPT
            && let Some(oldest) = kept.iter().min_by_key(|(_, ranking)| ranking.to).map(|(key, _)| key.clone())
        {
            kept.remove(&oldest);
        }
        ranking
    }
}

/// The endpoints of a range, of one service or of all, as of the last half minute (of the last five minutes while others are ranked).
///
/// # Errors
/// Those of the database.
pub async fn ranked(app: &App, range: &'static Stretch, service: Option<&str>) -> Result<Arc<Ranking>> {
    let telemetry = app.state::<Telemetry>()?;
    let (all, key) = (&telemetry.rankings, (range.word, service.unwrap_or_default().to_owned()));
    if let Some(fresh) = all.younger(&key, FRESH, app.now()) {
        return Ok(fresh);
    }
    let _turn = match (all.turn.try_lock(), all.younger(&key, USABLE, app.now())) {
        (Ok(turn), _) => turn,
        (Err(_), Some(last)) => return Ok(last),
        (Err(_), None) => all.turn.lock().await,
    };
    // Whoever had the turn may have made this very one.
    match all.younger(&key, FRESH, app.now()) {
        Some(fresh) => Ok(fresh),
        None => Ok(all.keep(key, rank(app, range, service).await?)),
    }
}

/// The last hour of all services from memory, however old; `None` before it was ranked.
pub fn of_hour(app: &App) -> Option<Arc<Ranking>> {
    app.state::<Telemetry>().ok()?.rankings.last(&(HOUR.word, String::new()))
}

/// Ranks the last hour now.
///
/// # Errors
/// Those of the database; the last ranking stays.
pub async fn rank_once(app: &App) -> Result<()> {
    let telemetry = app.state::<Telemetry>()?;
    let _turn = telemetry.rankings.turn.lock().await;
    let ranking = rank(app, HOUR, None).await?;
    telemetry.rankings.keep((HOUR.word, String::new()), ranking);
    Ok(())
}

/// Ranks the last hour for as long as the process lives.
pub async fn rank_forever(app: App) {
    let mut tick = tokio::time::interval(Duration::from_secs(EVERY));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(fault) = rank_once(&app).await {
            tracing::warn!(%fault, "endpoints not ranked");
        }
    }
}

async fn rank(app: &App, range: &Stretch, service: Option<&str>) -> Result<Ranking> {
    let to = app.now();
    let found = read::routes(app, service, to.plus_seconds(-range.seconds), to, MOST).await?;
    let server = Kind::Server.word();
    let total = found.endpoints.iter().filter(|endpoint| endpoint.kind == server).count();
    let (mut requests, mut messages) = (0, 0);
    let mut endpoints = found.endpoints;
    endpoints.retain(|endpoint| {
        let seen = if endpoint.kind == server { &mut requests } else { &mut messages };
        *seen += 1;
        *seen <= ROWS
    });
    Ok(Ranking { from: found.from, to, cut: found.cut, total, endpoints })
}

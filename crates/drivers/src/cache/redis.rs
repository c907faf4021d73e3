//! Redis (and what speaks like it): memory, evictions and hits from `INFO`.
//!
//! Every inspection opens a connection of its own and closes it: a server that was replaced or that hangs is seen at once. The server counts
//! since its start; what is told is the growth over the last five minutes, never the lifetime's total.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use qd_core::port::{Figure, Inspector};
use qd_core::secret::Secret;
use qd_core::{Error, Result};
use redis::{AsyncConnectionConfig, Client, ErrorKind, InfoDict, RedisError, cmd};

use crate::upstream;
use crate::window::{Window, growth};

const DRIVER: &str = "Redis";
/// One inspection: name, connection, log-in and answer.
const LIMIT: Duration = Duration::from_secs(3);

/// Looks into one Redis.
#[derive(Debug)]
pub struct Redis {
    client: Client,
    window: Mutex<Counters>,
}

/// Counters of one run of the server.
#[derive(Debug, Default)]
struct Counters {
    /// The run that they belong to: another one counts from zero.
    run: String,
    window: Window<Counted>,
}

/// What the server counted since its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counted {
    hits: i64,
    misses: i64,
    evicted: i64,
}

/// What one look saw.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    run: String,
    used: i64,
    max: i64,
    clients: i64,
    keys: i64,
    counted: Counted,
}

impl Redis {
    /// The Redis at `redis://…`, or `rediss://…` with TLS. It may be away.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another URL; the text does not repeat it, for it may hold a password.
    pub fn new(url: &Secret) -> Result<Self> {
        let why = "Give redis://user:password@host:6379/0, or rediss:// with TLS.";
        let client = Client::open(url.expose()).map_err(|_| Error::invalid("cache.url", why))?;
        Ok(Self { client, window: Mutex::default() })
    }

    async fn look(&self) -> Result<Seen> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(LIMIT)).set_response_timeout(Some(LIMIT));
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await.map_err(fault)?;
        let info: InfoDict = cmd("INFO").query_async(&mut connection).await.map_err(fault)?;
        Seen::of(&info).ok_or_else(|| upstream(DRIVER, "INFO did not tell memory and statistics: this is no Redis."))
    }

    fn figures(&self, seen: &Seen, now: Instant) -> Vec<Figure> {
        let mut counters = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.run != seen.run {
            *counters = Counters { run: seen.run.clone(), window: Window::default() };
        }
        let grown = counters.window.base(now).map(|base| seen.counted.since(*base));
        counters.window.push(now, seen.counted);
        let mut figures = memory(seen).to_vec();
        figures.extend(rates(grown));
        figures.push(Figure::of("keys", "Keys", "", real(seen.keys)));
        figures.push(Figure::of("connected_clients", "Connected clients", "", real(seen.clients)));
        figures
    }
}

impl Inspector for Redis {
    fn driver(&self) -> &'static str {
        DRIVER
    }

    fn inspect(&self) -> BoxFuture<'_, Result<Vec<Figure>>> {
        Box::pin(async move {
            let seen = tokio::time::timeout(LIMIT, self.look()).await;
            let seen = seen.map_err(|_| upstream(DRIVER, format!("No answer within {} s.", LIMIT.as_secs())))??;
            Ok(self.figures(&seen, Instant::now()))
        })
    }
}

impl Counted {
    fn since(self, base: Self) -> Self {
        let grown = |of: fn(&Self) -> i64| growth(of(&self), of(&base));
        Self { hits: grown(|c| c.hits), misses: grown(|c| c.misses), evicted: grown(|c| c.evicted) }
    }
}

impl Seen {
    fn of(info: &InfoDict) -> Option<Self> {
        let counted = Counted { hits: info.get("keyspace_hits")?, misses: info.get("keyspace_misses")?, evicted: info.get("evicted_keys")? };
        Some(Self {
            run: info.get("run_id").unwrap_or_default(),
            used: info.get("used_memory")?,
            // Old servers do not tell a limit that is not set.
            max: info.get("maxmemory").unwrap_or(0),
            clients: info.get("connected_clients").unwrap_or(0),
            keys: keys(info),
            counted,
        })
    }
}

/// `db0:keys=12,expires=3,avg_ttl=0`, one line for each database that holds any.
fn keys(info: &InfoDict) -> i64 {
    let of = |number: u8| -> Option<i64> {
        let line: String = info.get(&format!("db{number}"))?;
        line.split(',').find_map(|part| part.strip_prefix("keys="))?.parse().ok()
    };
    (0..=u8::MAX).filter_map(of).sum()
}

fn memory(seen: &Seen) -> [Figure; 3] {
    const NO_LIMIT: &str = "Redis has no maxmemory: it may take all memory of its machine. Set maxmemory to have a share measured.";
    let used = Figure::of("used_memory", "Used memory", "bytes", real(seen.used));
    if seen.max <= 0 {
        let percent = Figure::missing("used_memory_percent", "Used memory of maxmemory", "%", NO_LIMIT);
        return [percent, used, Figure::missing("max_memory", "Most memory (maxmemory)", "bytes", NO_LIMIT)];
    }
    let percent = real(seen.used) * 100.0 / real(seen.max);
    [
        Figure::of("used_memory_percent", "Used memory of maxmemory", "%", percent),
        used,
        Figure::of("max_memory", "Most memory (maxmemory)", "bytes", real(seen.max)),
    ]
}

fn rates(grown: Option<Counted>) -> [Figure; 3] {
    let (hits, asked, evicted) = (("hit_rate", "Hits, 5 min", "%"), ("lookups", "Lookups, 5 min", ""), ("evicted", "Evicted keys, 5 min", ""));
    let missing = |(key, name, unit): (&'static str, &'static str, &'static str), why: &str| Figure::missing(key, name, unit, why);
    let of = |(key, name, unit): (&'static str, &'static str, &'static str), value: f64| Figure::of(key, name, unit, value);
    let Some(grown) = grown else {
        const FIRST: &str = "One sample tells no rate; the next one will.";
        return [missing(hits, FIRST), missing(asked, FIRST), missing(evicted, FIRST)];
    };
    let lookups = grown.hits + grown.misses;
    let rate = match lookups {
        1.. => of(hits, real(grown.hits) * 100.0 / real(lookups)),
        _ => missing(hits, "Nobody looked anything up in this time."),
    };
    [rate, of(asked, real(lookups)), of(evicted, real(grown.evicted))]
}

/// What went wrong, in a sentence. The library's texts hold no URL; these are for people.
fn fault(fault: RedisError) -> Error {
    let said = match fault.kind() {
        ErrorKind::AuthenticationFailed => "User or password was refused.".to_owned(),
        _ if fault.code() == Some("NOAUTH") => "It asks for a password and none is configured.".to_owned(),
        _ if fault.is_connection_refusal() => "Connection refused.".to_owned(),
        _ if fault.is_timeout() => format!("No answer within {} s.", LIMIT.as_secs()),
        _ if fault.is_connection_dropped() => "It closed the connection.".to_owned(),
        _ => fault.to_string(),
    };
    upstream(DRIVER, said)
}

#[expect(clippy::cast_precision_loss, reason = "sizes below 9 PB are exact")]
fn real(value: i64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(run: &str, hits: i64, misses: i64) -> Seen {
        Seen { run: run.into(), used: 80, max: 100, clients: 1, keys: 3, counted: Counted { hits, misses, evicted: 0 } }
    }

    fn value(figures: &[Figure], key: &str) -> Option<f64> {
        figures.iter().find(|figure| figure.key == key).unwrap().value
    }

    #[test]
    fn rates_are_those_of_five_minutes_and_of_one_run() {
        let redis = Redis::new(&Secret::new("redis://127.0.0.1:1/")).unwrap();
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert_eq!(value(&redis.figures(&seen("a", 1_000_000, 0), at(0)), "hit_rate"), None, "a lifetime's total is no rate");
        assert_eq!(value(&redis.figures(&seen("a", 1_000_030, 10), at(15)), "hit_rate"), Some(75.0));
        assert_eq!(value(&redis.figures(&seen("a", 1_000_030, 10), at(320)), "hit_rate"), None, "nobody asked in five minutes");
        let other = redis.figures(&seen("b", 5, 5), at(330));
        assert_eq!((value(&other, "hit_rate"), value(&other, "used_memory_percent")), (None, Some(80.0)), "another run counts anew");
        let reset = redis.figures(&seen("b", 1, 0), at(340));
        assert_eq!(value(&reset, "hit_rate"), Some(100.0), "counters that were reset count from zero");
    }

    #[test]
    fn without_a_limit_there_is_no_share() {
        let figures = memory(&Seen { max: 0, ..seen("a", 0, 0) });
        let percent = figures.iter().find(|figure| figure.key == "used_memory_percent").unwrap();
        assert!(percent.value.is_none() && percent.missing.as_deref().unwrap().contains("maxmemory"));
    }

    #[test]
    fn a_bad_url_is_not_repeated() {
        let fault = Redis::new(&Secret::new("http://user:hidden@cache/0")).unwrap_err();
        assert!(!format!("{fault:?} {fault}").contains("hidden"));
    }
}

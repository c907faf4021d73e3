//! How often a password may be guessed: per account (in the database, so that it outlives a restart and holds for all processes) and per
//! address (in memory).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use engine::BoxFuture;
use qd_core::gate::{Actor, AuditEvent, Target};
use qd_core::{App, Error, Result, Timestamp, audit};

use super::{Identity, store};
use crate::features::identity::account::normal_email;
use crate::features::identity::crypto;

/// An address may fail this many times as often as an account: an office shares one.
const ADDRESS_FACTOR: u32 = 4;
/// More addresses than this, and the quiet ones are dropped.
const MOST_ADDRESSES: usize = 50_000;

/// Too many wrong passwords, recorded once per pause.
pub const PAUSED: AuditEvent = AuditEvent("AUTH_LOGIN_PAUSED");
/// A wrong current password of somebody who is signed in.
const GUESSED: AuditEvent = AuditEvent("AUTH_PASSWORD_REFUSED");

/// What a counted try may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Go on; so many more tries after this one.
    Go {
        /// Tries left.
        left: u32,
    },
    /// Wait; `first` for the try that began the pause.
    Wait {
        /// Seconds.
        seconds: u64,
        /// Whether this is the first refusal of the pause.
        first: bool,
    },
}

fn turn(count: i64, limit: u32, last: Timestamp, now: Timestamp, pause: i64) -> Turn {
    match u32::try_from(count) {
        Ok(count) if count <= limit => Turn::Go { left: limit - count },
        _ => {
            let seconds = u64::try_from(last.plus_seconds(pause).since(now)).unwrap_or(0).max(1);
            Turn::Wait { seconds, first: count == i64::from(limit) + 1 }
        }
    }
}

/// Tries per address.
#[derive(Debug, Default)]
pub struct Addresses(Mutex<HashMap<String, (i64, Timestamp)>>);

impl Addresses {
    /// Counts one more try of an address.
    pub fn count_try(&self, address: &str, limit: u32, pause: i64, now: Timestamp) -> Turn {
        let limit = limit.saturating_mul(ADDRESS_FACTOR);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_ADDRESSES {
            all.retain(|_, (_, last)| last.plus_seconds(pause) > now);
        }
        let (count, last) = all.entry(address.to_owned()).or_insert((0, now));
        if last.plus_seconds(pause) <= now {
            *count = 0;
        }
        *count += 1;
        if *count <= i64::from(limit) {
            *last = now;
        }
        turn(*count, limit, *last, now, pause)
    }

    /// Takes a try back: it was not a failure.
    pub fn forgive(&self, address: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, _)) = all.get_mut(address) {
            *count = (*count - 1).max(0);
        }
    }

    /// Drops addresses without a try since a moment.
    pub fn expire(&self, before: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, (_, last)| *last > before);
    }
}

/// The address as it is counted: an IPv6 site has a /64 to play with.
pub fn address_of(actor: &Actor) -> String {
    let text = actor.client().ip.as_deref().unwrap_or("unknown");
    match text.parse::<std::net::Ipv6Addr>() {
        Ok(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_) => text.to_owned(),
    }
}

/// The key of an account's counter, known or not: a keyed hash of the email.
pub async fn account_key(app: &App, email: &str) -> Result<Vec<u8>> {
    let identity = app.state::<Identity>()?;
    let made = identity.key.get_or_try_init(|| store::key(&app.db, rand::random::<[u8; 32]>().to_vec()));
    Ok(crypto::keyed(made.await?, &normal_email(email)))
}

/// Counts one more try of an account.
pub async fn count_account(app: &App, key: &[u8], now: Timestamp) -> Result<Turn> {
    let (limit, pause) = limits(app);
    let key = key.to_vec();
    let quiet = now.plus_seconds(-pause);
    let counted = app.db.write_with(move |tx| Box::pin(async move { store::count_try(tx, &key, now, quiet, i64::from(limit)).await }));
    let (count, last) = counted.await?;
    Ok(turn(count, limit, Timestamp(last), now, pause))
}

/// Tries before a pause, and seconds of the pause.
pub fn limits(app: &App) -> (u32, i64) {
    let security = &app.config.security;
    (security.login_attempts, 60 * i64::from(security.login_pause_minutes))
}

/// Lets somebody who is signed in prove their password once more, under the same limit as signing in.
///
/// # Errors
/// [`Error::Invalid`] on `current` when it is wrong, [`Error::Limited`] after too many.
pub async fn guess_password<F>(app: &App, actor: &Actor, email: &str, verify: impl FnOnce() -> F + Send) -> Result<()>
where
    F: Future<Output = Result<bool>> + Send,
{
    let now = app.now();
    let key = account_key(app, email).await?;
    if let Turn::Wait { seconds, first } = count_account(app, &key, now).await? {
        if first {
            record(app, actor, PAUSED, Target::new("user", actor.id()), Error::Limited { retry_after: seconds }).await?;
        }
        return Err(Error::Limited { retry_after: seconds });
    }
    if verify().await? {
        return app.db.write_with(move |tx| Box::pin(async move { store::forgive(tx, &key).await })).await;
    }
    let fault = || Error::invalid("current", "This is not your current password.");
    record(app, actor, GUESSED, Target::new("user", actor.id()), fault()).await?;
    Err(fault())
}

/// Writes one row of the trail about something that was refused.
pub async fn record(app: &App, actor: &Actor, event: AuditEvent, target: Target, fault: Error) -> Result<()> {
    let (actor, now) = (actor.clone(), app.now());
    let write = app.db.write_with(move |tx| {
        let row: BoxFuture<'_, Result<()>> = Box::pin(async move { audit::record(tx, &actor, event, target, Some(&fault), now).await.map(|_| ()) });
        row
    });
    write.await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_795_000_000 + seconds)
    }

    #[test]
    fn an_address_waits_after_too_many_failures_and_hammering_does_not_prolong_it() {
        let all = Addresses::default();
        for n in 1..=4 {
            assert_eq!(all.count_try("192.0.2.1", 1, 900, at(0)), Turn::Go { left: 4 - n });
        }
        assert_eq!(all.count_try("192.0.2.1", 1, 900, at(10)), Turn::Wait { seconds: 890, first: true });
        assert_eq!(all.count_try("192.0.2.1", 1, 900, at(899)), Turn::Wait { seconds: 1, first: false });
        assert_eq!(all.count_try("192.0.2.2", 1, 900, at(10)), Turn::Go { left: 3 });
        assert_eq!(all.count_try("192.0.2.1", 1, 900, at(900)), Turn::Go { left: 3 });
    }

    #[test]
    fn a_success_is_no_failure() {
        let all = Addresses::default();
        for _ in 0..20 {
            assert_eq!(all.count_try("192.0.2.1", 1, 900, at(0)), Turn::Go { left: 3 });
            all.forgive("192.0.2.1");
        }
    }
}

//! Tickets of event streams: a browser's EventSource sends no headers, so the URL itself must prove that its holder may listen.
//!
//! A ticket names who got it and the quarter of an hour when, and is good in that quarter and the next. Within a quarter everybody gets the
//! same one: a client that finds its URL unchanged keeps its connection. The ETag covers the quarter, so that "304: you have it all" is never
//! said to a client whose ticket ends.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use qd_core::keys::{Keys, mac};
use qd_core::{Error, Result, Timestamp};
use subtle::ConstantTimeEq;

/// Seconds of a quarter.
const QUARTER: i64 = 900;
const MAC: usize = 32;

/// Makes and checks tickets.
#[derive(Clone)]
pub struct Tickets([u8; 32]);

impl std::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tickets(••••)")
    }
}

/// The quarter of an hour since 1970.
pub fn quarter(now: Timestamp) -> i64 {
    now.seconds().div_euclid(QUARTER)
}

impl Tickets {
    /// With a key derived from the installation's.
    pub fn new(keys: &Keys) -> Self {
        Self(keys.mac("ofrep.events", b"ticket"))
    }

    /// The ticket of a principal for now.
    pub fn make(&self, principal: &str, now: Timestamp) -> String {
        let text = format!("{}.{principal}", quarter(now));
        let proof = mac(&self.0, text.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode([proof.as_slice(), text.as_bytes()].concat())
    }

    /// Whose ticket it is.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for one that was not made here, or has ended.
    pub fn check(&self, ticket: &str, now: Timestamp) -> Result<String> {
        let refused =
            || Error::Unauthenticated("The ticket of this event stream is unknown or has ended. Evaluate all flags to get a new one.".into());
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(ticket).map_err(|_| refused())?;
        let (proof, text) = bytes.split_at_checked(MAC).ok_or_else(refused)?;
        if !bool::from(mac(&self.0, text).as_slice().ct_eq(proof)) {
            return Err(refused());
        }
        let text = std::str::from_utf8(text).map_err(|_| refused())?;
        let (made, principal) = text.split_once('.').ok_or_else(refused)?;
        let age = quarter(now) - made.parse::<i64>().map_err(|_| refused())?;
        if (0..=1).contains(&age) { Ok(principal.to_owned()) } else { Err(refused()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tickets() -> Tickets {
        let dir = tempfile::tempdir().unwrap();
        Tickets::new(&Keys::open(&dir.path().join("installation.key")).unwrap())
    }

    #[test]
    fn a_ticket_names_its_holder_for_a_quarter_of_an_hour_at_least() {
        let (tickets, noon) = (tickets(), Timestamp::parse("2026-11-22T12:00:00Z").unwrap());
        let late = noon.plus_seconds(899);
        let ticket = tickets.make("token-7", late);
        assert_eq!(ticket, tickets.make("token-7", noon), "the same within the quarter");
        assert_ne!(ticket, tickets.make("token-8", noon));
        assert_eq!(tickets.check(&ticket, late.plus_seconds(900)).unwrap(), "token-7");
        assert!(tickets.check(&ticket, late.plus_seconds(901)).is_err());
        assert!(tickets.check(&ticket, noon.plus_seconds(-1)).is_err(), "not before it was made");
    }

    #[test]
    fn a_forged_ticket_is_none() {
        let (mine, theirs, now) = (tickets(), tickets(), Timestamp::from_seconds(1_795_390_800));
        let ticket = mine.make("token-7", now);
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&ticket).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        for forged in ["", "x", "....", ticket.get(..40).unwrap(), &BASE64_URL_SAFE_NO_PAD.encode(&bytes), &theirs.make("token-7", now)] {
            assert!(mine.check(forged, now).is_err(), "{forged}");
        }
        assert_eq!(format!("{mine:?}"), "Tickets(••••)");
    }
}

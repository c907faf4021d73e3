//! When a client has it all already.
//!
//! What a client gets depends on the revision, on its context and on who it is; a tag of the revision alone would answer 304 after the plan in
//! the context changed, for clients keep their tag then.

use std::io::{self, Write};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use qd_core::{App, Timestamp};
use sha2::{Digest, Sha256};

use super::ticket::quarter;
use crate::features::flags::evaluate::{Context, Snapshot};

/// How long an answer waits for a revision that another replica has told of: a second is what it takes at most to hear of it.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// Bytes of the digest that go into a tag.
const DIGEST: usize = 16;

/// The tag of an evaluation of all flags. The context counts in canonical form: the order of its members does not matter.
pub fn tag(flags: &Snapshot, principal: &str, context: &Context, now: Timestamp) -> String {
    let mut digest = Hashing(Sha256::new());
    digest.0.update(quarter(now).to_be_bytes());
    digest.0.update(principal.as_bytes());
    digest.0.update([0]);
    // Members of a JSON object are kept sorted, and a digest takes every byte.
    let _ = serde_json::to_writer(&mut digest, context);
    let digest = digest.0.finalize();
    format!("\"rev-{}-{}\"", flags.revision, BASE64_URL_SAFE_NO_PAD.encode(digest.get(..DIGEST).unwrap_or_default()))
}

struct Hashing(Sha256);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Name of a revision in events, which clients hand back as `flagConfigEtag`.
pub fn name(revision: i64) -> String {
    format!("rev-{revision}")
}

/// What an event told the client before it asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// No event made it ask.
    Nothing,
    /// An event with this revision.
    Revision(i64),
    /// Something that we never said.
    Else,
}

impl Told {
    /// Whether the client was told nothing else than `revision`.
    pub fn is_current(self, revision: i64) -> bool {
        match self {
            Self::Nothing => true,
            Self::Revision(told) => told == revision,
            Self::Else => false,
        }
    }
}

/// Reads `flagConfigEtag` of a query.
pub fn told(query: &str) -> Told {
    if query.is_empty() {
        return Told::Nothing;
    }
    let given = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "flagConfigEtag").map(|(_, value)| value);
    let Some(given) = given.filter(|value| !value.is_empty()) else { return Told::Nothing };
    let plain = given.trim_start_matches("W/").trim_matches('"');
    plain.strip_prefix("rev-").and_then(|number| number.parse().ok()).map_or(Told::Else, Told::Revision)
}

/// Waits a moment when the client was told of a revision that this replica does not serve yet: an answer with the old flags would stay with it.
pub async fn wait_for(app: &App, told: Told) {
    let Told::Revision(revision) = told else { return };
    if revision > app.published.revision() {
        // Late or not, the answer goes out then, and is no 304.
        let _ = tokio::time::timeout(PATIENCE, app.published.watch().wait_for(|served| *served >= revision)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::flags::evaluate::Reserved;

    #[test]
    fn a_tag_covers_revision_caller_context_and_the_tickets_quarter() {
        let (flags, noon) = (Snapshot::new(7, [], Reserved::default()), Timestamp::parse("2026-11-22T12:00:00Z").unwrap());
        let context = |text: &str| serde_json::from_str::<Context>(text).unwrap();
        let one = tag(&flags, "token-1", &context(r#"{"a":1,"b":{"c":2,"d":3}}"#), noon);
        assert_eq!(one, tag(&flags, "token-1", &context(r#"{"b":{"d":3,"c":2},"a":1}"#), noon.plus_seconds(899)));
        let later = Snapshot::new(8, [], Reserved::default());
        let others = [
            tag(&later, "token-1", &context(r#"{"a":1,"b":{"c":2,"d":3}}"#), noon),
            tag(&flags, "token-2", &context(r#"{"a":1,"b":{"c":2,"d":3}}"#), noon),
            tag(&flags, "token-1", &context(r#"{"a":1,"b":{"c":2,"d":4}}"#), noon),
            // Else a client would be told "you have it all" when its ticket has ended, and never listen again.
            tag(&flags, "token-1", &context(r#"{"a":1,"b":{"c":2,"d":3}}"#), noon.plus_seconds(900)),
        ];
        assert!(!others.contains(&one) && one.starts_with("\"rev-7-"), "{one} {others:?}");
    }

    #[test]
    fn what_an_event_told_is_read_in_every_form() {
        assert_eq!(told(""), Told::Nothing);
        assert_eq!(told("flagConfigEtag="), Told::Nothing);
        assert_eq!(told("flagConfigLastModified=7"), Told::Nothing);
        assert_eq!(told("flagConfigLastModified=7&flagConfigEtag=rev-12"), Told::Revision(12));
        assert_eq!(told("flagConfigEtag=W%2F%22rev-12%22"), Told::Revision(12));
        assert_eq!(told("flagConfigEtag=550e8400"), Told::Else);
        assert!(Told::Nothing.is_current(3) && Told::Revision(3).is_current(3));
        assert!(!Told::Revision(4).is_current(3) && !Told::Revision(2).is_current(3) && !Told::Else.is_current(3));
    }
}

//! The same key twice does the thing once. Keys live for 24 h, per actor and action.

use engine::{Tx, args};
use serde_json::Value;

use super::{Action, Actor};
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// Seconds that a key is remembered.
pub const KEPT_SECONDS: i64 = 24 * 3600;

const CLAIM: &str = "INSERT INTO idempotency_key (actor_id, action, key, digest, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const FIND: &str = "SELECT digest, response, audit_seq FROM idempotency_key WHERE actor_id = $1 AND action = $2 AND key = $3";
const FINISH: &str = "UPDATE idempotency_key SET response = $4, audit_seq = $5 WHERE actor_id = $1 AND action = $2 AND key = $3";
const RELEASE: &str = "DELETE FROM idempotency_key WHERE actor_id = $1 AND action = $2 AND key = $3";
const EXPIRE: &str = "DELETE FROM idempotency_key WHERE at < $1";
pub(crate) const STATEMENTS: &[&str] = &[CLAIM, FIND, FINISH, RELEASE, EXPIRE];

/// A key that this call holds.
#[derive(Clone, Debug)]
pub struct Key {
    actor: String,
    action: &'static str,
    key: String,
    digest: String,
}

/// What was stored for a key that was used before.
pub struct Earlier {
    /// The answer of then.
    pub response: Value,
    /// Its audit row.
    pub audit_seq: i64,
}

impl Key {
    /// The key of this call, if it has one. The digest covers the action's fields, so that a key can't be reused for something else.
    pub fn of<A: Action>(actor: &Actor, action: &A, key: Option<&str>) -> Result<Option<Self>> {
        let Some(key) = key else { return Ok(None) };
        Ok(Some(Self { actor: actor.id().to_owned(), action: A::NAME, key: key.to_owned(), digest: crate::audit::digest(action)? }))
    }

    /// Takes the key, or gives what it was answered before. Conflict when the first call is still running or asked for something else.
    pub async fn claim(&self, tx: &mut Tx, now: Timestamp) -> Result<Option<Earlier>> {
        let fresh = args![self.actor.as_str(), self.action, self.key.as_str(), self.digest.as_str(), now.0];
        if tx.exec(CLAIM, fresh).await? == 1 {
            return Ok(None);
        }
        let found: Option<(String, Option<String>, Option<i64>)> = tx.maybe(FIND, self.args()).await?;
        match found {
            Some((digest, _, _)) if digest != self.digest => Err(Error::Conflict("This idempotency key was used for another request.".into())),
            Some((_, Some(response), Some(audit_seq))) => Ok(Some(Earlier { response: serde_json::from_str(&response)?, audit_seq })),
            _ => Err(Error::Conflict("The first request with this idempotency key is still running.".into())),
        }
    }

    /// Stores the answer (JSON) for replays.
    pub async fn finish(&self, tx: &mut Tx, response: String, audit_seq: i64) -> Result<()> {
        tx.exec(FINISH, args![self.actor.as_str(), self.action, self.key.as_str(), response, audit_seq]).await?;
        Ok(())
    }

    /// Frees the key after a failure, so that the caller may try again.
    pub async fn release(&self, tx: &mut Tx) -> Result<()> {
        tx.exec(RELEASE, self.args()).await?;
        Ok(())
    }

    fn args(&self) -> engine::Args {
        args![self.actor.as_str(), self.action, self.key.as_str()]
    }
}

/// Forgets keys older than [`KEPT_SECONDS`].
pub async fn expire(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    Ok(tx.exec(EXPIRE, args![now.plus_seconds(-KEPT_SECONDS).0]).await?)
}

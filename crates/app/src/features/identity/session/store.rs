//! All SQL about sessions, one-time links and counters of failed sign-ins. These are bookkeeping: they are written without the gate, and the
//! verbs record them in the audit trail themselves.

use engine::{Db, Tx, args};
use qd_core::gate::GateTx;
use qd_core::{Result, Timestamp};
use uuid::Uuid;

const OPEN: &str = "INSERT INTO user_session (id, user_id, token_hash, by_link, user_agent, ip, created_at, seen_at, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)";
const KNOWN: &str = "SELECT s.id, s.user_id, u.name, u.role, s.seen_at, s.expires_at FROM user_session s JOIN user_account u ON u.id = s.user_id \
     WHERE s.token_hash = $1 AND u.disabled_at IS NULL";
const SEEN: &str = "UPDATE user_session SET seen_at = $2 WHERE id = $1 AND seen_at < $2";
const OF_USER: &str = "SELECT id, user_id, by_link, user_agent, ip, created_at, seen_at, expires_at FROM user_session \
     WHERE user_id = $1 AND expires_at > $2 AND seen_at > $3 ORDER BY seen_at DESC, id LIMIT 200";
const ALL: &str = "SELECT id, user_id, by_link, user_agent, ip, created_at, seen_at, expires_at FROM user_session \
     WHERE expires_at > $1 AND seen_at > $2 ORDER BY seen_at DESC, id LIMIT 200";
const ONE: &str = "SELECT id, user_id, by_link, user_agent, ip, created_at, seen_at, expires_at FROM user_session WHERE id = $1";
const END: &str = "DELETE FROM user_session WHERE id = $1 AND user_id = $2";
// The newest stay; ids of one moment are in the order in which they were made.
const END_OLDEST: &str = "DELETE FROM user_session WHERE user_id = $1 AND id NOT IN \
     (SELECT id FROM user_session WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2)";
const END_ALL: &str = "DELETE FROM user_session WHERE user_id = $1";
const END_OTHERS: &str = "DELETE FROM user_session WHERE user_id = $1 AND id <> $2";
const PASSWORD_CHOSEN: &str = "UPDATE user_session SET by_link = $2 WHERE id = $1";
/// Ended sessions: now, oldest last use, rows.
pub const EXPIRE: &str = "DELETE FROM user_session WHERE id IN (SELECT id FROM user_session WHERE expires_at <= $1 OR seen_at <= $2 LIMIT $3)";

const ADD_TICKET: &str = "INSERT INTO sign_in_ticket (token_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)";
const USE_TICKET: &str = "UPDATE sign_in_ticket SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING user_id";
const TICKET_OF: &str = "SELECT user_id FROM sign_in_ticket WHERE token_hash = $1";
const TICKET: &str = "SELECT expires_at, used_at FROM sign_in_ticket WHERE token_hash = $1";
const DROP_TICKETS: &str = "DELETE FROM sign_in_ticket WHERE user_id = $1 AND used_at IS NULL";
/// Links that ended before a moment: moment, rows.
pub const EXPIRE_TICKETS: &str =
    "DELETE FROM sign_in_ticket WHERE token_hash IN (SELECT token_hash FROM sign_in_ticket WHERE expires_at < $1 LIMIT $2)";

// One more try, counted before the password is looked at, so that many at once can't slip through. A try after a quiet pause begins anew; once
// the limit is passed the clock stands still, so that hammering does not prolong the pause.
const TRY: &str = "INSERT INTO login_attempt (key, failures, last_at) VALUES ($1, 1, $2) ON CONFLICT (key) DO UPDATE SET \
     failures = CASE WHEN login_attempt.last_at <= $3 THEN 1 ELSE login_attempt.failures + 1 END, \
     last_at = CASE WHEN login_attempt.last_at > $3 AND login_attempt.failures >= $4 THEN login_attempt.last_at ELSE $2 END \
     RETURNING failures, last_at";
const FORGIVE: &str = "DELETE FROM login_attempt WHERE key = $1";
/// Counters older than a moment: moment, rows.
pub const EXPIRE_ATTEMPTS: &str = "DELETE FROM login_attempt WHERE key IN (SELECT key FROM login_attempt WHERE last_at <= $1 LIMIT $2)";
const KEY: &str = "SELECT secret FROM identity_key WHERE id = 1";
const MAKE_KEY: &str = "INSERT INTO identity_key (id, secret) VALUES (1, $1) ON CONFLICT DO NOTHING";

/// Every static statement about sessions.
pub const STATEMENTS: &[&str] = &[
    OPEN, KNOWN, SEEN, OF_USER, ALL, ONE, END, END_OLDEST, END_ALL, END_OTHERS, PASSWORD_CHOSEN, EXPIRE, ADD_TICKET, USE_TICKET, TICKET_OF, TICKET,
    DROP_TICKETS, EXPIRE_TICKETS, TRY, FORGIVE, EXPIRE_ATTEMPTS, KEY, MAKE_KEY,
];

/// A session that begins.
pub struct Opening {
    pub id: Uuid,
    pub user: Uuid,
    pub token_hash: Vec<u8>,
    pub by_link: bool,
    pub user_agent: Option<String>,
    pub ip: Option<String>,
    pub at: Timestamp,
    pub expires_at: Timestamp,
}

/// Who is behind a session.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Known {
    pub id: Uuid,
    pub user_id: Uuid,
    pub name: String,
    pub role: String,
    pub seen_at: i64,
    pub expires_at: i64,
}

/// A session as it is stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Row {
    pub id: Uuid,
    pub user_id: Uuid,
    pub by_link: bool,
    pub user_agent: Option<String>,
    pub ip: Option<String>,
    pub created_at: i64,
    pub seen_at: i64,
    pub expires_at: i64,
}

/// Begins a session.
pub async fn open(tx: &mut Tx, new: Opening) -> Result<()> {
    let row = args![new.id, new.user, new.token_hash, new.by_link, new.user_agent, new.ip, new.at.0, new.expires_at.0];
    Ok(tx.exec(OPEN, row).await.map(|_| ())?)
}

/// The session of a cookie, with the name and role that its account has now; none for disabled accounts.
pub async fn known(db: &Db, token_hash: &[u8]) -> Result<Option<Known>> {
    Ok(db.maybe(KNOWN, args![token_hash]).await?)
}

/// Stamps the last use.
pub async fn seen(db: &Db, id: Uuid, at: Timestamp) -> Result<()> {
    Ok(db.write(move |tx| Box::pin(async move { tx.exec(SEEN, args![id, at.0]).await })).await.map(|_| ())?)
}

/// Sessions of a person that have not ended, the last used first.
pub async fn of_user(db: &Db, user: Uuid, now: Timestamp, idle_since: Timestamp) -> Result<Vec<Row>> {
    Ok(db.all(OF_USER, args![user, now.0, idle_since.0]).await?)
}

/// Sessions of everybody that have not ended, the last used first, at most 200.
pub async fn all(db: &Db, now: Timestamp, idle_since: Timestamp) -> Result<Vec<Row>> {
    Ok(db.all(ALL, args![now.0, idle_since.0]).await?)
}

/// One session.
pub async fn one(db: &Db, id: Uuid) -> Result<Option<Row>> {
    Ok(db.maybe(ONE, args![id]).await?)
}

/// Ends one session of a person; false when there is none.
pub async fn end(tx: &mut Tx, id: Uuid, user: Uuid) -> Result<bool> {
    Ok(tx.exec(END, args![id, user]).await? == 1)
}

/// Ends the oldest sessions of a person, so that `most` are left. How many it were.
pub async fn end_oldest(tx: &mut Tx, user: Uuid, most: i64) -> Result<u64> {
    Ok(tx.exec(END_OLDEST, args![user, most]).await?)
}

/// Ends all sessions of a person, except `keep`. How many it were.
pub async fn end_all(tx: &mut GateTx<'_>, user: Uuid, keep: Option<Uuid>) -> Result<u64> {
    match keep {
        Some(keep) => Ok(tx.exec(END_OTHERS, args![user, keep]).await?),
        None => Ok(tx.exec(END_ALL, args![user]).await?),
    }
}

/// A session, maybe one that was opened by a link, has served to choose a password; false when it has ended.
pub async fn password_chosen(tx: &mut Tx, id: Uuid) -> Result<bool> {
    Ok(tx.exec(PASSWORD_CHOSEN, args![id, false]).await? == 1)
}

/// Adds a one-time link.
pub async fn add_ticket(tx: &mut GateTx<'_>, hash: Vec<u8>, user: Uuid, now: Timestamp, minutes: i64) -> Result<()> {
    Ok(tx.exec(ADD_TICKET, args![hash, user, now.0, now.plus_seconds(60 * minutes).0]).await.map(|_| ())?)
}

/// Uses a link up; the person it signs in. Of two at once, one gets it.
pub async fn use_ticket(tx: &mut Tx, hash: &[u8], now: Timestamp) -> Result<Option<Uuid>> {
    Ok(tx.maybe::<(Uuid,)>(USE_TICKET, args![hash, now.0]).await?.map(|(user,)| user))
}

/// The person that a link, used or not, is for.
pub async fn ticket_of(tx: &mut Tx, hash: &[u8]) -> Result<Option<Uuid>> {
    Ok(tx.maybe::<(Uuid,)>(TICKET_OF, args![hash]).await?.map(|(user,)| user))
}

/// When a link ends and when it was used.
pub async fn ticket(db: &Db, hash: &[u8]) -> Result<Option<(i64, Option<i64>)>> {
    Ok(db.maybe(TICKET, args![hash]).await?)
}

/// Takes back the unused links of a person.
pub async fn drop_tickets(tx: &mut GateTx<'_>, user: Uuid) -> Result<()> {
    Ok(tx.exec(DROP_TICKETS, args![user]).await.map(|_| ())?)
}

/// Counts one more try under `key`: how many there are, and when the last allowed one was.
pub async fn count_try(tx: &mut Tx, key: &[u8], now: Timestamp, quiet_since: Timestamp, limit: i64) -> Result<(i64, i64)> {
    Ok(tx.one(TRY, args![key, now.0, quiet_since.0, limit]).await?)
}

/// Forgets the tries of an account that signed in.
pub async fn forgive(tx: &mut Tx, key: &[u8]) -> Result<()> {
    Ok(tx.exec(FORGIVE, args![key]).await.map(|_| ())?)
}

/// The installation's key for hashes of emails; `candidate` becomes it when there is none.
pub async fn key(db: &Db, candidate: Vec<u8>) -> Result<Vec<u8>> {
    let made = db.write(move |tx| {
        Box::pin(async move {
            tx.exec(MAKE_KEY, args![candidate]).await?;
            tx.one::<(Vec<u8>,)>(KEY, args![]).await
        })
    });
    Ok(made.await?.0)
}

//! All SQL about API tokens.

use engine::{Db, args};
use qd_core::gate::{Actor, Client, GateTx};
use qd_core::{Error, Result, Timestamp};
use uuid::Uuid;

use super::{Known, Token};

const LIST: &str = "SELECT id, name, hint, scopes, created_by, created_by_name, created_at, expires_at, revoked_at, last_used_at FROM api_token \
     ORDER BY created_at DESC, id DESC LIMIT 200";
const GET: &str = "SELECT id, name, hint, scopes, created_by, created_by_name, created_at, expires_at, revoked_at, last_used_at FROM api_token \
     WHERE id = $1";
const KNOWN: &str = "SELECT id, name, scopes, expires_at, revoked_at, last_used_at FROM api_token WHERE token_hash = $1";
const INSERT: &str = "INSERT INTO api_token (id, name, token_hash, hint, scopes, created_by, created_by_name, created_at, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const REVOKE: &str = "UPDATE api_token SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
const LIVE_OF: &str =
    "SELECT id FROM api_token WHERE name = $1 AND created_by = $2 AND revoked_at IS NULL AND expires_at > $3 ORDER BY created_at LIMIT 100";
const USED: &str = "UPDATE api_token SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
/// Every static statement about tokens.
pub const STATEMENTS: &[&str] = &[LIST, GET, KNOWN, INSERT, REVOKE, LIVE_OF, USED];

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    hint: String,
    scopes: String,
    created_by: String,
    created_by_name: String,
    created_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
}

fn words(scopes: &str) -> Vec<String> {
    scopes.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

impl From<Row> for Token {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            hint: row.hint,
            scopes: words(&row.scopes),
            created_by: row.created_by,
            created_by_name: row.created_by_name,
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            revoked_at: row.revoked_at.map(Timestamp),
            last_used_at: row.last_used_at.map(Timestamp),
        }
    }
}

/// Tokens, the newest first, at most 200.
pub async fn list(db: &Db) -> Result<Vec<Token>> {
    Ok(db.all::<Row>(LIST, args![]).await?.into_iter().map(Token::from).collect())
}

/// A token.
pub async fn get(db: &Db, id: Uuid) -> Result<Token> {
    found(db.maybe(GET, args![id]).await?)
}

/// A token, as this transaction sees it.
pub async fn get_in(tx: &mut GateTx<'_>, id: Uuid) -> Result<Token> {
    found(tx.maybe(GET, args![id]).await?)
}

fn found(row: Option<Row>) -> Result<Token> {
    row.map(Token::from).ok_or_else(|| Error::NotFound("The token".into()))
}

#[derive(sqlx::FromRow)]
struct KnownRow {
    id: Uuid,
    name: String,
    scopes: String,
    expires_at: i64,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
}

/// The token with this hash.
pub async fn known(db: &Db, token_hash: &[u8]) -> Result<Option<Known>> {
    let row: Option<KnownRow> = db.maybe(KNOWN, args![token_hash]).await?;
    Ok(row.map(|row| Known {
        id: row.id,
        actor: Actor::token(row.id, row.name, words(&row.scopes), Client::default()),
        expires_at: row.expires_at,
        revoked: row.revoked_at.is_some(),
        used_at: row.last_used_at.unwrap_or_default(),
    }))
}

/// Adds a token.
pub async fn insert(tx: &mut GateTx<'_>, token: &Token, token_hash: Vec<u8>) -> Result<()> {
    let row = args![
        token.id,
        token.name.as_str(),
        token_hash,
        token.hint.as_str(),
        token.scopes.join(" "),
        token.created_by.as_str(),
        token.created_by_name.as_str(),
        token.created_at.0,
        token.expires_at.0
    ];
    Ok(tx.exec(INSERT, row).await.map(|_| ())?)
}

/// Revokes a token; false when it was revoked before.
pub async fn revoke(tx: &mut GateTx<'_>, id: Uuid, at: Timestamp) -> Result<bool> {
    Ok(tx.exec(REVOKE, args![id, at.0]).await? == 1)
}

/// Tokens of this name and maker that still work.
pub async fn live_of(db: &Db, name: &str, maker: &str, now: Timestamp) -> Result<Vec<Uuid>> {
    Ok(db.all::<(Uuid,)>(LIVE_OF, args![name, maker, now.0]).await?.into_iter().map(|(id,)| id).collect())
}

/// Stamps the last use: bookkeeping, no action.
pub async fn used(db: &Db, id: Uuid, at: Timestamp) -> Result<()> {
    Ok(db.write(move |tx| Box::pin(async move { tx.exec(USED, args![id, at.0]).await })).await.map(|_| ())?)
}

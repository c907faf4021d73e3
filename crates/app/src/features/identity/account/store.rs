//! All SQL about accounts.

use engine::{Db, Dialect, Tx, args};
use qd_core::gate::{GateTx, Role};
use qd_core::{Error, Result, Timestamp};
use uuid::Uuid;

use super::User;

const LIST: &str =
    "SELECT id, email, name, role, password_hash, disabled_at, created_at, last_sign_in_at FROM user_account ORDER BY name, id LIMIT 500";
const BY_ID: &str = "SELECT id, email, name, role, password_hash, disabled_at, created_at, last_sign_in_at FROM user_account WHERE id = $1";
const BY_EMAIL: &str = "SELECT id, email, name, role, password_hash, disabled_at, created_at, last_sign_in_at FROM user_account WHERE email = $1";
const INSERT: &str = "INSERT INTO user_account (id, email, name, role, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
const SET_ROLE: &str = "UPDATE user_account SET role = $2 WHERE id = $1";
const SET_DISABLED: &str = "UPDATE user_account SET disabled_at = $2 WHERE id = $1";
const SET_PASSWORD: &str = "UPDATE user_account SET password_hash = $2 WHERE id = $1";
const SET_NAME: &str = "UPDATE user_account SET name = $2 WHERE id = $1";
const SIGNED_IN: &str = "UPDATE user_account SET last_sign_in_at = $2 WHERE id = $1 \
     RETURNING id, email, name, role, password_hash, disabled_at, created_at, last_sign_in_at";
const HOLD: &str = "UPDATE user_account SET name = name WHERE id = $1";
const RULERS: &str = "SELECT id FROM user_account WHERE role = 'SUPER_ADMIN' AND disabled_at IS NULL ORDER BY id";
/// Every static statement about accounts.
pub const STATEMENTS: &[&str] = &[LIST, BY_ID, BY_EMAIL, INSERT, SET_ROLE, SET_DISABLED, SET_PASSWORD, SET_NAME, SIGNED_IN, HOLD, RULERS];

/// An account as it is stored.
#[derive(Clone, sqlx::FromRow)]
pub struct Row {
    pub id: Uuid,
    pub email: String,
    pub name: String,
    role: String,
    pub password_hash: Option<String>,
    disabled_at: Option<i64>,
    created_at: i64,
    last_sign_in_at: Option<i64>,
}

impl Row {
    /// The account without its password.
    pub fn user(self) -> Result<User> {
        let role = role(&self.role)?;
        Ok(User {
            id: self.id,
            email: self.email,
            name: self.name,
            role,
            disabled_at: self.disabled_at.map(Timestamp),
            has_password: self.password_hash.is_some(),
            created_at: Timestamp(self.created_at),
            last_sign_in_at: self.last_sign_in_at.map(Timestamp),
        })
    }
}

/// The role of that word.
pub fn role(word: &str) -> Result<Role> {
    Role::parse(word).ok_or_else(|| Error::Broken(format!("unknown role {word} in user_account")))
}

fn known(row: Option<Row>) -> Result<Row> {
    row.ok_or_else(|| Error::NotFound("The user".into()))
}

/// All accounts by name, at most 500.
pub async fn list(db: &Db) -> Result<Vec<User>> {
    db.all::<Row>(LIST, args![]).await?.into_iter().map(Row::user).collect()
}

/// An account.
pub async fn by_id(db: &Db, id: Uuid) -> Result<Row> {
    known(db.maybe(BY_ID, args![id]).await?)
}

/// An account, as this transaction sees it.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Row> {
    known(tx.maybe(BY_ID, args![id]).await?)
}

/// Holds an account to the end of the transaction: a sign-in that runs at the same time is waited for and seen, or waits and sees the change.
///
/// # Errors
/// [`Error::NotFound`] for an unknown one.
pub async fn hold(tx: &mut GateTx<'_>, id: Uuid) -> Result<()> {
    match tx.exec(HOLD, args![id]).await? {
        0 => Err(Error::NotFound("The user".into())),
        _ => Ok(()),
    }
}

/// The account with this normalised email.
pub async fn by_email(db: &Db, email: &str) -> Result<Option<Row>> {
    Ok(db.maybe(BY_EMAIL, args![email]).await?)
}

/// Adds an account.
pub async fn insert(tx: &mut GateTx<'_>, user: &User, password_hash: Option<String>) -> Result<()> {
    let row = args![user.id, user.email.as_str(), user.name.as_str(), user.role.word(), password_hash, user.created_at.0];
    match tx.exec(INSERT, row).await {
        Err(fault) if fault.is_unique("user_account_email_key") => Err(Error::invalid("email", "An account with this email exists already.")),
        other => Ok(other.map(|_| ())?),
    }
}

/// Changes the role.
pub async fn set_role(tx: &mut GateTx<'_>, id: Uuid, role: Role) -> Result<()> {
    Ok(tx.exec(SET_ROLE, args![id, role.word()]).await.map(|_| ())?)
}

/// Disables, or enables with `None`.
pub async fn set_disabled(tx: &mut GateTx<'_>, id: Uuid, at: Option<Timestamp>) -> Result<()> {
    Ok(tx.exec(SET_DISABLED, args![id, at.map(|at| at.0)]).await.map(|_| ())?)
}

/// Sets the password's hash, or takes the password away.
pub async fn set_password(tx: &mut GateTx<'_>, id: Uuid, hash: Option<String>) -> Result<()> {
    Ok(tx.exec(SET_PASSWORD, args![id, hash]).await.map(|_| ())?)
}

/// Changes the name.
pub async fn set_name(tx: &mut GateTx<'_>, id: Uuid, name: &str) -> Result<()> {
    Ok(tx.exec(SET_NAME, args![id, name]).await.map(|_| ())?)
}

/// Stamps a sign-in (bookkeeping of sessions, no action) and gives the account. From here to the end of the transaction nobody else changes it: a
/// change that runs at the same time is waited for and seen, or waits and sees the session. So this comes before all that is proved.
pub async fn signed_in(tx: &mut Tx, id: Uuid, at: Timestamp) -> Result<Row> {
    known(tx.maybe(SIGNED_IN, args![id, at.0]).await?)
}

/// Ids of the active SUPER_ADMINs, held against concurrent changes to the end of the transaction.
pub async fn rulers(tx: &mut Tx) -> Result<Vec<Uuid>> {
    // Differs because SQLite has one writer and needs no lock, while two of Postgres could each take "the other one" away.
    if tx.dialect() == Dialect::Postgres {
        tx.exec(LOCK_ACCOUNTS, args![]).await?;
    }
    Ok(tx.all::<(Uuid,)>(RULERS, args![]).await?.into_iter().map(|(id,)| id).collect())
}

/// Postgres only: one change of roles at a time; readers and sign-ins go on.
const LOCK_ACCOUNTS: &str = "SELECT pg_advisory_xact_lock(7165495)";

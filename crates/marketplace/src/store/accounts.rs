//! Who is there: users, sessions, notifications.

use engine::{Args, Db, Result, Tx, args};
use sqlx::FromRow;
use uuid::Uuid;

use super::sql;

/// Somebody signed in.
#[derive(Debug, Clone, FromRow)]
pub struct User {
    pub id: Uuid,
    pub name: String,
    pub first_name: Option<String>,
    pub email: String,
    pub zip_code: Option<String>,
    /// The shop they own, if any.
    pub vendor_id: Option<Uuid>,
    pub store_name: Option<String>,
}

impl User {
    /// What the shop calls them.
    pub fn short(&self) -> &str {
        self.first_name.as_deref().unwrap_or(&self.name)
    }

    /// Where their orders go.
    pub fn zip(&self) -> &str {
        self.zip_code.as_deref().unwrap_or("12508")
    }
}

/// Something that a user is told.
#[derive(Debug, FromRow)]
pub struct Notice {
    pub title: String,
    pub link: String,
    pub created_at: i64,
}

sql! {
    BY_SESSION = "SELECT u.id, u.name, u.first_name, u.email, u.zip_code, v.id AS vendor_id, v.store_name
        FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN vendor_profiles v ON v.user_id = u.id
        WHERE s.token_hash = $1 AND s.expires_at > $2 AND u.status = 'ACTIVE' AND u.deleted_at IS NULL";
    BY_EMAIL = "SELECT u.id, u.name, u.first_name, u.email, u.zip_code, v.id AS vendor_id, v.store_name
        FROM users u LEFT JOIN vendor_profiles v ON v.user_id = u.id
        WHERE u.email = $1 AND u.password IS NULL AND u.status = 'ACTIVE' AND u.deleted_at IS NULL";
    DEMO = "SELECT u.id, u.name, u.first_name, u.email, u.zip_code, v.id AS vendor_id, v.store_name
        FROM user_roles r JOIN users u ON u.id = r.user_id LEFT JOIN vendor_profiles v ON v.user_id = u.id
        WHERE r.role = $1 AND u.password IS NULL AND u.status = 'ACTIVE' AND u.deleted_at IS NULL
        ORDER BY r.user_id LIMIT $2 OFFSET $3";
    OPEN = "INSERT INTO sessions (token_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)";
    SEEN = "UPDATE users SET last_active_at = $2 WHERE id = $1";
    CLOSE = "DELETE FROM sessions WHERE token_hash = $1";
    NOTIFY = "INSERT INTO notifications (id, user_id, title, link, created_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (id) DO NOTHING";
    NOTICES = "SELECT title, link, created_at FROM notifications WHERE user_id = $1 ORDER BY created_at DESC LIMIT $2";
}

/// Whose session this is, by the hash of its token.
pub async fn by_session(db: &Db, token_hash: Vec<u8>, now: i64) -> Result<Option<User>> {
    db.maybe(BY_SESSION, args![token_hash, now]).await
}

/// A demo account: one without a password, which the generator made.
pub async fn by_email(db: &Db, email: &str) -> Result<Option<User>> {
    db.maybe(BY_EMAIL, args![email]).await
}

/// Demo accounts with a role, oldest first.
pub async fn demo(db: &Db, role: &str, limit: i64, offset: i64) -> Result<Vec<User>> {
    db.all(DEMO, args![role, limit, offset]).await
}

/// Opens a session.
pub async fn open(db: &Db, token_hash: Vec<u8>, user: Uuid, now: i64, expires_at: i64) -> Result<()> {
    db.write(move |tx| {
        Box::pin(async move {
            tx.exec(OPEN, args![token_hash, user, now, expires_at]).await?;
            tx.exec(SEEN, args![user, now]).await.map(|_| ())
        })
    })
    .await
}

/// Ends a session.
pub async fn close(db: &Db, token_hash: Vec<u8>) -> Result<()> {
    db.write(move |tx| Box::pin(async move { tx.exec(CLOSE, args![token_hash]).await.map(|_| ()) })).await
}

/// Tells a user something; the same `id` twice is told once.
pub async fn notify(tx: &mut Tx, id: Uuid, user: Uuid, title: &str, link: &str, now: i64) -> Result<()> {
    tx.exec(NOTIFY, args![id, user, title, link, now]).await.map(|_| ())
}

/// The newest notices of a user.
pub async fn notices(db: &Db, user: Uuid, limit: i64) -> Result<Vec<Notice>> {
    let args: Args = args![user, limit];
    db.all(NOTICES, args).await
}

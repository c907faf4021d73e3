//! People: an email to sign in with, a name, one of four roles, and a password that nobody but they chose.

mod action;
mod own;
mod password;
pub(super) mod store;
mod verb;

use qd_core::gate::Role;
use qd_core::secret::Secret;
use qd_core::{App, Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use action::{ChangePassword, CreateUser, DisableUser, EnableUser, Rename, ResetPassword, SetRole};
pub(super) use own::myself;
pub use own::{change_password, rename};
pub use password::LENGTH as PASSWORD_LENGTH;
pub(super) use password::{check as check_password, hash as hash_password, verify as verify_password};
pub(super) use store::STATEMENTS;
pub(super) use verb::create_with_password;
pub use verb::{create, disable, enable, reset_password, set_role};

/// Minutes for which the link of a new account or a reset password works.
pub const LINK_MINUTES: i64 = 60;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Id.
    pub id: Uuid,
    /// Email, lower case.
    pub email: String,
    /// Name for people.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Since when they can't sign in.
    pub disabled_at: Option<Timestamp>,
    /// False until they chose a password by their first link.
    pub has_password: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When they signed in last.
    pub last_sign_in_at: Option<Timestamp>,
}

/// An account with the one-time link that lets its owner choose a password.
#[derive(Clone, Debug)]
pub struct Invited {
    /// The account.
    pub user: User,
    /// Number of the audit row.
    pub audit_seq: i64,
    /// The ticket of the link; `None` when this was the repetition of an earlier call: it was shown then, and only then.
    pub ticket: Option<Secret>,
}

/// All accounts by name, at most 500.
pub async fn list(app: &App) -> Result<Vec<User>> {
    store::list(&app.db).await
}

/// One account.
pub async fn get(app: &App, id: Uuid) -> Result<User> {
    store::by_id(&app.db, id).await?.user()
}

/// The account that signs in with this email.
pub async fn by_email(app: &App, email: &str) -> Result<Option<User>> {
    store::by_email(&app.db, &normal_email(email)).await?.map(store::Row::user).transpose()
}

/// An email as it is stored and compared.
pub(super) fn normal_email(text: &str) -> String {
    text.trim().to_lowercase()
}

/// A normalised email that could be one.
fn check_email(text: &str) -> Result<String> {
    let email = normal_email(text);
    let good = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !domain.starts_with('.') && !domain.ends_with('.')
    });
    match good && email.len() <= 254 && !email.chars().any(|c| c.is_whitespace() || c.is_control()) {
        true => Ok(email),
        false => Err(Error::invalid("email", "Give an email such as mara@example.com.")),
    }
}

fn check_name(text: &str) -> Result<String> {
    let name = text.trim();
    match (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        true => Ok(name.to_owned()),
        false => Err(Error::invalid("name", "Give a name of 1 to 100 characters.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_are_normalised_and_checked() {
        assert_eq!(check_email("  Mara@Fern.Example ").unwrap(), "mara@fern.example");
        for bad in ["", "mara", "@fern.example", "mara@", "a b@c.d", "a@b@c", "a@.c", &format!("{}@c.d", "x".repeat(260))] {
            assert!(check_email(bad).is_err(), "{bad}");
        }
    }
}

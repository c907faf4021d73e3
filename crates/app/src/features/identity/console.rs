//! What the command line and the demo call. Whoever can run commands on the server has its files anyway; what they do goes through the gate and
//! into the audit trail all the same.

use qd_core::gate::{Actor, Confirmation, Role};
use qd_core::secret::Secret;
use qd_core::{App, Error, Result};
use uuid::Uuid;

use super::account::{self, CreateUser, User};
use super::session;
use super::token::{self, CreateToken, RevokeToken, store};

/// Name of the demo marketplace's token.
const DEMO_TOKEN: &str = "demo marketplace";
/// Days of it: the next start makes a new one and revokes this.
const DEMO_DAYS: i64 = 30;

/// Who sits at the command line.
fn operator() -> Actor {
    let name = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|key| std::env::var(key).ok().filter(|name| !name.is_empty()));
    Actor::cli(name.unwrap_or_else(|| "unknown".into()))
}

fn because() -> Confirmation {
    Confirmation::because("Asked for at the command line of the server.")
}

/// Adds an account. Without a password its owner signs in by a link ([`make_ticket`]) and chooses one.
///
/// # Errors
/// [`Error::Invalid`] on `email` (wrong, or taken), `name` or `password`.
pub async fn create_admin(app: &App, email: &str, name: &str, role: Role, password: Option<Secret>) -> Result<User> {
    let action = CreateUser { email: email.into(), name: name.into(), role };
    let hash = match password {
        None => None,
        Some(password) => {
            account::check_password(&password, &account::normal_email(email), "password")?;
            Some(account::hash_password(password).await?)
        }
    };
    account::create_with_password(app, &operator(), action, because(), hash).await
}

/// Makes a token. The secret is given here, and never again.
///
/// # Errors
/// [`Error::Invalid`] on `name`, `scopes` or `days` (1 to 365).
pub async fn create_token(app: &App, name: &str, scopes: Vec<String>, days: i64) -> Result<Secret> {
    mint(app, &operator(), CreateToken { name: name.into(), scopes, days }, because()).await
}

async fn mint(app: &App, actor: &Actor, action: CreateToken, given: Confirmation) -> Result<Secret> {
    let minted = token::create(app, actor, action, given).await?;
    minted.secret.ok_or_else(|| Error::Broken("the token was not minted".into()))
}

/// The ticket of a link that signs a person in once, within so many minutes.
///
/// # Errors
/// [`Error::NotFound`] for an unknown person, [`Error::Conflict`] for a disabled one.
pub async fn make_ticket(app: &App, user: Uuid, minutes: i64) -> Result<Secret> {
    session::create_link(app, &operator(), session::CreateLink { user, minutes }, because()).await
}

/// The path at which a ticket is used.
pub fn ticket_path(ticket: &Secret) -> String {
    format!("/login/ticket?t={}", ticket.expose())
}

/// The whole address of a ticket, with the path to go to afterwards.
pub fn sign_in_url(app: &App, ticket: &Secret, next: &str) -> String {
    let server = &app.config.server;
    let base = if server.public_url.is_empty() { format!("http://{}", server.listen) } else { server.public_url.clone() };
    let next = serde_urlencoded::to_string([("next", next)]).unwrap_or_default();
    format!("{}{}&{next}", base.trim_end_matches('/'), ticket_path(ticket))
}

/// Revokes the live tokens of this name that the demo made; tokens of people are left alone. How many it were.
pub async fn revoke_demo_tokens(app: &App, name: &str) -> Result<usize> {
    let demo = Actor::system("demo");
    let live = store::live_of(&app.db, name, demo.id(), app.now()).await?;
    for token in &live {
        let reason = Confirmation::because("The demo starts again and mints a new token.");
        match token::revoke(app, &demo, RevokeToken { token: *token }, reason).await {
            // Somebody was quicker: it is revoked all the same.
            Ok(_) | Err(Error::Conflict(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(live.len())
}

/// A fresh token for the demo's marketplace; earlier ones are revoked.
pub async fn mint_demo_token(app: &App) -> Result<Secret> {
    revoke_demo_tokens(app, DEMO_TOKEN).await?;
    let scopes = ["ingest", "flags:read", "instances:write", "deploys:write"].map(str::to_owned).to_vec();
    let action = CreateToken { name: DEMO_TOKEN.into(), scopes, days: DEMO_DAYS };
    let reason = Confirmation::because("The demo's marketplace reports itself and its deploys, and obeys flags and maintenance.");
    mint(app, &Actor::system("demo"), action, reason).await
}

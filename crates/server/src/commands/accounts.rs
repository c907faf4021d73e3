//! `admin create`, `admin link` and `token create`.

use std::process::ExitCode;

use app::features::identity;
use qd_core::config::Config;
use qd_core::gate::Role;
use qd_core::secret::Secret;
use qd_core::{App, Clock, Error, Result};
use serde_json::json;
use uuid::Uuid;

use super::print;
use crate::cli::{Admin, Token};
use crate::wiring;

/// How long a printed link works.
const LINK_MINUTES: i64 = 60;

pub(super) async fn admin(config: Config, command: Admin, json: bool) -> Result<ExitCode> {
    match command {
        Admin::Create { email, name, role } => {
            let role = Role::parse(&role).ok_or_else(|| Error::invalid("role", "Use SUPER_ADMIN, ADMIN, STAFF_ADMIN or AUDITOR."))?;
            let password = std::env::var("QD_PASSWORD").ok().filter(|password| !password.is_empty()).map(Secret::new);
            let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
            let with_password = password.is_some();
            let app = wiring::assemble(config, Clock::system()).await?;
            let user = identity::create_admin(&app, &email, &name, role, password).await?;
            let link = if with_password { None } else { Some(link(&app, user.id).await?) };
            let text = match &link {
                None => format!("{} may sign in as {}.", email, role.word()),
                Some(link) => format!("{} is {}. Open this link within an hour to sign in and set a password:\n{link}", email, role.word()),
            };
            print(json, &json!({ "id": user.id, "role": role.word(), "link": link }), &text);
        }
        Admin::Link { email } => {
            let app = wiring::assemble(config, Clock::system()).await?;
            let user = identity::by_email(&app, &email).await?.ok_or_else(|| Error::NotFound(format!("An account with the address {email}")))?;
            let link = link(&app, user.id).await?;
            print(json, &json!({ "link": link }), &format!("This link signs {email} in once, within an hour:\n{link}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn link(app: &App, user: Uuid) -> Result<String> {
    let ticket = identity::make_ticket(app, user, LINK_MINUTES).await?;
    let server = &app.config.server;
    let base = if server.public_url.is_empty() { format!("http://{}", server.listen) } else { server.public_url.clone() };
    Ok(format!("{}{}", base.trim_end_matches('/'), identity::ticket_path(&ticket)))
}

pub(super) async fn token(config: Config, command: Token, json: bool) -> Result<ExitCode> {
    let Token::Create { name, scopes, days } = command;
    let app = wiring::assemble(config, Clock::system()).await?;
    let token = identity::create_token(&app, &name, scopes.clone(), i64::from(days)).await?;
    let text = format!("{}\nIt is shown this once. It may: {}. It expires in {days} days.", token.expose(), scopes.join(", "));
    print(json, &json!({ "token": token.expose(), "scopes": scopes, "days": days }), &text);
    Ok(ExitCode::SUCCESS)
}

//! Who may come in: people with one of four roles, their browsers, and machines with tokens.
//!
//! [`account`] holds the people and their passwords, [`session`] signs them in and out (password, or a link that works once), [`token`] holds the
//! machines, and [`console`] is what the command line and the demo call. Every change of an account or a token goes through the gate; signing
//! in, failing at it and signing out are recorded in the audit trail. No secret is stored in clear, and none is shown twice.

pub mod account;
pub mod console;
pub mod session;
pub mod token;

mod cache;
mod crypto;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use engine::{BoxFuture, args};
use qd_core::config::Config;
use qd_core::gate::{Actor, Client};
use qd_core::{App, Result, StateMap};

pub use account::by_email;
pub use console::{create_admin, create_token, make_ticket, mint_demo_token, revoke_demo_tokens, sign_in_url, ticket_path};
pub use session::Identity;

use crate::web::{Credentials, Feature, Sessions};

/// Most rows that one run of [`expire`] deletes per table.
const EXPIRE_ROWS: i64 = 500;

/// The manifest. The pages for people to manage themselves and others are those of `settings`.
pub const FEATURE: Feature = Feature { state, statements: STATEMENTS, ..Feature::new("identity", session::pages::routes) };

/// Every static statement of this feature.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
pub const STATEMENTS: &[&str] = &{
    let lists = [account::STATEMENTS, session::STATEMENTS, token::STATEMENTS];
    let mut all = [""; account::STATEMENTS.len() + session::STATEMENTS.len() + token::STATEMENTS.len()];
    let (mut list, mut at) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            all[at] = lists[list][index];
            at += 1;
            index += 1;
        }
        list += 1;
    }
    all
};

/// Who is behind a request: a bearer token counts before a cookie.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdentitySessions;

impl Sessions for IdentitySessions {
    fn authenticate<'a>(&'a self, app: &'a App, given: Credentials, client: Client) -> BoxFuture<'a, Result<Actor>> {
        Box::pin(async move {
            match (given.bearer, given.cookie) {
                (Some(bearer), _) => token::authenticate(app, &bearer, client).await,
                (None, Some(cookie)) => session::authenticate(app, &cookie, given.unattended, client).await,
                (None, None) => Ok(Actor::anonymous(client)),
            }
        })
    }
}

/// Deletes what has ended: sessions, links, counters of failed sign-ins; at most 500 rows of each. Returns how many.
pub async fn expire(app: &App) -> Result<u64> {
    let now = app.now();
    let security = &app.config.security;
    let idle = now.plus_seconds(-3_600 * i64::from(security.session_idle_hours));
    // A counter means nothing once its pause is over; a used link is kept for a day to say "used" instead of "unknown".
    let counters = now.plus_seconds(-60 * i64::from(security.login_pause_minutes));
    let tickets = now.plus_seconds(-86_400);
    app.state::<Identity>()?.addresses.expire(counters);
    let gone = app.db.write(move |tx| {
        Box::pin(async move {
            let sessions = tx.exec(session::store::EXPIRE, args![now.0, idle.0, EXPIRE_ROWS]).await?;
            let tickets = tx.exec(session::store::EXPIRE_TICKETS, args![tickets.0, EXPIRE_ROWS]).await?;
            let attempts = tx.exec(session::store::EXPIRE_ATTEMPTS, args![counters.0, EXPIRE_ROWS]).await?;
            Ok(sessions + tickets + attempts)
        })
    });
    Ok(gone.await?)
}

fn state(_: &Config, state: &mut StateMap) -> Result<()> {
    state.insert(Identity::default());
    Ok(())
}

/// Forgets what was looked up, once a change is durable.
pub(crate) fn forget_after(tx: &mut engine::Tx, identity: &Arc<Identity>) {
    let identity = Arc::clone(identity);
    tx.after_commit(move || identity.forget());
}

//! The event stream: nothing but "something changed, ask again".

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use axum::response::sse::Event;
use qd_core::{Error, Result};
use serde_json::json;
use uuid::Uuid;

use super::{Ofrep, SCOPE, admit, version};
use crate::features::identity::token;
use crate::web::{Ctx, changes};

/// Opens the stream of a caller with a ticket, or with the rights to evaluate.
///
/// # Errors
/// [`qd_core::Error::Unauthenticated`] without either, or with the ticket of a token that was revoked; [`qd_core::Error::Overloaded`] when too many listen.
pub async fn open(ofrep: &Ofrep, ctx: &Ctx) -> Result<Response> {
    let asked = Asked::of(ctx.query());
    match asked.token {
        Some(ticket) => still_may(ctx, &ofrep.tickets(&ctx.app).check(&ticket, ctx.now)?).await?,
        None => admit(ctx)?,
    }
    // What the client heard last counts; before it heard anything, what it was answered with. Who says neither hears of what comes.
    let heard = match ctx.header("last-event-id") {
        Some(id) => id.trim().parse().unwrap_or(UNKNOWN),
        None => asked.since.unwrap_or_else(|| ctx.app.published.revision()),
    };
    let app = ctx.app.clone();
    let mut response = changes(&ctx.app, &ofrep.seats, heard, move |revision| {
        let told_at = app.state::<Ofrep>().ok().map(|ofrep| ofrep.told_at(revision, app.now()));
        let data = json!({ "type": "refetchEvaluation", "etag": version::name(revision), "lastModified": told_at });
        Event::default().event("message").data(data.to_string())
    })?;
    // nginx would hold events back until its buffer is full.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// A ticket outlives the token that it was given for by half an hour at most: whoever holds it must still be admitted.
async fn still_may(ctx: &Ctx, principal: &str) -> Result<()> {
    if ctx.app.config.flags.public {
        return Ok(());
    }
    let ended = || Error::Unauthenticated("The token that this ticket was given for has ended. Evaluate again.".into());
    let id = Uuid::parse_str(principal).map_err(|_| ended())?;
    match token::get(&ctx.app, id).await {
        Ok(token) if token.revoked_at.is_none() && token.expires_at > ctx.now && token.scopes.iter().any(|scope| scope == SCOPE) => Ok(()),
        Ok(_) | Err(Error::NotFound(_)) => Err(ended()),
        Err(fault) => Err(fault),
    }
}

/// No revision is this one: whoever says what we never said is told to ask again.
const UNKNOWN: i64 = -1;

struct Asked {
    token: Option<String>,
    since: Option<i64>,
}

impl Asked {
    fn of(query: &str) -> Self {
        let mut asked = Self { token: None, since: None };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "token" => asked.token = Some(value.into_owned()),
                "since" => asked.since = Some(value.parse().unwrap_or(UNKNOWN)),
                _ => {}
            }
        }
        asked
    }
}

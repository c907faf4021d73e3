//! `POST /hooks/render` and `POST /hooks/github`: verified, durable, then answered.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use engine::Tx;
use engine::job::{Enqueue, enqueue};
use qd_core::gate::Access;
use qd_core::secret::{WEBHOOK_KEY_MIN, webhook_key_length};
use qd_core::{App, Error, Result, Timestamp};
use serde_json::{Value, json};

use super::signature::{Signed, github as github_signed, standard};
use super::{Look, Tell, github, render, store};
use crate::web::{Ctx, Routes, problem_response, read_limited};

/// Largest hook. GitHub's limit is larger; its deployment events are not.
const MAX_BODY: usize = 1024 * 1024;
/// Seconds that the ids of hooks are remembered: longer than their signatures are good for.
const REMEMBERED: i64 = 2 * 86_400;

/// Adds the routes. Who may enter is proved by the signature.
pub fn routes(routes: Routes) -> Routes {
    routes.raw(Method::POST, "/hooks/render", Access::Anyone, "Render's webhook, signed as by Standard Webhooks", render_hook).raw(
        Method::POST,
        "/hooks/github",
        Access::Anyone,
        "GitHub's webhook: deployment and deployment_status",
        github_hook,
    )
}

async fn render_hook(ctx: Ctx, body: Body) -> Response {
    answer(take_render(&ctx, body).await)
}

async fn github_hook(ctx: Ctx, body: Body) -> Response {
    answer(take_github(&ctx, body).await)
}

/// What became of a hook.
enum Taken {
    /// It is durable.
    Kept,
    /// It was taken before.
    Again,
    /// It tells of nothing that is kept, and why.
    Ignored(&'static str),
}

fn answer(taken: Result<Taken>) -> Response {
    let (status, word) = match taken {
        Ok(Taken::Kept) => (StatusCode::ACCEPTED, "accepted"),
        Ok(Taken::Again) => (StatusCode::OK, "It was taken before; nothing was done."),
        Ok(Taken::Ignored(why)) => (StatusCode::OK, why),
        Err(fault) => return problem_response(&fault, ""),
    };
    (status, axum::Json(json!({ "result": word }))).into_response()
}

fn no_secret(name: &str) -> Error {
    Error::Forbidden(format!("This hook is not open: {name} is not set."))
}

/// Closes a hook whose secret could be guessed from one signature.
fn long_enough(name: &str, bytes: usize) -> Result<()> {
    if bytes < WEBHOOK_KEY_MIN {
        return Err(Error::Forbidden(format!("This hook is not open: {name} has less than {WEBHOOK_KEY_MIN} bytes.")));
    }
    Ok(())
}

async fn take_render(ctx: &Ctx, body: Body) -> Result<Taken> {
    let deploys = &ctx.app.config.deploys;
    if !deploys.render_webhook_secret.is_set() {
        return Err(no_secret("deploys.render_webhook_secret"));
    }
    long_enough("deploys.render_webhook_secret", webhook_key_length(deploys.render_webhook_secret.expose()))?;
    let body = read_limited(body, MAX_BODY).await?;
    let header = |name: &str| ctx.header(name).unwrap_or_default();
    let signed = Signed { id: header("webhook-id"), timestamp: header("webhook-timestamp"), signature: header("webhook-signature") };
    let verdict = standard(deploys.render_webhook_secret.expose(), signed, &body, ctx.now);
    verdict.map_err(|wrong| Error::Unauthenticated(wrong.words().into()))?;
    let event: Value = serde_json::from_slice(&body).map_err(|_| Error::invalid("body", "Send JSON."))?;
    let Some(target) = render::told(&event) else { return Ok(Taken::Ignored("This kind of event is not kept.")) };
    if ctx.app.ports.deployer.is_none() {
        // The event names no build: only the API says which one it is.
        tracing::warn!("Render told of a deploy; set deploys.render_api_key to learn which build it is");
        return Ok(Taken::Ignored("Set deploys.render_api_key: the event does not say which build it is."));
    }
    if !deploys.render_services.contains(&target) {
        return Ok(Taken::Ignored("This service is not among deploys.render_services."));
    }
    let key = format!("deploy-look:{target}");
    keep(&ctx.app, ("render", signed.id.to_owned()), ctx.now, Work::Look(Look { target }, key)).await
}

async fn take_github(ctx: &Ctx, body: Body) -> Result<Taken> {
    let secret = &ctx.app.config.deploys.github_webhook_secret;
    if !secret.is_set() {
        return Err(no_secret("deploys.github_webhook_secret"));
    }
    long_enough("deploys.github_webhook_secret", secret.expose().len())?;
    let body = read_limited(body, MAX_BODY).await?;
    let header = |name: &str| ctx.header(name).unwrap_or_default();
    let verdict = github_signed(secret.expose(), header("x-hub-signature-256"), &body);
    verdict.map_err(|wrong| Error::Unauthenticated(wrong.words().into()))?;
    let event: Value = serde_json::from_slice(&body).map_err(|_| Error::invalid("body", "Send JSON: choose application/json for the hook."))?;
    let Some(action) = github::read(header("x-github-event"), &event) else {
        return Ok(Taken::Ignored("This event tells of no deploy that begins or ends."));
    };
    // GitHub signs no time: an old delivery could be played again for ever. Its ids are remembered, and a report never takes anything back.
    let id = header("x-github-delivery");
    if !(1..=100).contains(&id.len()) {
        return Err(Error::Unauthenticated("The delivery has no id.".into()));
    }
    let action = action.checked(ctx.now)?;
    keep(&ctx.app, ("github", id.to_owned()), ctx.now, Work::Tell(Box::new(Tell { deploys: vec![action] }))).await
}

enum Work {
    Look(Look, String),
    Tell(Box<Tell>),
}

/// Remembers the id and enqueues the work in one transaction.
async fn keep(app: &App, (provider, id): (&'static str, String), now: Timestamp, work: Work) -> Result<Taken> {
    let write = app.db.write_with(move |tx: &mut Tx| {
        Box::pin(async move {
            if !store::take(tx, provider, &id, now).await? {
                return Ok(Taken::Again);
            }
            match work {
                Work::Look(look, key) => enqueue(tx, &look, Enqueue::unique(key)).await?,
                Work::Tell(tell) => enqueue(tx, tell.as_ref(), Enqueue::default()).await?,
            };
            Ok::<_, Error>(Taken::Kept)
        })
    });
    write.await
}

/// Forgets ids of hooks that are too old to be taken again. Returns how many.
pub async fn trim(app: &App) -> Result<u64> {
    let before = app.now().plus_seconds(-REMEMBERED);
    app.db.write_with(move |tx| Box::pin(async move { store::trim(tx, before).await })).await
}

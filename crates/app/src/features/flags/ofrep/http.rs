//! The routes: admission, the two evaluations, the stream, and preflights.

use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use qd_core::Error;
use qd_core::gate::Access;

use super::answer::{Code, Failure, failure, json, put, write};
use super::{MAX_BODY, Ofrep, SCOPE, request, stream, version};
use crate::features::flags::evaluate::Context;
use crate::features::flags::{snapshot, usage};
use crate::web::{Ctx, Routes, etag, read_limited};

const ONE: &str = "/ofrep/v1/evaluate/flags/{key}";
const ALL: &str = "/ofrep/v1/evaluate/flags";
const EVENTS: &str = "/ofrep/v1/events";

/// Adds the routes.
pub fn routes(routes: Routes) -> Routes {
    let (anyone, before) = (Access::Anyone, "What a page of another origin may send");
    routes
        .raw(Method::POST, ONE, anyone, "OFREP: evaluate one flag (token with flags:read, unless flags.public)", one)
        .raw(Method::POST, ALL, anyone, "OFREP: evaluate all flags (token with flags:read, unless flags.public)", all)
        .raw(Method::GET, EVENTS, anyone, "OFREP: hear of changes (ticket from an evaluation of all flags)", events)
        .blind(Method::OPTIONS, ONE, before, |ctx| preflight(ctx, "POST, OPTIONS"))
        .blind(Method::OPTIONS, ALL, before, |ctx| preflight(ctx, "POST, OPTIONS"))
        .blind(Method::OPTIONS, EVENTS, before, |ctx| preflight(ctx, "GET, OPTIONS"))
}

/// Why a request is not answered with an evaluation.
enum Refusal {
    /// The protocol's own failures.
    Failed(Failure),
    /// 401, 403, 429, 503.
    Kept(Error),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Kept(error)
    }
}

impl Refusal {
    /// Clients look at the status of these and at `Retry-After`; the body is for people.
    fn response(self, key: Option<&str>) -> Response {
        let (status, name, value) = match &self {
            Self::Failed(failure) => return failure.response(key),
            Self::Kept(Error::Unauthenticated(_)) => (StatusCode::UNAUTHORIZED, header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Self::Kept(Error::Forbidden(_)) => (StatusCode::FORBIDDEN, header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Self::Kept(Error::Limited { retry_after }) => (StatusCode::TOO_MANY_REQUESTS, header::RETRY_AFTER, HeaderValue::from(*retry_after)),
            Self::Kept(Error::Overloaded { retry_after, .. }) => {
                (StatusCode::SERVICE_UNAVAILABLE, header::RETRY_AFTER, HeaderValue::from(*retry_after))
            }
            Self::Kept(_) => (StatusCode::INTERNAL_SERVER_ERROR, header::RETRY_AFTER, HeaderValue::from_static("5")),
        };
        let mut response = Failure::new(Code::General, self.text()).with_status(status, key);
        response.headers_mut().insert(name, value);
        response
    }

    fn text(&self) -> String {
        match self {
            Self::Failed(failure) => failure.details.clone(),
            Self::Kept(error @ (Error::Unauthenticated(_) | Error::Forbidden(_) | Error::Limited { .. } | Error::Overloaded { .. })) => {
                error.to_string()
            }
            Self::Kept(error) => {
                tracing::error!(%error, "flags are not evaluated");
                "Something broke on our side. The log has the details.".into()
            }
        }
    }
}

/// Whether the caller may evaluate flags: a token with the scope [`SCOPE`], or anybody when `flags.public` says so.
///
/// # Errors
/// [`Error::Unauthenticated`] for nobody and for tokens that are not known, [`Error::Forbidden`] for others.
pub fn admit(ctx: &Ctx) -> qd_core::Result<()> {
    if ctx.actor.has_scope(SCOPE) || ctx.app.config.flags.public {
        return Ok(());
    }
    if ctx.actor.is_anonymous() {
        return Err(Error::Unauthenticated(format!("Send a token with the scope {SCOPE}, as Authorization: Bearer or as X-API-Key.")));
    }
    Err(Error::Forbidden(format!("This needs a token with the scope {SCOPE}.")))
}

async fn one(ctx: Ctx, body: Body) -> Response {
    let key = ctx.param("key").unwrap_or_default();
    with(&ctx, Some(key), async |ofrep: &Ofrep| ofrep.one(&ctx, key, body).await).await
}

async fn all(ctx: Ctx, body: Body) -> Response {
    with(&ctx, None, async |ofrep: &Ofrep| ofrep.all(&ctx, body).await).await
}

async fn events(ctx: Ctx, _: Body) -> Response {
    with(&ctx, None, async |ofrep: &Ofrep| Ok(stream::open(ofrep, &ctx).await?)).await
}

fn preflight(ctx: &Ctx, methods: &'static str) -> Response {
    match ctx.app.state::<Ofrep>() {
        Ok(ofrep) => ofrep.origins.preflight(ctx.headers(), methods),
        Err(fault) => Refusal::Kept(fault).response(None),
    }
}

/// Answers, and lets pages of other origins read whatever the answer is.
async fn with(ctx: &Ctx, key: Option<&str>, work: impl AsyncFnOnce(&Ofrep) -> Result<Response, Refusal>) -> Response {
    let ofrep = match ctx.app.state::<Ofrep>() {
        Ok(ofrep) => ofrep,
        Err(fault) => return Refusal::Kept(fault).response(key),
    };
    let mut response = work(&ofrep).await.unwrap_or_else(|refusal| refusal.response(key));
    ofrep.origins.open(ctx.headers(), &mut response);
    response
}

impl Ofrep {
    /// Admission, and one of the caller's requests.
    fn enter(&self, ctx: &Ctx) -> Result<(), Refusal> {
        admit(ctx)?;
        let caller = if ctx.actor.is_anonymous() { ctx.actor.client().ip.as_deref().unwrap_or("unknown") } else { ctx.actor.id() };
        self.limit.take(caller, ctx.now).map_err(|retry_after| Error::Limited { retry_after }.into())
    }

    async fn one(&self, ctx: &Ctx, key: &str, body: Body) -> Result<Response, Refusal> {
        self.enter(ctx)?;
        let context = read(body).await?;
        let (flags, meter) = (snapshot(&ctx.app)?, ctx.app.state::<usage::Meter>()?);
        let Some(evaluation) = flags.evaluate(key, &context) else {
            meter.missed(key, &ctx.actor, ctx.now);
            return Err(Failure::not_found(key).into());
        };
        meter.asked(key, ctx.now);
        if let Some(failure) = failure(&evaluation) {
            return Err(failure.into());
        }
        let mut answer = Vec::with_capacity(128);
        write(&mut answer, key, &evaluation);
        Ok(json(StatusCode::OK, answer))
    }

    async fn all(&self, ctx: &Ctx, body: Body) -> Result<Response, Refusal> {
        self.enter(ctx)?;
        let context = read(body).await?;
        let told = version::told(ctx.query());
        version::wait_for(&ctx.app, told).await;
        let flags = snapshot(&ctx.app)?;
        ctx.app.state::<usage::Meter>()?.asked_all(ctx.now);
        let tag = version::tag(&flags, ctx.actor.id(), &context, ctx.now);
        // Whoever was told of another version than ours is never sent away with "you have it all".
        if told.is_current(flags.revision) && etag::matches(ctx.headers(), &tag) {
            return Ok(tagged(json_free(StatusCode::NOT_MODIFIED), &tag));
        }
        let mut answer = Vec::with_capacity(4_096);
        answer.extend_from_slice(b"{\"flags\":[");
        for (index, (key, evaluation)) in flags.evaluate_all(&context).enumerate() {
            if index > 0 {
                answer.push(b',');
            }
            write(&mut answer, key, &evaluation);
        }
        answer.extend_from_slice(b"],\"eventStreams\":[{\"type\":\"sse\",\"endpoint\":{\"requestUri\":");
        let ticket = self.tickets(&ctx.app).make(ctx.actor.id(), ctx.now);
        put(&mut answer, &format!("{EVENTS}?token={ticket}&since={}", flags.revision));
        answer.extend_from_slice(b"},\"inactivityDelaySec\":120}],\"metadata\":{\"revision\":");
        put(&mut answer, &flags.revision);
        answer.extend_from_slice(b"}}");
        Ok(tagged(json(StatusCode::OK, answer), &tag))
    }
}

async fn read(body: Body) -> Result<Context, Failure> {
    let bytes = read_limited(body, MAX_BODY)
        .await
        .map_err(|_| Failure::new(Code::InvalidContext, format!("The body broke off, or is larger than {} KiB.", MAX_BODY / 1_024)))?;
    request::context(&bytes)
}

fn json_free(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn tagged(mut response: Response, tag: &str) -> Response {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

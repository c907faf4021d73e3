//! Forward-auth: a proxy asks about each request before it passes it on, always with GET and without a body.
//!
//! What is asked about stands in headers (`X-Forwarded-Method`, `-Uri`, or `X-Original-Method`, `-URI`, `-URL`), never in our own address: Caddy
//! hangs the visitor's query on it. Where several of them are sent, a visitor may have sent one himself: the strictest reading counts. Without a
//! method nobody knows whether it is a write, so while writes are blocked it counts as one.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use qd_core::Result;

use super::{MODE, page as pages};
use crate::features::maintenance::state::{Asked, BYPASS_COOKIE, BYPASS_HEADER, Blocked, State, Verdict, reads, state};
use crate::web::{Ctx, problem_response};

const fn named(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

static METHODS: [HeaderName; 2] = [named("x-forwarded-method"), named("x-original-method")];
static PATHS: [HeaderName; 3] = [named("x-forwarded-uri"), named("x-original-uri"), named("x-original-url")];
static VENDOR: HeaderName = named("x-vendor-id");
/// Since when an answer is stale, for nginx.
const KEPT: HeaderName = named("x-accel-expires");

/// `GET /gate`: 204, or 503 with a page.
pub fn gate(ctx: &Ctx) -> Response {
    answer(ctx, |blocked| pages::blocked(StatusCode::SERVICE_UNAVAILABLE, blocked, ctx))
}

/// `GET /gate/nginx`: 204 or 403, for nginx takes everything else as a fault of ours.
pub fn nginx(ctx: &Ctx) -> Response {
    answer(ctx, |_| StatusCode::FORBIDDEN.into_response())
}

/// `GET /api/v1/maintenance/page`: what somebody reads whose write is blocked, as 200, for proxies that set the status themselves.
pub fn page(ctx: &Ctx) -> Response {
    let held = state(&ctx.app).map(|state| match state.verdict(&Asked { method: "POST", ..Asked::default() }, ctx.now) {
        Verdict::Blocked(blocked) => blocked,
        // It holds for some (vendors), or has ended since.
        Verdict::Pass => pages::some(&state, ctx.now),
    });
    held.map_or_else(|fault| failed(&fault), |blocked| told(pages::blocked(StatusCode::OK, &blocked, ctx), blocked.mode, Some(blocked.retry_after)))
}

fn answer(ctx: &Ctx, refuse: impl FnOnce(&Blocked) -> Response) -> Response {
    let decided = state(&ctx.app).map(|state| match decide(&state, ctx.headers(), ctx) {
        Verdict::Pass => told(StatusCode::NO_CONTENT.into_response(), state.mode(ctx.now), None),
        Verdict::Blocked(blocked) => told(refuse(&blocked), blocked.mode, Some(blocked.retry_after)),
    });
    decided.unwrap_or_else(|fault| failed(&fault))
}

/// The decision. Everything else is only looked at for a write, and a bypass only when it would be blocked: its signature costs more than all
/// the rest.
fn decide(state: &State, headers: &HeaderMap, ctx: &Ctx) -> Verdict {
    let methods = || METHODS.iter().flat_map(|name| texts(headers, name));
    let method = methods().find(|method| !reads(method)).or_else(|| methods().next()).unwrap_or_default();
    if reads(method) {
        return Verdict::Pass;
    }
    let vendor = headers.get(&VENDOR).and_then(|value| value.to_str().ok()).filter(|id| !id.is_empty());
    let asked = |path| Asked { method, path, vendor, bypassed: false };
    let mut paths = PATHS.iter().flat_map(|name| texts(headers, name)).map(path_of).peekable();
    let verdict = match paths.peek() {
        None => state.verdict(&asked(""), ctx.now),
        Some(_) => paths.map(|path| state.verdict(&asked(path), ctx.now)).find(|verdict| *verdict != Verdict::Pass).unwrap_or(Verdict::Pass),
    };
    if verdict == Verdict::Pass {
        return verdict;
    }
    let given = headers.get(BYPASS_HEADER).and_then(|value| value.to_str().ok()).or_else(|| ctx.cookie(BYPASS_COOKIE));
    match given {
        Some(token) if state.bypassed(token, ctx.now) => Verdict::Pass,
        _ => verdict,
    }
}

/// All values of a header; one that is no text stands as an empty one, which is on no list.
fn texts<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default())
}

/// The path of a whole URL, as the ingress controller of Kubernetes sends it.
fn path_of(text: &str) -> &str {
    match text.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        _ => text,
    }
}

/// What stands on every answer. `X-Accel-Expires` lets an nginx keep the answer for the time when we are away, and ask anew each time until then.
fn told(mut response: Response, mode: &'static str, retry_after: Option<i64>) -> Response {
    let headers = response.headers_mut();
    headers.insert(MODE, HeaderValue::from_static(mode));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(KEPT, HeaderValue::from_static("@1"));
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn failed(fault: &qd_core::Error) -> Response {
    problem_response(fault, "")
}

/// A result as an answer.
pub(super) fn response(result: Result<Response>) -> Response {
    result.unwrap_or_else(|fault| failed(&fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_whole_url_is_found() {
        for (text, path) in [
            ("https://shop.example/a?b=/c", "/a?b=/c"),
            ("https://shop.example", "/"),
            ("/a", "/a"),
            ("/x?u=http://y/z", "/x?u=http://y/z"),
            ("", ""),
        ] {
            assert_eq!(path_of(text), path);
        }
    }
}

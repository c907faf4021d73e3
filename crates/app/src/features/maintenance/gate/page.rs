//! What somebody reads whose write is blocked: a page for people, a problem document for programs.

use std::sync::LazyLock;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use qd_core::Timestamp;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::features::maintenance::state::{Blocked, State, retry_after};
use crate::ui::format;
use crate::web::Ctx;

/// The type of the problem.
const PROBLEM: &str = "urn:quarterdeck:error:maintenance";
/// Seconds until the next try when nothing is known to be blocked.
const SOON: i64 = 5;

const STYLE: &str = ":root{color-scheme:light dark}body{margin:0;min-height:100vh;display:grid;place-content:center;padding:24px;box-sizing:border-box;\
font:17px/1.5 system-ui,sans-serif;background:light-dark(#f4f7fa,#10182b);color:light-dark(#16213a,#e8edf6)}main{max-width:34rem}h1{font-size:1.5rem;line-height:1.25;\
margin:0 0 .5em}p{margin:0 0 .75em}";

/// The page brings its own style: the hash lets it through.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// What holds for some, where a write to no path in particular would pass.
pub fn some(state: &State, now: Timestamp) -> Blocked {
    let window = state.active().next();
    let ends_at = window.map_or(now, |window| window.scheduled_end);
    Blocked {
        mode: state.mode(now),
        retry_after: if window.is_some() { retry_after(ends_at, now) } else { SOON },
        ends_at,
        message: window.map_or_else(|| "The maintenance has just ended. Try again.".to_owned(), |window| window.text().to_owned()),
    }
}

/// The body in the shape that was asked for: browsers name `text/html`, programs get the document.
pub fn blocked(status: StatusCode, blocked: &Blocked, ctx: &Ctx) -> Response {
    let accept = ctx.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = if accept.to_ascii_lowercase().contains("text/html") {
        let mut response = (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page(blocked, ctx).into_string()).into_response();
        response.headers_mut().insert(HeaderName::from_static("content-security-policy"), POLICY.clone());
        response
    } else {
        let body = json!({
            "type": PROBLEM,
            "title": "Under maintenance",
            "status": StatusCode::SERVICE_UNAVAILABLE.as_u16(),
            "detail": blocked.message,
            "mode": blocked.mode,
            "retryAfterSeconds": blocked.retry_after,
            "endsAt": blocked.ends_at,
        });
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

fn page(blocked: &Blocked, ctx: &Ctx) -> Markup {
    let left = blocked.ends_at.since(ctx.now);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { "Under maintenance" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { "Under maintenance" }
                    p { (blocked.message) }
                    @if left > 0 { p { "It is planned to end at " (format::minute(blocked.ends_at)) " UTC, in " (format::duration(left)) "." } }
                    p { "What you just sent was not done, and nothing was changed. Go back and send it again later: most browsers keep what you typed." }
                }
            }
        }
    }
}

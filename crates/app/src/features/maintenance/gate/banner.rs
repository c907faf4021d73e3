//! The banner for visitors: a script for any page, and what it shows as JSON. Open to anybody: it is what everybody is told.

use std::sync::LazyLock;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::Event as Sse;
use axum::response::{IntoResponse, Response};
use qd_core::{Error, Result, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::http::response;
use super::state::tag;
use super::{MODE, Streams};
use crate::features::maintenance::state::{State, state};
use crate::features::maintenance::window::{Audience, Phase, Window};
use crate::web::{Ctx, changes, etag};

/// The script as it is sent.
static SCRIPT: LazyLock<String> = LazyLock::new(|| squeeze(include_str!("banner.js")));
/// Signs that need no space around them. The texts of our own script hold none of them with spaces.
const SIGNS: [&str; 14] = ["=", "=>", "==", "!=", "&&", "||", "+", "-", "*", "/", "<", ">", "?", ":"];
/// A page may go on with the script that it has for five minutes.
const SCRIPT_AGE: &str = "public, max-age=300";

/// Without indentation, and without spaces around signs.
fn squeeze(script: &str) -> String {
    let joined = script.lines().map(str::trim_start).collect::<Vec<_>>().join("\n");
    let loose = SIGNS.iter().fold(joined, |text, sign| text.replace(&format!(" {sign} "), sign));
    ["{ ", " }", ", ", "; ", ": ", ") {"].iter().fold(loose, |text, pair| text.replace(pair, &pair.replace(' ', "")))
}

/// What visitors are told.
#[derive(Debug, Serialize)]
struct Told {
    /// Published revision.
    revision: i64,
    /// The strongest first.
    windows: Vec<Notice>,
}

/// One window, for visitors.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Notice {
    id: Uuid,
    phase: Phase,
    starts_at: Timestamp,
    ends_at: Timestamp,
    message: String,
    audience: Audience,
}

impl Notice {
    fn of(window: &Window, now: Timestamp) -> Self {
        Self {
            id: window.id,
            phase: window.phase(now),
            starts_at: window.actual_start.unwrap_or(window.scheduled_start),
            ends_at: window.actual_end.unwrap_or(window.scheduled_end),
            message: window.text().to_owned(),
            audience: window.terms.audience,
        }
    }
}

/// Who looks, as the page says of them. It picks what concerns them; it guards nothing.
struct Looker {
    vendors: bool,
    admins: bool,
    vendor: Option<String>,
}

impl Looker {
    fn of(query: &str) -> Self {
        let given = |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let audience = given("audience").unwrap_or_default();
        let admins = audience == "admins";
        Self { admins, vendors: admins || audience == "vendors", vendor: given("vendor").filter(|id| !id.is_empty()) }
    }

    fn sees(&self, window: &Window) -> bool {
        let theirs = match window.terms.audience {
            Audience::All => true,
            Audience::Vendors => self.vendors,
            Audience::Admins => self.admins,
        };
        // A page that does not say which vendor looks shows what concerns some of them.
        let named = |held: &Vec<String>| self.vendor.as_ref().is_none_or(|own| held.contains(own));
        theirs && (self.admins || window.terms.vendors.as_ref().is_none_or(named))
    }
}

fn notices(state: &State, query: &str, now: Timestamp) -> Told {
    let looker = Looker::of(query);
    Told { revision: state.revision, windows: state.told(now).filter(|window| looker.sees(window)).map(|window| Notice::of(window, now)).collect() }
}

/// `GET /banner.js`
pub fn script(_: &Ctx) -> Response {
    let mut response =
        ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, SCRIPT_AGE)], SCRIPT.as_str()).into_response();
    open(&mut response);
    response
}

/// `GET /api/v1/maintenance/banner?audience=customers|vendors|admins&vendor=ID`: `no-cache` has browsers keep it and ask with its ETag by themselves,
/// without the question beforehand that a header of the page's own would cost.
pub fn told(ctx: &Ctx) -> Response {
    response(state(&ctx.app).and_then(|state| banner(ctx, &state)))
}

fn banner(ctx: &Ctx, state: &State) -> Result<Response> {
    let tag = tag(state, &ctx.app);
    let mut answer = match etag::matches(ctx.headers(), &tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => axum::Json(notices(state, ctx.query(), ctx.now)).into_response(),
    };
    let headers = answer.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_str(&tag).map_err(|fault| Error::Broken(fault.to_string()))?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(MODE, HeaderValue::from_static(state.mode(ctx.now)));
    open(&mut answer);
    Ok(answer)
}

/// `GET /api/v1/maintenance/banner/events`: a message with the revision whenever it moves; the page then asks for the banner.
pub fn events(ctx: &Ctx) -> Response {
    response(ctx.app.state::<Streams>().and_then(|streams| {
        let heard = ctx.header("last-event-id").and_then(|id| id.parse().ok()).unwrap_or_else(|| ctx.app.published.revision());
        let mut answer = changes(&ctx.app, &streams.banner, heard, |revision| Sse::default().data(revision.to_string()))?;
        open(&mut answer);
        Ok(answer)
    }))
}

/// Pages of any origin may read it.
fn open(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Date, ETag, Retry-After"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_small_and_makes_no_markup_from_text() {
        assert!(SCRIPT.len() < 3_000, "{} bytes", SCRIPT.len());
        for banned in ["innerHTML", "insertAdjacentHTML", "document.write", "eval(", "setAttribute(\"style\""] {
            assert!(!SCRIPT.contains(banned), "{banned}");
        }
    }
}

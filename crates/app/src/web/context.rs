//! What a handler gets, what a view may look at, and the two traits that features fill.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use futures::future::BoxFuture;
use maud::Markup;
use qd_core::gate::{Action, Actor, Client, Confirmation};
use qd_core::{App, Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::layers::RequestId;

/// No query and no body.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
pub struct Nothing {}

/// What a handler gets.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// The application.
    pub app: App,
    /// Who calls; the route's access has admitted them.
    pub actor: Actor,
    /// Reason, phrase and idempotency key, if the request carried any.
    pub confirmation: Confirmation,
    /// Now.
    pub now: Timestamp,
    pub(super) request: Arc<RequestInfo>,
}

/// The head of a request, from where it came, and its id. It is moved from hand to hand, never copied.
#[derive(Debug)]
pub(super) struct Head {
    pub parts: Parts,
    pub peer: Option<IpAddr>,
    /// As in log, audit and problem documents.
    pub id: String,
}

impl Head {
    /// Of a request that came through the layers of people.
    pub fn of(parts: Parts) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        Self { parts, peer, id }
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    pub fn path(&self) -> &str {
        self.parts.uri.path()
    }

    pub fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }

    pub fn is_get(&self) -> bool {
        self.parts.method == Method::GET
    }
}

/// Parameters of a path by name, decoded.
pub(super) type Params = Vec<(Arc<str>, String)>;

#[derive(Debug)]
pub(super) struct RequestInfo {
    pub head: Head,
    pub params: Params,
    pub json: bool,
    pub secure: bool,
}

impl Ctx {
    /// A parameter of the path.
    pub fn param(&self, name: &str) -> Result<&str> {
        let found = self.request.params.iter().find(|(own, _)| **own == *name).map(|(_, value)| value.as_str());
        if found.is_some_and(|text| text.contains('\0')) {
            return Err(Error::NotFound(name.to_owned()));
        }
        found.ok_or_else(|| Error::Broken(format!("the route has no parameter {name}")))
    }

    /// A parameter of the path that is a UUID; what is none does not exist.
    pub fn id(&self, name: &str) -> Result<Uuid> {
        let text = self.param(name)?;
        Uuid::parse_str(text).map_err(|_| Error::NotFound(format!("{name} {text}")))
    }

    /// The headers of the request.
    pub fn headers(&self) -> &HeaderMap {
        self.request.head.headers()
    }

    /// A header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// The version that `If-Match` names, for resources whose ETag is their version; `None` without the header and for `*`. Give
    /// [`Error::Outdated`] when the resource has another: the frame makes 412 of it.
    ///
    /// # Errors
    /// [`Error::Outdated`] for a tag that no version of ours can have: it matches nothing.
    pub fn if_match(&self) -> Result<Option<i64>> {
        let Some(text) = self.header("if-match").map(str::trim).filter(|text| *text != "*") else { return Ok(None) };
        // A proxy that compresses makes a tag weak; it still names the version.
        let tag = text.strip_prefix("W/").unwrap_or(text).trim_matches('"');
        tag.parse().map(Some).map_err(|_| Error::Outdated("If-Match names no version of this. Send the ETag that it was read with.".into()))
    }

    /// A cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        cookie(self.headers(), name)
    }

    /// Whether the browser's side of the connection is TLS.
    pub fn secure(&self) -> bool {
        self.request.secure
    }

    /// Path of the request.
    pub fn path(&self) -> &str {
        self.request.head.path()
    }

    /// Query string of the request, without the question mark.
    pub fn query(&self) -> &str {
        self.request.head.query()
    }

    /// Whether the answer will be JSON.
    pub fn wants_json(&self) -> bool {
        self.request.json
    }
}

/// A cookie of a request.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(axum::http::header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// What a view may look at.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Who looks.
    pub actor: &'a Actor,
    /// Now.
    pub now: Timestamp,
    /// Path of the request.
    pub path: &'a str,
    /// Query string of the request.
    pub query: &'a str,
    /// Whether htmx asked for a fragment.
    pub htmx: bool,
    /// The application, for the board and the configuration; views run no queries.
    pub app: &'a App,
}

impl Page<'_> {
    /// Whether the person may run an action: what they may not is not offered.
    pub fn may<A: Action>(&self) -> bool {
        A::WHO.admits(self.actor)
    }
}

/// What a request proves itself with.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The session cookie's value.
    pub cookie: Option<String>,
    /// The bearer token's text.
    pub bearer: Option<String>,
    /// Nobody is there: a live screen renews itself. It does not keep a session from idling out.
    pub unattended: bool,
}

/// Who is behind a request. Filled by the identity feature.
pub trait Sessions: Send + Sync {
    /// The actor: anonymous when nothing is given.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when what is given is unknown, expired or revoked.
    fn authenticate<'a>(&'a self, app: &'a App, given: Credentials, client: Client) -> BoxFuture<'a, Result<Actor>>;
}

/// What surrounds a page. Filled by the views.
pub trait Chrome: Send + Sync {
    /// The whole document around `content`.
    fn page(&self, page: &Page<'_>, title: &str, content: Markup, flash: Option<super::Toast>) -> Markup;
}

//! From the route table to a running site: two roads, and who calls.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{ConnectInfo, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use bytes::Bytes;
use http_body::Body as HttpBody;
use metrics_exporter_prometheus::PrometheusHandle;
use qd_core::gate::{Access, Actor, Client};
use qd_core::{App, Error, Result};
use serde_json::Value;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;
use tower_service::Service;

use super::context::{Head, Params, RequestInfo, cookie};
use super::events::Streams;
use super::layers::{self, RequestId};
use super::network::{Networks, caller, is_secure};
use super::own::Own;
use super::plane::DataPlane;
use super::problem::{document_response, json_response};
use super::routes::{Kind, Plane, RouteEntry, Routes};
use super::{Chrome, Credentials, Ctx, Problem, Sessions, openapi};

/// What the site is made of.
pub struct WebParts {
    /// The application.
    pub app: App,
    /// Who is behind a request.
    pub sessions: Arc<dyn Sessions>,
    /// What surrounds a page.
    pub chrome: Arc<dyn Chrome>,
    /// Our own figures.
    pub metrics: Option<PrometheusHandle>,
    /// Version of the program.
    pub version: &'static str,
}

/// Shared by all routes. Cheap to clone.
#[derive(Clone)]
pub struct Web {
    pub(super) app: App,
    pub(super) sessions: Arc<dyn Sessions>,
    pub(super) chrome: Arc<dyn Chrome>,
    pub(super) metrics: Option<PrometheusHandle>,
    trusted: Networks,
    admin: Networks,
    pub(super) streams: Streams,
    pub(super) document: Arc<Value>,
}

/// A token, for clients that can't send `Authorization`.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// A live screen asks by itself.
const LIVE: HeaderName = HeaderName::from_static("qd-live");
/// The trace that the request belongs to (W3C Trace Context).
const TRACE: HeaderName = HeaderName::from_static("traceparent");

/// Name of the session cookie under TLS.
const SECURE_COOKIE: &str = "__Host-qd_session";
/// …and on plain http, which is for loopback.
const PLAIN_COOKIE: &str = "qd_session";

/// The whole product on HTTP: applications go by a short road, people and everything else through the router. Cheap to clone.
#[derive(Clone)]
pub struct Site {
    applications: Arc<DataPlane>,
    people: Router,
}

/// What a request becomes.
pub enum Answering {
    /// It is there; nothing once it was taken.
    Now(Option<Response>),
    /// It comes.
    Later(Pin<Box<dyn Future<Output = std::result::Result<Response, Infallible>> + Send>>),
}

impl Future for Answering {
    type Output = std::result::Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Now(response) => response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response))),
            Self::Later(answer) => answer.as_mut().poll(context),
        }
    }
}

impl Site {
    /// Answers a request of `peer`.
    pub fn answer<B>(&self, peer: SocketAddr, mut request: axum::http::Request<B>) -> Answering
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        match self.applications.find(request.method(), request.uri().path()) {
            Some(found) => DataPlane::answer(&self.applications, found, peer.ip(), request),
            None => {
                request.extensions_mut().insert(ConnectInfo(peer));
                Answering::Later(Box::pin(self.people.clone().call(request)))
            }
        }
    }
}

/// The site of the whole product.
///
/// # Errors
/// [`Error::Invalid`] for networks or a public URL in the configuration that can't be read; [`Error::Broken`] for routes that contradict
/// each other.
pub fn site(parts: WebParts, routes: &Routes) -> Result<Site> {
    let server = &parts.app.config.server;
    let web = Web {
        trusted: Networks::parse("server.trusted_proxies", &server.trusted_proxies)?,
        admin: Networks::parse("server.admin_networks", &server.admin_networks)?,
        document: Arc::new(openapi::document(routes, parts.version)),
        metrics: parts.metrics,
        streams: Streams::default(),
        app: parts.app.clone(),
        sessions: parts.sessions,
        chrome: parts.chrome,
    };
    let mut csrf = CsrfLayer::new();
    let public = parts.app.config.server.public_url.trim_end_matches('/');
    if !public.is_empty() {
        csrf = csrf.add_trusted_origin(public).map_err(|fault| Error::invalid("server.public_url", fault.to_string()))?;
    }
    let Tables { data, assets, admin } = tables(routes);
    let admin = mount(admin).layer(csrf).layer(from_fn_with_state(web.clone(), admin_network));
    let people = admin.merge(mount(assets)).fallback(missing).layer(CompressionLayer::new()).layer(CatchPanicLayer::new());
    let people = people.layer(from_fn(layers::frame)).with_state(web.clone());
    Ok(Site { applications: Arc::new(DataPlane::new(web, data)?), people })
}

type Table = BTreeMap<String, MethodRouter<Web>>;

/// The routes of each kind of caller.
#[derive(Default)]
struct Tables {
    /// Applications and probes.
    data: Vec<Arc<RouteEntry>>,
    /// Style and script: anybody's.
    assets: Table,
    /// People, and clients of the admin API.
    admin: Table,
}

fn tables(routes: &Routes) -> Tables {
    let Tables { mut data, mut assets, mut admin } = Tables::default();
    for entry in routes.entries() {
        let entry = Arc::new(entry.clone());
        let api_plane = match (entry.plane, &entry.kind) {
            (_, Kind::Own(Own::Asset)) => &mut assets,
            (Plane::Data, _) => {
                data.push(entry);
                continue;
            }
            (Plane::Admin, _) => &mut admin,
        };
        if let Some(path) = &entry.api {
            let shape = if entry.is_raw() { Shape::Raw } else { Shape::Json };
            add(api_plane, path.clone(), &entry.method, shape, &entry);
        }
        if let Some(path) = entry.html {
            let method = if matches!(entry.kind, Kind::Page(_)) { Method::GET } else { Method::POST };
            add(&mut admin, path.into(), &method, Shape::Html, &entry);
            if matches!(&entry.kind, Kind::Action { dialog: Some(_), .. }) {
                add(&mut admin, path.into(), &Method::GET, Shape::Dialog, &entry);
            }
        }
    }
    Tables { data, assets, admin }
}

/// Which of the shapes a route answers in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Json,
    Html,
    Dialog,
    Raw,
}

fn add(table: &mut Table, path: String, method: &Method, shape: Shape, entry: &Arc<RouteEntry>) {
    let Ok(filter) = MethodFilter::try_from(method.clone()) else { return };
    let entry = Arc::clone(entry);
    let handler = move |State(web): State<Web>, params: RawPathParams, request: Request| {
        let entry = Arc::clone(&entry);
        async move { web.answer(&entry, shape, params_of(&params), request).await }
    };
    let current = table.remove(&path).unwrap_or_default();
    table.insert(path, current.merge(on(filter, handler)));
}

fn mount(table: Table) -> Router<Web> {
    let mut router = Router::new();
    for (path, methods) in table {
        router = router.route(&path, methods.fallback(not_allowed));
    }
    router
}

async fn missing(State(web): State<Web>, request: Request) -> Response {
    let head = Head::of(request.into_parts().0);
    let fault = Error::NotFound(format!("The page {}", head.path()));
    if head.path().starts_with("/api/") || !head.is_get() {
        return json_response(&fault, &head.id);
    }
    let actor = web.actor(&head).await.unwrap_or_else(|_| Actor::anonymous(Client::default()));
    let asked = web.asked(head, Params::new(), false);
    web.error_page(&web.context(&asked, actor), &fault, &asked.head.id)
}

async fn not_allowed(request: Request) -> Response {
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    wrong_method(request.method(), &id)
}

/// The answer to a method that a path does not know.
pub(super) fn wrong_method(method: &Method, id: &str) -> Response {
    let detail = format!("{method} is not possible here.");
    document_response(&Problem::plain(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail, id))
}

/// Keeps the admin side to the configured networks.
async fn admin_network(State(web): State<Web>, request: Request, next: axum::middleware::Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let inside = peer.is_some_and(|peer| web.admin.contains(caller(peer, request.headers(), &web.trusted)));
    if web.admin.is_empty() || inside {
        return next.run(request).await;
    }
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    json_response(&Error::Forbidden("The admin side is not open to your network.".into()), &id)
}

/// What a request proves itself with. Under TLS only the `__Host-` cookie counts: a sibling domain can plant the other one.
fn credentials(headers: &HeaderMap, secure: bool) -> Credentials {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let key = headers.get(API_KEY).and_then(|value| value.to_str().ok());
    let name = if secure { SECURE_COOKIE } else { PLAIN_COOKIE };
    let unattended = headers.contains_key(LIVE);
    let bearer = bearer.map(|(_, token)| token.trim()).or(key).map(str::to_owned);
    Credentials { cookie: cookie(headers, name).map(str::to_owned), bearer, unattended }
}

impl Web {
    /// Who calls.
    pub(super) async fn actor(&self, head: &Head) -> Result<Actor> {
        self.sessions.authenticate(&self.app, self.credentials(head), self.client(head)).await
    }

    /// What the request proves itself with.
    pub(super) fn credentials(&self, head: &Head) -> Credentials {
        let given = credentials(head.headers(), self.is_tls(head));
        // A stream is opened again by the browser, whoever sits before it.
        Credentials { unattended: head.is_get() && (given.unattended || head.path() == "/events"), ..given }
    }

    /// Whether the browser's side is TLS: said by a trusted proxy, or by the public URL.
    fn is_tls(&self, head: &Head) -> bool {
        let forwarded = head.peer.is_some_and(|peer| is_secure(peer, head.headers(), &self.trusted));
        forwarded || self.app.config.server.public_url.starts_with("https://")
    }

    /// Who calls, if they may; else why not, and who it was if that is known.
    pub(super) async fn enter(&self, head: &Head, access: Access) -> std::result::Result<Actor, (Error, Option<Actor>)> {
        let actor = match self.actor(head).await {
            // A stale cookie must not lock anybody out of a public page such as sign-in.
            Err(Error::Unauthenticated(_)) if access == Access::Anyone => Actor::anonymous(self.client(head)),
            other => other.map_err(|fault| (fault, None))?,
        };
        match access.admits(&actor) {
            true => Ok(actor),
            false if actor.is_anonymous() => Err((Error::Unauthenticated("Sign in, or send a token.".into()), None)),
            false => Err((Error::Forbidden(qd_core::gate::refusal(access, &actor)), Some(actor))),
        }
    }

    fn client(&self, head: &Head) -> Client {
        let text = |name: HeaderName| head.headers().get(name).and_then(|value| value.to_str().ok());
        Client {
            ip: head.peer.map(|peer| caller(peer, head.headers(), &self.trusted).to_string()),
            user_agent: text(header::USER_AGENT).map(|agent| agent.chars().take(300).collect()),
            request_id: Some(head.id.clone()),
            trace_id: text(TRACE).and_then(|line| line.split('-').nth(1)).filter(|id| id.len() == 32).map(str::to_owned),
        }
    }

    /// What a handler may look at of a request.
    pub(super) fn asked(&self, head: Head, params: Params, json: bool) -> Arc<RequestInfo> {
        let secure = self.is_tls(&head);
        Arc::new(RequestInfo { head, params, json, secure })
    }

    pub(super) fn context(&self, asked: &Arc<RequestInfo>, actor: Actor) -> Ctx {
        Ctx { app: self.app.clone(), actor, confirmation: Default::default(), now: self.app.now(), request: Arc::clone(asked) }
    }

    pub(super) fn is_htmx(parts: &HeaderMap) -> bool {
        parts.get("hx-request") == Some(&HeaderValue::from_static("true"))
    }
}

fn params_of(raw: &RawPathParams) -> Params {
    raw.iter().map(|(name, value)| (name.into(), value.to_owned())).collect()
}

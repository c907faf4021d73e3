//! The road of applications: from the table straight to the handler. The router that people go through makes boxes, copies and maps for every
//! request; for what is asked many times a second they cost more than the answer.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use axum::response::Response;
use percent_encoding::percent_decode_str;
use qd_core::{Error, Result};

use super::context::{Head, Params, RequestInfo};
use super::layers::{id_for, light, light_now};
use super::problem::{Problem, document_response};
use super::routes::{Kind, RouteEntry};
use super::serve::{Answering, Web, wrong_method};

/// The routes of the data plane, ready to be found.
pub(super) struct DataPlane {
    web: Web,
    paths: matchit::Router<Place>,
}

/// What stands at a path.
#[derive(Default)]
struct Place {
    /// Names of its parameters, in their order.
    names: Vec<Arc<str>>,
    methods: Vec<(Method, Arc<RouteEntry>)>,
    /// For `Allow`.
    allowed: String,
}

/// What a request is for.
pub(super) enum Found {
    /// A route, and the parameters of its path.
    Route(Arc<RouteEntry>, Params),
    /// The path knows only these other methods.
    Method(HeaderValue),
    /// This parameter is no text.
    NoText(Arc<str>),
}

impl Place {
    fn add(&mut self, entry: Arc<RouteEntry>) {
        let methods: &[&str] = if entry.method == Method::GET { &["GET", "HEAD"] } else { &[entry.method.as_str()] };
        for method in methods {
            self.allowed = if self.allowed.is_empty() { (*method).to_owned() } else { format!("{},{method}", self.allowed) };
        }
        self.methods.push((entry.method.clone(), entry));
    }

    fn of(&self, method: &Method) -> Option<&Arc<RouteEntry>> {
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        self.methods.iter().find(|(own, _)| own == wanted).map(|(_, entry)| entry)
    }
}

/// The names between braces of a path such as `/gate/{*rest}`.
fn names(path: &str) -> Vec<Arc<str>> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| Arc::from(name.trim_start_matches('*'))).collect()
}

impl DataPlane {
    /// From its routes.
    ///
    /// # Errors
    /// [`Error::Broken`] for paths that contradict each other.
    pub fn new(web: Web, routes: Vec<Arc<RouteEntry>>) -> Result<Self> {
        let mut places: std::collections::BTreeMap<String, Place> = std::collections::BTreeMap::new();
        for entry in routes {
            let Some(path) = entry.api.clone() else { continue };
            let place = places.entry(path.clone()).or_insert_with(|| Place { names: names(&path), ..Place::default() });
            place.add(entry);
        }
        let mut paths = matchit::Router::new();
        for (path, place) in places {
            paths.insert(path, place).map_err(|fault| Error::Broken(fault.to_string()))?;
        }
        Ok(Self { web, paths })
    }

    /// What a request is for; `None` for what is not of this plane.
    pub fn find(&self, method: &Method, path: &str) -> Option<Found> {
        let found = self.paths.at(path).ok()?;
        let place = found.value;
        let Some(entry) = place.of(method) else {
            return Some(Found::Method(HeaderValue::from_str(&place.allowed).unwrap_or(HeaderValue::from_static("GET"))));
        };
        let mut params = Params::with_capacity(place.names.len());
        for (name, (_, value)) in place.names.iter().zip(found.params.iter()) {
            match percent_decode_str(value).decode_utf8() {
                Ok(text) => params.push((Arc::clone(name), text.into_owned())),
                Err(_) => return Some(Found::NoText(Arc::clone(name))),
            }
        }
        Some(Found::Route(Arc::clone(entry), params))
    }

    /// Answers a request for what was found.
    pub fn answer<B>(plane: &Arc<Self>, found: Found, peer: IpAddr, request: Request<B>) -> Answering
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        let id = id_for(&parts.headers);
        let (entry, params) = match found {
            Found::Route(entry, params) => (entry, params),
            Found::Method(allowed) => {
                let mut response = light_now(|| wrong_method(&parts.method, &id), &id);
                response.headers_mut().insert(header::ALLOW, allowed);
                return now(&parts.method, response);
            }
            Found::NoText(name) => {
                let detail = format!("{name} in the address is not UTF-8.");
                let response = light_now(|| document_response(&Problem::plain(StatusCode::BAD_REQUEST, "invalid", detail, &id)), &id);
                return now(&parts.method, response);
            }
        };
        let asked = plane.web.asked(Head { parts, peer: Some(peer), id }, params, true);
        let head = &asked.head;
        match &entry.kind {
            Kind::Blind(handler) => now(&head.parts.method, light_now(|| plane.web.blind(handler, &asked), &head.id)),
            _ => Answering::Later(Box::pin(later(Arc::clone(plane), entry, asked, Body::new(body)))),
        }
    }
}

async fn later(plane: Arc<DataPlane>, entry: Arc<RouteEntry>, asked: Arc<RequestInfo>, body: Body) -> std::result::Result<Response, Infallible> {
    let response = light(pin!(plane.web.plain(&entry, &asked, body)), &asked.head.id).await;
    Ok(finished(&asked.head.parts.method, response))
}

fn now(method: &Method, response: Response) -> Answering {
    Answering::Now(Some(finished(method, response)))
}

/// The answer to HEAD is that to GET without its body, with its length.
fn finished(method: &Method, mut response: Response) -> Response {
    if *method == Method::HEAD {
        if let Some(length) = response.body().size_hint().exact() {
            response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(length));
        }
        *response.body_mut() = Body::empty();
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<A, B, C, D, F>(_: impl Fn(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    /// It was 100 kB once, with everything in it that a refusal may do to the database: copying it cost more than the answer.
    #[test]
    fn the_future_of_a_request_is_small() {
        assert!(size(later) <= 1_024, "{} bytes", size(later));
    }

    #[test]
    fn names_are_read_from_a_path() {
        let read = |path| names(path).iter().map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!((read("/livez"), read("/a/{key}"), read("/a/{key}/b/{*rest}")), (vec![], vec!["key".into()], vec!["key".into(), "rest".into()]));
    }
}

//! Refusing writes during a maintenance, in front of any HTTP service.

mod answer;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::Body;
use http_body_util::{Either, Full};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::maintenance::{Blocked, Maintenance};

/// Header with the mode, on every answer: pages can disable their buttons before anybody types.
const MODE: HeaderName = HeaderName::from_static("x-maintenance-mode");

/// The vendor that a request was authenticated as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorId(pub String);

type Page = Arc<dyn Fn(&Blocked) -> String + Send + Sync>;

/// Answers writes with 503 while the maintenance state says so, and puts `X-Maintenance-Mode` on every answer.
///
/// `GET`, `HEAD` and `OPTIONS` pass. Lay it around the outermost router: a nested one sees only the rest of the path. Whoever authenticates must
/// stand outside of it, so that `vendor` can tell whose request it is.
#[derive(Clone)]
pub struct MaintenanceLayer<V> {
    maintenance: Maintenance,
    vendor: V,
    page: Option<Page>,
}

impl<V> fmt::Debug for MaintenanceLayer<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaintenanceLayer").field("maintenance", &self.maintenance).finish_non_exhaustive()
    }
}

impl<V> MaintenanceLayer<V> {
    /// With how to find out which vendor asks: `|request: &http::Request<_>| -> Option<VendorId>`, from what an outer layer proved, never from
    /// the path. `|_| None` for an application without vendors.
    pub fn new(maintenance: Maintenance, vendor: V) -> Self {
        Self { maintenance, vendor, page: None }
    }

    /// With an HTML page of the application's own for people. It is sent as it is.
    #[must_use]
    pub fn page(mut self, page: impl Fn(&Blocked) -> String + Send + Sync + 'static) -> Self {
        self.page = Some(Arc::new(page));
        self
    }
}

impl<S, V: Clone> Layer<S> for MaintenanceLayer<V> {
    type Service = MaintenanceService<S, V>;

    fn layer(&self, inner: S) -> Self::Service {
        MaintenanceService { inner, layer: self.clone() }
    }
}

/// What [`MaintenanceLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct MaintenanceService<S, V> {
    inner: S,
    layer: MaintenanceLayer<V>,
}

impl<S, V, B, R> Service<Request<B>> for MaintenanceService<S, V>
where
    S: Service<Request<B>, Response = Response<R>>,
    V: Fn(&Request<B>) -> Option<VendorId>,
    R: Body<Data = Bytes>,
{
    type Response = Response<Either<R, Full<Bytes>>>;
    type Error = S::Error;
    type Future = Passage<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let MaintenanceLayer { maintenance, vendor, page } = &self.layer;
        let known = maintenance.now();
        let vendor = vendor(&request);
        let ticket = ticket(request.headers(), &known.state.bypass.header, &known.state.bypass.cookie);
        let vendor = vendor.as_ref().map(|VendorId(id)| id.as_str());
        match maintenance.blocked(request.method(), request.uri().path(), vendor, ticket) {
            Some(blocked) => Passage::Refused { answer: Some(answer::refuse(&blocked, request.headers(), page.as_deref())) },
            None => Passage::Passed { inner: self.inner.call(request), mode: word(&known.state.mode) },
        }
    }
}

fn word(mode: &str) -> HeaderValue {
    HeaderValue::from_str(mode).unwrap_or(HeaderValue::from_static("unknown"))
}

/// The bypass token of a request: its header, else its cookie.
fn ticket<'r>(headers: &'r HeaderMap, header: &str, cookie: &str) -> Option<&'r str> {
    if let Some(value) = headers.get(header) {
        return value.to_str().ok().map(str::trim);
    }
    let lines = headers.get_all(http::header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(cookie)?.strip_prefix('='))
}

pin_project! {
    /// The answer to come, of the application or of the layer.
    #[project = Step]
    #[derive(Debug)]
    pub enum Passage<F> {
        /// The application's.
        Passed {
            #[pin]
            inner: F,
            mode: HeaderValue,
        },
        /// The layer's.
        Refused {
            answer: Option<Response<Bytes>>,
        },
    }
}

impl<F, R, E> Future for Passage<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<Either<R, Full<Bytes>>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Step::Passed { inner, mode } => {
                let mut answer = ready!(inner.poll(cx))?.map(Either::Left);
                answer.headers_mut().insert(MODE, mode.clone());
                Poll::Ready(Ok(answer))
            }
            Step::Refused { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer.map(|body| Either::Right(Full::new(body))))),
                // Asked again after it was ready, which nobody may do.
                None => Poll::Pending,
            },
        }
    }
}

//! The route table. Nothing registers without saying who may enter, and the documentation comes from the same lines.

use std::future::Future;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Method;
use axum::response::Response;
use futures::FutureExt;
use futures::future::BoxFuture;
use qd_core::Result;
use qd_core::gate::{Access, Action, ActionInfo};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::confirm::{Dialog, Form};
use super::input::Input;
use super::openapi::SchemaOf;
use super::own::Own;
use super::reply::{Erased, Reply, View};
use super::{Ctx, Nothing};

/// Prefix of the admin API.
pub const API: &str = "/api/admin/ops";

/// Where a route lives: for people, and under [`API`] for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub(super) html: &'static str,
    pub(super) api: &'static str,
    pub(super) method: Method,
}

impl Place {
    /// Two paths: for people, and under [`API`].
    pub fn new(html: &'static str, api: &'static str) -> Self {
        Self { html, api, method: Method::POST }
    }

    /// The method of the JSON side of an action, where it is not POST.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }
}

impl From<&'static str> for Place {
    fn from(path: &'static str) -> Self {
        Self::new(path, path)
    }
}

pub(super) type Handle = Arc<dyn Fn(Ctx, Input) -> BoxFuture<'static, Result<Reply<Box<dyn Erased>>>> + Send + Sync>;
pub(super) type Describe = Arc<dyn Fn(Ctx, Form) -> BoxFuture<'static, Result<Dialog>> + Send + Sync>;
pub(super) type Raw = Arc<dyn Fn(Ctx, Body) -> BoxFuture<'static, Response> + Send + Sync>;
pub(super) type Blind = Arc<dyn Fn(&Ctx) -> Response + Send + Sync>;

/// Who a route is for: applications, or people who operate. The admin plane can be kept to networks, and is guarded against other sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// Ingest, probes, assets.
    Data,
    /// Pages and the admin API.
    Admin,
}

/// What stands behind a route.
#[derive(Clone)]
pub(super) enum Kind {
    Page(Handle),
    Action {
        handle: Handle,
        dialog: Option<Describe>,
    },
    Raw(Raw),
    /// As `Raw`, and nobody asks who calls; it answers at once.
    Blind(Blind),
    Own(Own),
}

/// One line of the table.
#[derive(Clone)]
pub struct RouteEntry {
    /// Path for people, if any.
    pub html: Option<&'static str>,
    /// Full path for clients, if any.
    pub api: Option<String>,
    /// Method for clients.
    pub method: Method,
    /// Who may enter.
    pub access: Access,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// The action behind it, if it changes something.
    pub action: Option<ActionInfo>,
    /// Who it is for.
    pub plane: Plane,
    pub(super) input: Option<SchemaOf>,
    pub(super) output: Option<SchemaOf>,
    pub(super) kind: Kind,
}

impl RouteEntry {
    /// Whether `GET` of the HTML path shows something (a page, or the dialog of an action).
    pub fn has_page(&self) -> bool {
        self.html.is_some() && matches!(&self.kind, Kind::Page(_) | Kind::Action { dialog: Some(_), .. })
    }

    /// Whether it is outside of the three shapes.
    pub fn is_raw(&self) -> bool {
        matches!(self.kind, Kind::Raw(_) | Kind::Blind(_) | Kind::Own(_))
    }
}

/// The table under construction.
#[derive(Clone, Default)]
pub struct Routes(pub(super) Vec<RouteEntry>);

impl Routes {
    /// A page: `GET path` as HTML, `GET /api/admin/ops{path}` as JSON.
    #[must_use]
    pub fn page<Q, V, F, Fut>(self, path: &'static str, access: Access, summary: &'static str, handler: F) -> Self
    where
        Q: DeserializeOwned + ToSchema + Send + 'static,
        V: Serialize + ToSchema + View + Send + 'static,
        F: Fn(Ctx, Q) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply<V>>> + Send + 'static,
    {
        self.page_at(path.into(), access, summary, handler)
    }

    /// A page whose JSON path differs.
    #[must_use]
    pub fn page_at<Q, V, F, Fut>(mut self, place: Place, access: Access, summary: &'static str, handler: F) -> Self
    where
        Q: DeserializeOwned + ToSchema + Send + 'static,
        V: Serialize + ToSchema + View + Send + 'static,
        F: Fn(Ctx, Q) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply<V>>> + Send + 'static,
    {
        self.0.push(RouteEntry {
            html: Some(place.html),
            api: Some(format!("{API}{}", place.api)),
            method: Method::GET,
            access,
            summary,
            action: None,
            plane: Plane::Admin,
            input: Some(SchemaOf::of::<Q>()),
            output: Some(SchemaOf::of::<V>()),
            kind: Kind::Page(erase(handler)),
        });
        self
    }

    /// An action with its confirm dialog: `GET path` shows it, `POST path` and the JSON side run it. The action says who may.
    #[must_use]
    pub fn action<A, B, V, D, DFut, F, Fut>(self, place: impl Into<Place>, summary: &'static str, dialog: D, handler: F) -> Self
    where
        A: Action,
        B: DeserializeOwned + ToSchema + Send + 'static,
        V: Serialize + ToSchema + View + Send + 'static,
        D: Fn(Ctx, Form) -> DFut + Send + Sync + 'static,
        DFut: Future<Output = Result<Dialog>> + Send + 'static,
        F: Fn(Ctx, B) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply<V>>> + Send + 'static,
    {
        let describe: Describe = Arc::new(move |ctx, form| dialog(ctx, form).boxed());
        self.push_action::<A, B, V>(place.into(), summary, erase(handler), Some(describe))
    }

    /// A routine action behind a plain form or button: no dialog.
    #[must_use]
    pub fn act<A, B, V, F, Fut>(self, place: impl Into<Place>, summary: &'static str, handler: F) -> Self
    where
        A: Action,
        B: DeserializeOwned + ToSchema + Send + 'static,
        V: Serialize + ToSchema + View + Send + 'static,
        F: Fn(Ctx, B) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply<V>>> + Send + 'static,
    {
        self.push_action::<A, B, V>(place.into(), summary, erase(handler), None)
    }

    /// A form that changes nothing that an operator owns (signing in, verifying, measuring again): `POST` in both shapes, no action.
    #[must_use]
    pub fn form<B, V, F, Fut>(mut self, place: impl Into<Place>, access: Access, summary: &'static str, handler: F) -> Self
    where
        B: DeserializeOwned + ToSchema + Send + 'static,
        V: Serialize + ToSchema + View + Send + 'static,
        F: Fn(Ctx, B) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply<V>>> + Send + 'static,
    {
        let place = place.into();
        self.0.push(RouteEntry {
            html: Some(place.html),
            api: Some(format!("{API}{}", place.api)),
            method: place.method,
            access,
            summary,
            action: None,
            plane: Plane::Admin,
            input: Some(SchemaOf::of::<B>()),
            output: Some(SchemaOf::of::<V>()),
            kind: Kind::Action { handle: erase(handler), dialog: None },
        });
        self
    }

    /// The data plane: a handler that reads the body and writes the response by itself.
    #[must_use]
    pub fn raw<F, Fut>(self, method: Method, path: &'static str, access: Access, summary: &'static str, handler: F) -> Self
    where
        F: Fn(Ctx, Body) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Response> + Send + 'static,
    {
        self.push_plain(method, path, access, summary, Kind::Raw(Arc::new(move |ctx, body| handler(ctx, body).boxed())))
    }

    /// The data plane for anybody, without a look at who calls: credentials that come along are meant for somebody else (a visitor's, in the
    /// questions of a proxy), and must cost no lookup. It answers from memory, without a body and without waiting.
    #[must_use]
    pub fn blind<F>(self, method: Method, path: &'static str, summary: &'static str, handler: F) -> Self
    where
        F: Fn(&Ctx) -> Response + Send + Sync + 'static,
    {
        self.push_plain(method, path, Access::Anyone, summary, Kind::Blind(Arc::new(handler)))
    }

    fn push_plain(mut self, method: Method, path: &'static str, access: Access, summary: &'static str, kind: Kind) -> Self {
        // A download below the admin API, and the start page, are for people.
        let plane = if path == "/" || path.starts_with(API) { Plane::Admin } else { Plane::Data };
        self.0.push(RouteEntry {
            html: None,
            api: Some(path.to_owned()),
            method,
            access,
            summary,
            action: None,
            plane,
            input: Some(SchemaOf::of::<Nothing>()),
            output: None,
            kind,
        });
        self
    }

    /// The finished table.
    pub fn entries(&self) -> &[RouteEntry] {
        &self.0
    }

    fn push_action<A, B, V>(mut self, place: Place, summary: &'static str, handle: Handle, dialog: Option<Describe>) -> Self
    where
        A: Action,
        B: ToSchema,
        V: ToSchema,
    {
        self.0.push(RouteEntry {
            html: Some(place.html),
            api: Some(format!("{API}{}", place.api)),
            method: place.method,
            access: A::WHO,
            summary,
            action: Some(ActionInfo::of::<A>()),
            plane: Plane::Admin,
            input: Some(SchemaOf::of::<B>()),
            output: Some(SchemaOf::of::<V>()),
            kind: Kind::Action { handle, dialog },
        });
        self
    }
}

fn erase<Q, V, F, Fut>(handler: F) -> Handle
where
    Q: DeserializeOwned + Send + 'static,
    V: Serialize + View + Send + 'static,
    F: Fn(Ctx, Q) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Reply<V>>> + Send + 'static,
{
    let handler = Arc::new(handler);
    Arc::new(move |ctx, input| {
        let handler = Arc::clone(&handler);
        async move { Ok(handler(ctx, input.decode::<Q>()?).await?.erase()) }.boxed()
    })
}

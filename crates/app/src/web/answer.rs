//! One request, from admission to its shape.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use qd_core::gate::{Actor, Client, Target};
use qd_core::{Error, Result};
use uuid::Uuid;

use super::body::read_limited;
use super::confirm::Form;
use super::context::{Head, Params, RequestInfo};
use super::document::{document, error_response, html_response};
use super::input::Input;
use super::problem::{Problem, document_response, json_response, status_of};
use super::reply::{Erased, Reply, Toast};
use super::routes::{Blind, Describe, Handle, Kind, RouteEntry};
use super::serve::{Shape, Web};
use super::{Ctx, Page, flash};

/// Largest body of an admin request.
const MAX_BODY: usize = 1024 * 1024;

impl Web {
    /// Answers one request of the router.
    pub(super) async fn answer(&self, entry: &RouteEntry, shape: Shape, params: Params, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let asked = self.asked(Head::of(parts), params, matches!(shape, Shape::Json | Shape::Raw));
        if shape == Shape::Raw {
            return self.plain(entry, &asked, body).await;
        }
        let (head, id) = (&asked.head, asked.head.id.as_str());
        let actor = match self.enter(head, entry.access).await {
            Ok(actor) => actor,
            Err((fault, actor)) => return Box::pin(self.refused(entry, &asked, fault, actor)).await,
        };
        let mut ctx = self.context(&asked, actor);
        let input = match self.input(head, body, shape).await {
            Ok(input) => input,
            Err(fault) => return self.failed(&ctx, &fault, id),
        };
        match input.confirmation(head.headers()) {
            Ok(given) if !head.is_get() => ctx.confirmation = given,
            Ok(_) => {}
            Err(fault) => return self.failed(&ctx, &fault, id),
        }
        match (&entry.kind, shape) {
            (Kind::Action { dialog: Some(describe), .. }, Shape::Dialog) => self.dialog(ctx, describe, input, None, id).await,
            (Kind::Action { handle, dialog }, _) => self.act(ctx, handle, dialog.as_ref(), input, id).await,
            (Kind::Page(handle), _) => self.show(ctx, handle, input, id).await,
            (Kind::Raw(_) | Kind::Blind(_) | Kind::Own(_), _) => self.failed(&ctx, &Error::Broken("answered above".into()), id),
        }
    }

    /// Answers a request of a route that writes its answer by itself, on both planes. What is rare or slow is boxed, so that the future is
    /// small: it is made and moved for every request.
    pub(super) async fn plain(&self, entry: &RouteEntry, asked: &Arc<RequestInfo>, body: Body) -> Response {
        if let Kind::Blind(handler) = &entry.kind {
            return self.blind(handler, asked);
        }
        let ctx = match self.enter(&asked.head, entry.access).await {
            Ok(actor) => self.context(asked, actor),
            Err((fault, actor)) => return Box::pin(self.refused(entry, asked, fault, actor)).await,
        };
        match &entry.kind {
            Kind::Raw(handler) => handler(ctx, body).await,
            Kind::Own(own) => Box::pin(self.own(*own, &ctx)).await,
            _ => self.failed(&ctx, &Error::Broken("not plain".into()), &asked.head.id),
        }
    }

    /// Answers a request that nobody is asked for.
    pub(super) fn blind(&self, handler: &Blind, asked: &Arc<RequestInfo>) -> Response {
        handler(&self.context(asked, Actor::anonymous(Client::default())))
    }

    async fn input(&self, head: &Head, body: Body, shape: Shape) -> Result<Input> {
        let query = head.query();
        if head.is_get() || shape == Shape::Dialog {
            return Ok(Input::of_query(query));
        }
        Input::of_body(head.headers(), query, read_limited(body, MAX_BODY).await?)
    }

    /// Somebody who may not. A known actor that tried an action is recorded; looking at its dialog is no try, and anonymous callers could fill
    /// the trail.
    async fn refused(&self, entry: &RouteEntry, asked: &Arc<RequestInfo>, fault: Error, actor: Option<Actor>) -> Response {
        let head = &asked.head;
        if let (Some(action), Some(actor), false) = (entry.action, &actor, head.is_get()) {
            let target = Target::new("route", head.path());
            if let Err(fault) = self.app.gate.refuse(actor, action, target, &fault).await {
                tracing::error!(%fault, "refusal not recorded");
            }
        }
        if asked.json {
            return json_response(&fault, &head.id);
        }
        if matches!(fault, Error::Unauthenticated(_)) {
            return to_sign_in(head);
        }
        let actor = actor.unwrap_or_else(|| Actor::anonymous(Client::default()));
        self.failed(&self.context(asked, actor), &fault, &head.id)
    }

    fn failed(&self, ctx: &Ctx, fault: &Error, id: &str) -> Response {
        if ctx.wants_json() { json_response(fault, id) } else { self.error_page(ctx, fault, id) }
    }

    pub(super) fn error_page(&self, ctx: &Ctx, fault: &Error, id: &str) -> Response {
        error_response(self.chrome.as_ref(), &page_of(ctx), fault, id)
    }

    /// A page, or its JSON.
    async fn show(&self, ctx: Ctx, handle: &Handle, input: Input, id: &str) -> Response {
        match handle(ctx.clone(), input).await {
            Err(fault) => self.failed(&ctx, &fault, id),
            Ok(reply) if ctx.wants_json() => json_reply(&reply, id),
            Ok(reply) => self.html_reply(&ctx, reply),
        }
    }

    fn html_reply(&self, ctx: &Ctx, reply: Reply<Box<dyn Erased>>) -> Response {
        let page = page_of(ctx);
        let content = reply.value.body(&page);
        let flash = flash::read(ctx);
        let spent = flash.is_some();
        let body = if reply.bare { content } else { document(self.chrome.as_ref(), &page, &reply.value.title(), content, flash) };
        let status = if reply.status.is_client_error() { reply.status } else { StatusCode::OK };
        let mut response = html_response(status, body);
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("hx-request"));
        cookies(&mut response, &reply.cookies);
        if spent {
            cookies(&mut response, &[flash::clear()]);
        }
        response
    }

    /// The confirm dialog: first shown, or back after a failed try.
    async fn dialog(&self, ctx: Ctx, describe: &Describe, input: Input, fault: Option<&Error>, id: &str) -> Response {
        let mut values = input.pairs();
        if fault.is_none() {
            // A link may fill in an action's own fields, never what confirms it.
            values.retain(|(name, _)| !["reason", "phrase", "idempotency_key", "preview_digest"].contains(&name.as_str()));
        }
        let form = Form::new(values, fault);
        let dialog = match describe(ctx.clone(), form.clone()).await {
            Ok(dialog) => dialog,
            Err(other) => return self.failed(&ctx, fault.unwrap_or(&other), id),
        };
        if ctx.wants_json() {
            return axum::Json(dialog.describe()).into_response();
        }
        let page = page_of(&ctx);
        let typed = form.value("idempotency_key");
        // After a failure the key stays: the same try may be sent again. A conflict needs a new one.
        let key = if typed.is_empty() || matches!(fault, Some(Error::Conflict(_) | Error::Outdated(_))) {
            Uuid::now_v7().to_string()
        } else {
            typed.to_owned()
        };
        let content = dialog.draw(&page, &form, key);
        let body = if page.htmx { content } else { document(self.chrome.as_ref(), &page, "Confirm", content, None) };
        html_response(fault.map_or(StatusCode::OK, status_of), body)
    }

    /// An action or a form: runs it and says what became of it.
    async fn act(&self, ctx: Ctx, handle: &Handle, dialog: Option<&Describe>, input: Input, id: &str) -> Response {
        match handle(ctx.clone(), input.clone()).await {
            Ok(reply) if ctx.wants_json() => json_reply(&reply, id),
            Ok(reply) => self.after(&ctx, reply),
            Err(fault) if ctx.wants_json() => json_fault(&ctx, &fault, id),
            Err(fault) => match dialog {
                Some(describe) => self.dialog(ctx, describe, input, Some(&fault), id).await,
                None => self.failed_form(&ctx, &fault, id),
            },
        }
    }

    /// A failed plain form: htmx gets a toast that names what did not happen, others the error page.
    fn failed_form(&self, ctx: &Ctx, fault: &Error, id: &str) -> Response {
        let mut response = self.error_page(ctx, fault, id);
        if page_of(ctx).htmx {
            let text = super::problem::public_detail(fault);
            let toast = crate::ui::toast::Toast::new(qd_core::reading::Status::Crit, "Not done", text);
            trigger(&mut response, &toast.trigger());
        }
        response
    }

    /// Where people are after a change.
    fn after(&self, ctx: &Ctx, mut reply: Reply<Box<dyn Erased>>) -> Response {
        let toast = reply.toast.take().map(|toast| Toast { audit_seq: toast.audit_seq.or(reply.audit_seq), ..toast });
        let Some(go) = reply.go.take() else { return self.in_place(ctx, reply, toast) };
        let htmx = page_of(ctx).htmx;
        let mut response = if htmx {
            let place = serde_json::json!({ "path": go, "target": "#main" }).to_string();
            (StatusCode::OK, [("hx-location", place)]).into_response()
        } else {
            (StatusCode::SEE_OTHER, [(header::LOCATION, go)]).into_response()
        };
        match toast {
            Some(toast) if htmx => trigger(&mut response, &flash::toast(&toast).trigger()),
            Some(toast) => cookies(&mut response, &[flash::write(&toast)]),
            None => {}
        }
        cookies(&mut response, &reply.cookies);
        response
    }

    /// The answer takes the place of the form.
    fn in_place(&self, ctx: &Ctx, reply: Reply<Box<dyn Erased>>, toast: Option<Toast>) -> Response {
        let mut response = self.html_reply(ctx, reply);
        if let Some(toast) = toast {
            trigger(&mut response, &flash::toast(&toast).trigger());
        }
        response
    }
}

pub(super) fn page_of(ctx: &Ctx) -> Page<'_> {
    let htmx = Web::is_htmx(ctx.headers());
    Page { actor: &ctx.actor, now: ctx.now, path: ctx.path(), query: ctx.query(), htmx, app: &ctx.app }
}

/// A fault for clients. Who asked for a version by `If-Match` and met another hears 412 (RFC 9110, 13.1.1).
fn json_fault(ctx: &Ctx, fault: &Error, id: &str) -> Response {
    if matches!(fault, Error::Outdated(_)) && ctx.header("if-match").is_some() {
        return document_response(&Problem::plain(StatusCode::PRECONDITION_FAILED, "precondition-failed", fault.to_string(), id));
    }
    json_response(fault, id)
}

fn json_reply(reply: &Reply<Box<dyn Erased>>, id: &str) -> Response {
    let mut response = match (reply.status, reply.value.json()) {
        (StatusCode::NO_CONTENT, _) => StatusCode::NO_CONTENT.into_response(),
        (status, Ok(body)) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        (_, Err(fault)) => return json_response(&fault, id),
    };
    let headers = response.headers_mut();
    if let Some(tag) = reply.etag.as_ref().and_then(|tag| HeaderValue::from_str(tag).ok()) {
        headers.insert(header::ETAG, tag);
    }
    if let Some(seq) = reply.audit_seq {
        headers.insert("quarterdeck-audit-seq", HeaderValue::from(seq));
    }
    cookies(&mut response, &reply.cookies);
    response
}

fn cookies(response: &mut Response, cookies: &[String]) {
    for cookie in cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

fn trigger(response: &mut Response, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert("hx-trigger", value);
    }
}

/// Sends a person to sign in, and back afterwards.
fn to_sign_in(head: &Head) -> Response {
    let back = if head.is_get() { head.parts.uri.path_and_query().map_or("/", |path| path.as_str()) } else { "/" };
    let next: String = form_urlencoded::byte_serialize(back.as_bytes()).collect();
    let place = format!("/login?next={next}");
    if Web::is_htmx(head.headers()) {
        return (StatusCode::UNAUTHORIZED, [("hx-redirect", place)]).into_response();
    }
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

//! `GET /assets/{*path}`: hashed names, cached for ever.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::Response;

use crate::ui::assets;

/// The answer for a path below `/assets/`.
pub(super) fn serve(path: &str, headers: &HeaderMap) -> Response {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    let answer = assets::answer(path, text(header::ACCEPT_ENCODING), text(header::IF_NONE_MATCH));
    answer.map(Body::from)
}

//! What can go wrong with a page, and the page that says so.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

use super::layout;

/// Why there is no page.
#[derive(Debug)]
pub enum Fault {
    /// There is no such thing, or not for this visitor.
    NotFound,
    /// The form holds something that cannot be.
    Invalid(&'static str),
    /// Only for somebody signed in; afterwards on to this path.
    SignIn(&'static str),
    /// Not for this visitor.
    Forbidden(&'static str),
    /// The program is wrong: the sentence is for the log.
    Broken(&'static str),
    /// The database refused.
    Database(engine::Error),
}

/// The result of a page.
pub type Page<T = maud::Markup> = Result<T, Fault>;

impl From<engine::Error> for Fault {
    fn from(error: engine::Error) -> Self {
        Self::Database(error)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (status, title, text) = match self {
            Self::SignIn(next) => return Redirect::to(&format!("/sign-in?next={next}")).into_response(),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not on our shelves", "The page may have moved, or it never was."),
            Self::Invalid(text) => (StatusCode::UNPROCESSABLE_ENTITY, "That did not work", text),
            Self::Forbidden(text) => (StatusCode::FORBIDDEN, "Staff only", text),
            Self::Broken(cause) => {
                tracing::error!(exception.message = cause, exception.r#type = "Broken", "page failed");
                broken()
            }
            Self::Database(error) if error.is_transient() => {
                tracing::error!(exception.message = %error, exception.r#type = "Busy", "database busy");
                let text = "There is a queue at the till. Please try again in a moment.";
                (StatusCode::SERVICE_UNAVAILABLE, "One moment", text)
            }
            Self::Database(error) => {
                tracing::error!(exception.message = %error, exception.r#type = "Database", "page failed");
                broken()
            }
        };
        let body = html! {
            section.fault {
                p.eyebrow { (status.as_u16()) }
                h1 { (title) }
                p.lead { (text) }
                p { a.button href="/" { "Back to the shop" } }
            }
        };
        (status, layout::plain(title, &body)).into_response()
    }
}

fn broken() -> (StatusCode, &'static str, &'static str) {
    (StatusCode::INTERNAL_SERVER_ERROR, "Something broke", "It is us, not you. We have been told; please try again.")
}

/// No route.
pub async fn nowhere() -> Fault {
    Fault::NotFound
}

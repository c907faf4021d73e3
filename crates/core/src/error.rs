//! The one error type of the product: a closed list, so that one `match` in the web layer decides the HTTP status.

use serde::Serialize;
use utoipa::ToSchema;

/// The result of every verb and port.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What one field of a request got wrong, in a sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Name of the field as the client sent it (`reason`, `phrase`, `severity`).
    pub field: String,
    /// What to do about it.
    pub detail: String,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The thing named by the request does not exist.
    #[error("{0} was not found.")]
    NotFound(String),
    /// The request is understood and wrong; each field says how.
    #[error("{}", .0.first().map_or("The request is not valid.", |first| first.detail.as_str()))]
    Invalid(Vec<FieldError>),
    /// The thing is in a state that does not allow the change, or somebody else was quicker.
    #[error("{0}")]
    Conflict(String),
    /// The caller saw another version of the thing than there is now. With `If-Match` it is a failed precondition, else a conflict.
    #[error("{0}")]
    Outdated(String),
    /// Nobody is signed in, or the token is unknown, expired or revoked.
    #[error("{0}")]
    Unauthenticated(String),
    /// Known, but not allowed. The text names the rule.
    #[error("{0}")]
    Forbidden(String),
    /// Too many requests; try again after so many seconds.
    #[error("Too many requests. Try again in {retry_after} s.")]
    Limited {
        /// Seconds until the next try has a chance.
        retry_after: u64,
    },
    /// The driver behind the port cannot do this at all.
    #[error("{driver} can't do this: {what}")]
    Unsupported {
        /// Name of the driver.
        driver: &'static str,
        /// What it lacks.
        what: String,
    },
    /// A system outside did not do its part.
    #[error("{driver}: {detail}")]
    Upstream {
        /// Which system.
        driver: &'static str,
        /// What it said, without secrets.
        detail: String,
    },
    /// We can't take more right now; nothing was stored.
    #[error("{detail}")]
    Overloaded {
        /// What is full.
        detail: String,
        /// Seconds until the next try has a chance.
        retry_after: u64,
    },
    /// A fault of ours. The text is for the log; clients see only the request id.
    #[error("{0}")]
    Broken(String),
}

impl Error {
    /// One field is wrong.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { field: field.into(), detail: detail.into() }])
    }

    /// A short, stable word for the audit row and the problem type.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not-found",
            Self::Invalid(_) => "invalid",
            Self::Conflict(_) => "conflict",
            Self::Outdated(_) => "outdated",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::Forbidden(_) => "forbidden",
            Self::Limited { .. } => "limited",
            Self::Unsupported { .. } => "unsupported",
            Self::Upstream { .. } => "upstream",
            Self::Overloaded { .. } => "overloaded",
            Self::Broken(_) => "broken",
        }
    }
}

impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Self {
        match error {
            engine::Error::NotFound => Self::NotFound("The record".into()),
            engine::Error::Unique { constraint } => Self::Conflict(format!("It exists already ({constraint}).")),
            engine::Error::Busy | engine::Error::Timeout => {
                Self::Overloaded { detail: "The database is busy. Nothing was changed.".into(), retry_after: 2 }
            }
            other => Self::Broken(other.to_string()),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Broken(format!("JSON: {error}"))
    }
}

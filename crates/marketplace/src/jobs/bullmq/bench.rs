//! The bench: where workers of another process have a job done. It listens on loopback alone, and answers only who knows the token of this start.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use axum::{Json, Router};
use engine::job::JobError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::error::Result;
use crate::jobs::work::observed;
use crate::jobs::{Attempt, Work, Works, analytics, email, labels, notify, tidy};

/// Largest job: a few hundred clicks.
const MAX_BODY: usize = 1024 * 1024;

/// How to reach the bench.
pub(super) struct Open {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// What to show there.
    pub token: String,
}

struct Bench {
    works: Works,
    token: String,
}

/// Opens it on a free port of loopback.
pub(super) async fn open(works: Works, helpers: &mut JoinSet<()>) -> Result<Open> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let token = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
    let bench = Arc::new(Bench { works, token: token.clone() });
    let routes = Router::new().route("/work/{name}", post(work)).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(bench);
    helpers.spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "the bench ended");
        }
    });
    Ok(Open { url, token })
}

/// One attempt, as a worker asks for it.
#[derive(Deserialize)]
struct Asked {
    id: String,
    queue: String,
    attempt: u32,
    data: Value,
}

/// 200: done. 422: never try again. 500: try again later.
async fn work(State(bench): State<Arc<Bench>>, Path(name): Path<String>, headers: HeaderMap, Json(asked): Json<Asked>) -> (StatusCode, String) {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer ")).unwrap_or_default();
    if !bool::from(given.as_bytes().ct_eq(bench.token.as_bytes())) {
        return (StatusCode::FORBIDDEN, "the token is wrong".to_owned());
    }
    match perform(&name, asked, bench.works.clone()).await {
        Ok(()) => (StatusCode::OK, String::new()),
        Err(JobError { retry: false, message, .. }) => (StatusCode::UNPROCESSABLE_ENTITY, message),
        Err(JobError { message, .. }) => (StatusCode::INTERNAL_SERVER_ERROR, message),
    }
}

async fn perform(name: &str, asked: Asked, works: Works) -> std::result::Result<(), JobError> {
    use engine::job::Job;
    match name {
        email::OrderMail::NAME => run::<email::OrderMail>(asked, works).await,
        labels::PrintLabel::NAME => run::<labels::PrintLabel>(asked, works).await,
        analytics::Record::NAME => run::<analytics::Record>(asked, works).await,
        analytics::Snapshot::NAME => run::<analytics::Snapshot>(asked, works).await,
        tidy::Tidy::NAME => run::<tidy::Tidy>(asked, works).await,
        notify::Tell::NAME => run::<notify::Tell>(asked, works).await,
        notify::TellVendor::NAME => run::<notify::TellVendor>(asked, works).await,
        other => Err(JobError::fatal(format!("the shop knows no job {other}"))),
    }
}

async fn run<W: Work + DeserializeOwned>(asked: Asked, works: Works) -> std::result::Result<(), JobError> {
    let job: W = serde_json::from_value(asked.data).map_err(|fault| JobError::fatal(format!("the job can't be read: {fault}")))?;
    // A job of a schedule has an id of BullMQ's own making.
    let id = asked.id.parse().unwrap_or_else(|_| Uuid::now_v7());
    observed(job, works, Attempt { id, queue: asked.queue, number: asked.attempt, system: "bullmq" }).await
}

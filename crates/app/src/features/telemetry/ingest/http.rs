//! The three routes of OTLP/HTTP.

use axum::body::Body;
use axum::http::{Method, header};
use axum::response::Response;
use qd_core::gate::Access;

use super::{Load, Telemetry, read_logs, read_traces};
use crate::features::telemetry::otlp::{self, Answer, Encoding, Malformed, Refusal, Signal};
use crate::web::{Ctx, Routes};

const INGEST: Access = Access::Scope("ingest");
/// Bodies from this size on are decoded beside the event loop.
const LARGE: usize = 128 * 1024;

/// Adds the routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .raw(Method::POST, "/v1/traces", INGEST, "OTLP/HTTP traces", |ctx, body| receive(ctx, body, Signal::Traces))
        .raw(Method::POST, "/v1/logs", INGEST, "OTLP/HTTP logs", |ctx, body| receive(ctx, body, Signal::Logs))
        .raw(Method::POST, "/v1/metrics", INGEST, "OTLP/HTTP metrics, which are not stored yet", |ctx, body| receive(ctx, body, Signal::Metrics))
}

async fn receive(ctx: Ctx, body: Body, signal: Signal) -> Response {
    let kind = ctx.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(encoding) = Encoding::of(kind) else {
        let refusal = Refusal::Unsupported("Send application/x-protobuf or application/json.".into());
        return refuse(&refusal, Encoding::Json);
    };
    match take(&ctx, body, signal, encoding).await {
        Ok(answer) => answer.response(signal, encoding),
        Err(refusal) => refuse(&refusal, encoding),
    }
}

fn refuse(refusal: &Refusal, encoding: Encoding) -> Response {
    metrics::counter!("qd_ingest_refused_total", "reason" => refusal.word()).increment(1);
    refusal.response(encoding)
}

async fn take(ctx: &Ctx, body: Body, signal: Signal, encoding: Encoding) -> Result<Answer, Refusal> {
    let broken = |error: qd_core::Error| {
        tracing::error!(%error, "ingest is not wired");
        Refusal::Busy { detail: "Ingest is not running.", retry_after: 30 }
    };
    let telemetry = ctx.app.state::<Telemetry>().map_err(broken)?;
    let (bytes, room) = super::body::read(ctx.headers(), body, telemetry.limit, &telemetry.room).await?;
    let (load, answer) = {
        // Closed only with the process.
        let _turn = telemetry.decoders.acquire().await;
        decode(ctx, bytes, signal, encoding).await?
    };
    let (taken, name) = (load.taken, if signal == Signal::Logs { "qd_ingest_log_records_total" } else { "qd_ingest_spans_total" });
    telemetry.submit(load, room).await?;
    metrics::counter!(name).increment(taken);
    Ok(answer)
}

async fn decode(ctx: &Ctx, bytes: Vec<u8>, signal: Signal, encoding: Encoding) -> Result<(Load, Answer), Refusal> {
    let (now, past) = (ctx.now, i64::from(ctx.app.config.telemetry.log_hours) * 3_600);
    let large = bytes.len() > LARGE;
    let work = move || match signal {
        Signal::Traces => read_traces(encoding, &bytes, now).map(|load| (load.answer(), load)),
        Signal::Logs => read_logs(encoding, &bytes, now, past).map(|load| (load.answer(), load)),
        Signal::Metrics => otlp::data_points(encoding, &bytes).map(|points| (unstored(points), Load::default())),
    };
    let decoded = if large { tokio::task::spawn_blocking(work).await.map_err(|_| crashed())? } else { work() };
    decoded.map(|(answer, load)| (load, answer)).map_err(|Malformed(why)| Refusal::Malformed(why))
}

/// Metrics are understood and not kept: the client is told so, and does not send them again.
fn unstored(points: u64) -> Answer {
    let message = if points == 0 { String::new() } else { "Metrics are not stored yet; traces and logs are.".to_owned() };
    Answer { rejected: points, message }
}

fn crashed() -> Refusal {
    Refusal::Busy { detail: "Decoding was interrupted.", retry_after: 5 }
}

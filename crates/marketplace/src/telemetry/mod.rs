//! What the marketplace tells of itself: standard OpenTelemetry over OTLP/HTTP, configured by nothing but the standard
//! variables. Without `OTEL_EXPORTER_OTLP_ENDPOINT` nothing is exported, and the shop never waits for a collector.

mod transport;

use std::time::Duration;

use axum::http::HeaderMap;
use opentelemetry::KeyValue;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{BatchConfigBuilder as LogBatch, BatchLogProcessor, SdkLoggerProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchConfigBuilder as SpanBatch, BatchSpanProcessor, SdkTracerProvider};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{EnvFilter, FilterFn, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::error::{Error, Result};
use transport::Transport;

/// Whoever looks sees a request at most so much later.
const BATCH: Duration = Duration::from_secs(1);
/// A collector that hangs costs so much of an exporter's thread, and nothing of the shop's.
const EXPORT: Duration = Duration::from_secs(5);

/// Ends the export properly.
pub struct Telemetry(Option<(SdkTracerProvider, SdkLoggerProvider)>);

impl Telemetry {
    /// Logs to stdout as JSON lines, and to the collector if one is named. A second call in a process, as in tests,
    /// leaves the first one's subscriber in place.
    ///
    /// # Errors
    /// [`Error::Telemetry`] when the variables make no sense.
    pub fn start() -> Result<Self> {
        let providers = providers()?;
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_filter(environment());
        let _ = Registry::default().with(lines).with(providers.as_ref().map(export)).try_init();
        Ok(Self(providers))
    }

    /// Sends what is left; gives up after two seconds.
    pub async fn stop(self) {
        let Some((spans, logs)) = self.0 else { return };
        let limit = Duration::from_millis(900);
        // It blocks on the exporter's thread, whose requests need this runtime.
        let ended = tokio::task::spawn_blocking(move || (spans.shutdown_with_timeout(limit), logs.shutdown_with_timeout(limit)));
        let _ = tokio::time::timeout(Duration::from_secs(2), ended).await;
    }
}

fn environment() -> EnvFilter {
    let text = std::env::var("RUST_LOG").unwrap_or_else(|_| "info,sqlx=warn".to_owned());
    EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).parse_lossy(text)
}

fn set(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| !value.trim().is_empty())
}

fn providers() -> Result<Option<(SdkTracerProvider, SdkLoggerProvider)>> {
    let wanted = set("OTEL_EXPORTER_OTLP_ENDPOINT") || set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    let off = std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    if !wanted || off {
        return Ok(None);
    }
    let failed = |error: &dyn std::fmt::Display| Error::Telemetry(error.to_string());
    let transport = Transport::new(EXPORT).map_err(|error| failed(&error))?;
    let spans = SpanExporter::builder().with_http().with_http_client(transport.clone()).build().map_err(|error| failed(&error))?;
    let logs = LogExporter::builder().with_http().with_http_client(transport).build().map_err(|error| failed(&error))?;
    let span_batch = SpanBatch::default().with_scheduled_delay(BATCH).with_max_queue_size(8_192).build();
    let log_batch = LogBatch::default().with_scheduled_delay(BATCH).with_max_queue_size(8_192).build();
    let spans = SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(spans).with_batch_config(span_batch).build())
        .with_resource(resource())
        .build();
    let logs = SdkLoggerProvider::builder()
        .with_log_processor(BatchLogProcessor::builder(logs).with_batch_config(log_batch).build())
        .with_resource(resource())
        .build();
    Ok(Some((spans, logs)))
}

/// `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win over these.
fn resource() -> Resource {
    let builder = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    let id = KeyValue::new("service.instance.id", uuid::Uuid::new_v4().to_string());
    let named = if set("OTEL_SERVICE_NAME") { builder } else { builder.with_service_name("marketplace") };
    named.with_attribute(id).build()
}

fn export<S>((spans, logs): &(SdkTracerProvider, SdkLoggerProvider)) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let traces = tracing_opentelemetry::layer()
        .with_tracer(spans.tracer("marketplace"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(ours());
    traces.and_then(OpenTelemetryTracingBridge::new(logs).with_filter(ours()))
}

/// Only what this application says itself: the exporter's own requests would otherwise be exported, for ever.
fn ours() -> FilterFn<fn(&tracing::Metadata<'_>) -> bool> {
    filter_fn(|metadata| {
        *metadata.level() <= tracing::Level::INFO
            && ["marketplace", "engine"]
                .into_iter()
                .any(|ours| metadata.target().strip_prefix(ours).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")))
            && !metadata.target().starts_with("marketplace::telemetry")
    })
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|key| key.as_str()).collect()
    }
}

/// Makes `span` part of the caller's trace, if the request names one.
pub fn adopt(span: &tracing::Span, headers: &HeaderMap) {
    if headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&Headers(headers));
        if parent.span().span_context().is_valid() {
            // It fails when nobody traces: then there is nothing to connect.
            let _ = span.set_parent(parent);
        }
    }
}

//! Both encodings against the reference implementation of the messages, and against what clients were seen to send.

use std::borrow::Cow;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as ProtoSpan, Status, span::Event};
use prost::Message;
use serde_json::json;

use super::*;

fn any(value: any_value::Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(any(value)), ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, any_value::Value::StringValue(value.into()))
}

fn resource(service: &str) -> Option<Resource> {
    Some(Resource { attributes: vec![text("host.name", "h1"), text("service.name", service)], ..Resource::default() })
}

fn spans_of(encoding: Encoding, body: &[u8]) -> Result<Vec<(String, Option<Span<'_>>)>, Malformed> {
    let mut found = Vec::new();
    traces(encoding, body, &mut |service, span| found.push((service.to_owned(), span)))?;
    Ok(found)
}

fn records_of(encoding: Encoding, body: &[u8]) -> Result<Vec<(String, Option<Record<'_>>)>, Malformed> {
    let mut found = Vec::new();
    logs(encoding, body, &mut |service, record| found.push((service.to_owned(), record)))?;
    Ok(found)
}

fn proto_span() -> ProtoSpan {
    ProtoSpan {
        trace_id: vec![0x5b; 16],
        span_id: vec![0xee; 8],
        name: "GET /cart".into(),
        kind: 2,
        start_time_unix_nano: 1_544_712_660_000_000_000,
        end_time_unix_nano: 1_544_712_661_000_000_000,
        flags: 257,
        attributes: vec![
            text("http.route", "/cart"),
            text("http.request.method", "GET"),
            attribute("http.response.status_code", any_value::Value::IntValue(503)),
            text("user_agent.original", "curl"),
        ],
        events: vec![Event { name: "exception".into(), ..Event::default() }],
        status: Some(Status { code: 2, message: "broken".into() }),
        ..ProtoSpan::default()
    }
}

fn expected_span() -> Span<'static> {
    Span {
        name: "GET /cart".into(),
        kind: 2,
        start: 1_544_712_660_000_000_000,
        end: 1_544_712_661_000_000_000,
        failed: true,
        route: Some("/cart".into()),
        path: None,
        method: Some("GET".into()),
        status: Some(503),
    }
}

#[test]
fn protobuf_spans_are_read_as_they_were_written() {
    let scope = ScopeSpans { spans: vec![proto_span(), proto_span()], ..ScopeSpans::default() };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![
            ResourceSpans { resource: resource("web"), scope_spans: vec![scope.clone(), scope.clone()], ..ResourceSpans::default() },
            ResourceSpans { resource: None, scope_spans: vec![scope], ..ResourceSpans::default() },
        ],
    };
    let body = request.encode_to_vec();
    let found = spans_of(Encoding::Protobuf, &body).unwrap();
    assert_eq!(found.iter().map(|(service, _)| service.as_str()).collect::<Vec<_>>(), ["web", "web", "web", "web", UNNAMED, UNNAMED]);
    assert!(found.iter().all(|(_, span)| span.as_ref() == Some(&expected_span())));
}

#[test]
fn json_takes_numbers_and_text_unknown_fields_nulls_and_late_resources() {
    let span = |start: serde_json::Value, status: serde_json::Value| {
        json!({
            "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174", "name": "GET /cart", "kind": 2, "flags": 257,
            "startTimeUnixNano": start, "endTimeUnixNano": "1544712661000000000", "parentSpanId": null, "fromTheFuture": [{"a": 1}],
            "attributes": [
                {"key": "http.route", "value": {"stringValue": "/cart"}}, {"key": "http.method", "value": {"stringValue": "GET"}},
                {"key": "http.response.status_code", "value": {"intValue": status}}, {"key": "none", "value": {}},
            ],
            "events": [{"name": "x"}], "status": {"code": 2, "message": "broken"},
        })
    };
    let spans = json!([span(json!("1544712660000000000"), json!("503")), span(json!(1_544_712_660_000_000_000_u64), json!(503))]);
    let body = json!({"resourceSpans": [{"scopeSpans": [{"scope": {"name": "s"}, "spans": spans}], "schemaUrl": "",
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}], "droppedAttributesCount": 0}}]});
    let body = serde_json::to_vec_pretty(&body).unwrap();
    let found = spans_of(Encoding::Json, &body).unwrap();
    assert_eq!(found, vec![("web".to_owned(), Some(expected_span())), ("web".to_owned(), Some(expected_span()))]);
}

#[test]
fn log_records_are_the_same_in_both_encodings() {
    use any_value::Value as V;
    let record = LogRecord {
        time_unix_nano: 7_000,
        observed_time_unix_nano: 8_000,
        severity_number: 17,
        severity_text: "ERROR".into(),
        body: Some(any(V::KvlistValue(KeyValueList {
            values: vec![text("message", "no"), attribute("n", V::IntValue(-3)), attribute("ok", V::BoolValue(true))],
        }))),
        attributes: vec![attribute(
            "list",
            V::ArrayValue(ArrayValue { values: vec![any(V::StringValue("a".into())), AnyValue { value: None }, any(V::DoubleValue(1.5))] }),
        )],
        trace_id: vec![0x5b; 16],
        span_id: vec![0; 8],
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let request = ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { resource: resource("web"), scope_logs, ..ResourceLogs::default() }] };
    let json = json!({"resourceLogs": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]}, "scopeLogs": [{"logRecords": [{
        "timeUnixNano": "7000", "observedTimeUnixNano": 8000, "severityNumber": 17, "severityText": "ERROR",
        "body": {"kvlistValue": {"values": [
            {"key": "message", "value": {"stringValue": "no"}}, {"key": "n", "value": {"intValue": -3}}, {"key": "ok", "value": {"boolValue": true}}]}},
        "attributes": [{"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {}, {"doubleValue": "1.5"}]}}}],
        "traceId": "5B5b5B5b5B5b5B5b5B5b5B5b5B5b5B5b", "spanId": "not hex"}]}]}]});
    let (proto, json) = (request.encode_to_vec(), json.to_string());
    let found = records_of(Encoding::Protobuf, &proto).unwrap();
    assert_eq!(found, records_of(Encoding::Json, json.as_bytes()).unwrap());
    let record = found[0].1.as_ref().unwrap();
    assert_eq!((record.severity, record.time, record.observed, &record.span_id), (17, 7_000, 8_000, &None));
    assert_eq!(record.trace_id.as_deref(), Some("5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b"));
    assert_eq!(record.body.json(), json!({"message": "no", "n": -3, "ok": true}));
    assert_eq!(record.attributes[0].1.json(), json!(["a", null, 1.5]));
}

#[test]
fn data_points_of_all_kinds_are_counted() {
    let gauge = metric::Data::Gauge(Gauge { data_points: vec![NumberDataPoint::default(); 3] });
    let metric = Metric { name: "m".into(), data: Some(gauge), ..Metric::default() };
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric.clone(), metric], ..ScopeMetrics::default() }];
    let request = ExportMetricsServiceRequest { resource_metrics: vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }] };
    assert_eq!(data_points(Encoding::Protobuf, &request.encode_to_vec()), Ok(6));
    let json = br#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"dataPoints":[{"asInt":"1"}]}},{"histogram":{"dataPoints":[{},{}]}},
        {"exponentialHistogram":{"dataPoints":[{}]}},{"summary":{"dataPoints":[{}]}},{"name":"empty"}]}]}]}"#;
    assert_eq!(data_points(Encoding::Json, json), Ok(5));
}

#[test]
fn nothing_is_a_valid_request() {
    for body in ["", "{}", " {} ", r#"{"resourceSpans":null}"#, r#"{"resourceSpans":[{}]}"#, r#"{"resourceSpans":[{"scopeSpans":[{"spans":[]}]}]}"#] {
        assert_eq!(spans_of(Encoding::Json, body.as_bytes()), Ok(vec![]), "{body}");
    }
    assert_eq!(spans_of(Encoding::Protobuf, b""), Ok(vec![]));
}

#[test]
fn what_is_not_otlp_is_refused_with_a_reason() {
    for body in ["[]", "nonsense", r#"{"resourceSpans":7}"#, r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SERVER"}]}]}]}"#, "{", "\u{0}"] {
        assert!(spans_of(Encoding::Json, body.as_bytes()).is_err(), "{body}");
    }
    assert!(spans_of(Encoding::Json, b"{\"a\":\"\xff\"}").is_err());
    for body in [&b"\x0a\x05ab"[..], b"hello", b"\x0b", b"\x00\x00", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"] {
        assert!(spans_of(Encoding::Protobuf, body).is_err(), "{body:?}");
    }
}

#[test]
fn large_items_are_left_out_and_their_neighbours_kept() {
    let large = ProtoSpan { name: "x".repeat(MAX_ITEM), ..proto_span() };
    let scope_spans = vec![ScopeSpans { spans: vec![large, proto_span()], ..ScopeSpans::default() }];
    let request = ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] };
    let body = request.encode_to_vec();
    let found = spans_of(Encoding::Protobuf, &body).unwrap();
    assert_eq!(found.iter().map(|(_, span)| span.is_some()).collect::<Vec<_>>(), [false, true]);
    let json = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"name":"{}"}},{{}}]}}]}}]}}"#, "x".repeat(MAX_ITEM));
    let found = spans_of(Encoding::Json, json.as_bytes()).unwrap();
    assert_eq!(found.iter().map(|(_, span)| span.is_some()).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn deep_values_end() {
    let mut value = any(any_value::Value::StringValue("deep".into()));
    for _ in 0..60 {
        value = any(any_value::Value::ArrayValue(ArrayValue { values: vec![value] }));
    }
    let record = LogRecord { body: Some(value), ..LogRecord::default() };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let body = ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }.encode_to_vec();
    assert!(records_of(Encoding::Protobuf, &body).unwrap()[0].1.is_some());
    let nested = r#"{"arrayValue":{"values":["#.repeat(500) + &"]}}".repeat(500);
    let json = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{nested}}}]}}]}}]}}"#);
    assert!(records_of(Encoding::Json, json.as_bytes()).is_err());
}

#[test]
fn answers_are_what_clients_decode() {
    let answer = Answer { rejected: 3, message: "Not stored: 3 are too old.".into() };
    let decoded = ExportTraceServiceResponse::decode(answer.body(Signal::Traces, Encoding::Protobuf).as_slice()).unwrap();
    let wanted = ExportTracePartialSuccess { rejected_spans: 3, error_message: answer.message.clone() };
    assert_eq!(decoded.partial_success, Some(wanted));
    let json: serde_json::Value = serde_json::from_slice(&answer.body(Signal::Logs, Encoding::Json)).unwrap();
    assert_eq!(json, json!({"partialSuccess": {"rejectedLogRecords": "3", "errorMessage": answer.message}}));
    assert!(Answer::default().body(Signal::Traces, Encoding::Protobuf).is_empty());
    assert_eq!(Answer::default().body(Signal::Traces, Encoding::Json), b"{}");
}

#[test]
fn media_types_carry_parameters() {
    assert_eq!(Encoding::of("application/json; charset=utf-8"), Some(Encoding::Json));
    assert_eq!(Encoding::of("Application/X-Protobuf"), Some(Encoding::Protobuf));
    assert_eq!((Encoding::of("text/plain"), Encoding::of("")), (None, None));
}

/// Reads a body as everything that it could be; only the end counts.
fn read_all(body: &[u8]) {
    for encoding in [Encoding::Protobuf, Encoding::Json] {
        let _ = spans_of(encoding, body);
        let _ = records_of(encoding, body).map(|found| found.into_iter().flat_map(|(_, record)| record).for_each(|record| drop(record.body.json())));
        let _ = data_points(encoding, body);
    }
}

/// The corpus of the fuzz targets ends on the stable compiler, too.
#[test]
fn the_fuzz_corpus_replays() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/otlp");
    let files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 8);
    files.iter().for_each(|file| read_all(&std::fs::read(file).unwrap()));
}

proptest::proptest! {
    #[test]
    fn any_bytes_end(body in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        read_all(&body);
    }

    /// A valid body with one byte changed is read or refused, never worse.
    #[test]
    fn damaged_bodies_end(at in 0_usize..400, byte in proptest::num::u8::ANY) {
        let scope_spans = vec![ScopeSpans { spans: vec![proto_span()], ..ScopeSpans::default() }];
        let request = ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { resource: resource("web"), scope_spans, ..ResourceSpans::default() }] };
        let mut body = request.encode_to_vec();
        let at = at % body.len();
        body[at] = byte;
        read_all(&body);
    }

    #[test]
    fn attributes_survive_the_wire(key in "[a-z.]{1,20}", value in "\\PC{0,40}", number in proptest::num::i64::ANY) {
        let attributes = vec![text(&key, &value), attribute("n", any_value::Value::IntValue(number))];
        let record = LogRecord { attributes, ..LogRecord::default() };
        let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
        let body = ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }.encode_to_vec();
        let found = records_of(Encoding::Protobuf, &body).unwrap();
        let wanted = vec![(Cow::from(key), Value::Text(value.into())), ("n".into(), Value::Int(number))];
        proptest::prop_assert_eq!(&found[0].1.as_ref().unwrap().attributes, &wanted);
    }
}

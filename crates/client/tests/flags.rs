//! The client against a small server that answers as OFREP says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use client::{Context, FlagClient, Source};
use serde_json::{Value, json};

/// A server whose status can be changed; it answers `true` for the flag `on`.
async fn server() -> (String, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(200));
    let shared = Arc::clone(&status);
    let answer = move |axum::extract::Path(key): axum::extract::Path<String>, Json(body): Json<Value>| async move {
        assert!(body["context"].is_object());
        let status = StatusCode::from_u16(shared.load(Ordering::SeqCst)).unwrap();
        match (status, key.as_str()) {
            (StatusCode::OK, "on") => (status, Json(json!({ "key": key, "value": true, "reason": "STATIC", "variant": "on" }))),
            (StatusCode::OK, "off") => (status, Json(json!({ "key": key, "reason": "DISABLED", "variant": "" }))),
            (StatusCode::OK, _) => (StatusCode::NOT_FOUND, Json(json!({ "key": key, "errorCode": "FLAG_NOT_FOUND" }))),
            _ => (status, Json(json!({ "errorDetails": "away" }))),
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/ofrep/v1/evaluate/flags/{key}", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}/"), status)
}

#[tokio::test]
async fn an_answer_outlives_the_server() {
    let (url, status) = server().await;
    let flags = FlagClient::new(&url, &[], Duration::from_secs(2)).unwrap();
    let context: Context = json!({ "targetingKey": "u1" }).as_object().unwrap().clone();
    let first = flags.evaluate("on", &context, json!(false)).await;
    assert_eq!((first.value, first.source), (json!(true), Source::Server));
    for away in [500, 503, 429] {
        status.store(away, Ordering::SeqCst);
        let later = flags.evaluate("on", &context, json!(false)).await;
        assert_eq!((later.value, later.source), (json!(true), Source::LastKnown), "status {away}");
    }
    let other = flags.evaluate("on", &Context::new(), json!(false)).await;
    assert_eq!((other.value, other.source), (json!(false), Source::Default), "another context has no last answer");
}

#[tokio::test]
async fn unknown_and_disabled_flags_give_the_default() {
    let (url, _) = server().await;
    let flags = FlagClient::new(&url, &[], Duration::from_secs(2)).unwrap();
    assert!(flags.enabled("nowhere", &Context::new(), true).await);
    assert!(!flags.enabled("off", &Context::new(), false).await);
    assert_eq!(flags.evaluate("off", &Context::new(), json!(1)).await.reason, "DISABLED");
}

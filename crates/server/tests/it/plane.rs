//! The road of applications: methods, heads and parameters as HTTP has them, though no router stands on it.

use reqwest::Method;

use crate::support::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_methods_hear_which_are_possible() {
    let world = World::with(|config| config.flags.public = true).await;
    let client = world.anonymous();
    for (method, path, allowed) in [
        (Method::GET, "/ofrep/v1/evaluate/flags/x", "POST,OPTIONS"),
        (Method::DELETE, "/gate", "GET,HEAD"),
        (Method::POST, "/gate/nginx/any/thing", "GET,HEAD"),
        (Method::PUT, "/v1/traces", "POST"),
    ] {
        let answer = client.send(client.request(method, path)).await.expect(405);
        assert_eq!(answer.header("allow"), Some(allowed), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
        assert_eq!(answer.json()["instance"].as_str(), answer.header("x-request-id"), "{path}");
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_is_get_without_the_body() {
    let world = World::sqlite().await;
    let client = world.anonymous();
    let whole = client.get("/livez").await.expect(200);
    let head = client.send(client.request(Method::HEAD, "/livez")).await.expect(200);
    assert_eq!((head.text.as_str(), head.header("content-length")), ("", Some(whole.text.len().to_string().as_str())));
    assert_eq!(client.send(client.request(Method::HEAD, "/gate")).await.expect(204).header("x-maintenance-mode"), Some("none"));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_are_decoded_once_and_must_be_text() {
    let world = World::with(|config| config.flags.public = true).await;
    let client = world.anonymous();
    let answer = client.post("/ofrep/v1/evaluate/flags/no%2Fsuch%25flag", serde_json::json!({})).await.expect(404);
    assert_eq!(answer.json()["key"], "no/such%flag");
    let broken = client.post("/ofrep/v1/evaluate/flags/%FF", serde_json::json!({})).await.expect(400);
    assert_eq!(broken.header("content-type"), Some("application/problem+json"));
    assert_eq!(broken.json()["detail"], "key in the address is not UTF-8.");
    for path in ["/ofrep/v1/evaluate/flags/", "/ofrep/v1/evaluate/flags/a/b", "/gate/", "/gated", "/GATE"] {
        client.get(path).await.expect(404);
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_names_its_request() {
    let world = World::sqlite().await;
    let own = world.anonymous().with("x-request-id", "order-4711.a");
    for (path, status) in [("/gate", 204), ("/livez", 200), ("/api/v1/maintenance/state", 401), ("/v1/traces", 405)] {
        let answer = own.get(path).await.expect(status);
        assert_eq!(answer.header("x-request-id"), Some("order-4711.a"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(answer.header("cache-control").is_some(), "{path}");
    }
    let made = world.anonymous().with("x-request-id", "not plain!").get("/gate").await.expect(204);
    let id = uuid::Uuid::parse_str(made.header("x-request-id").unwrap()).unwrap();
    assert_eq!(id.get_version_num(), 7);
    world.finish().await;
}

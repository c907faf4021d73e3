//! What a caller may take: time for headers, live screens, bytes.

use std::io::{Read, Write};
use std::time::Duration;

use serde_json::json;

use server::running::Limits;

use crate::support::{World, until};

/// Connections whose headers never end, or never begin, are closed, and don't keep others out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_headers_are_cut_off() {
    let world = World::sqlite().await;
    let address = world.url.trim_start_matches("http://").to_owned();
    let said = ["GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ", "P", "PRI * HTTP/2.0\r\n", ""];
    let slow = said.map(|text| {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        tokio::task::spawn_blocking(move || stream.read_to_end(&mut Vec::new()))
    });
    for (text, closed) in said.into_iter().zip(slow) {
        // One that is closed before its bytes were read is reset.
        let closed = closed.await.unwrap().map_err(|fault| fault.kind());
        assert!(matches!(closed, Ok(_) | Err(std::io::ErrorKind::ConnectionReset)), "{text:?} was not closed by the server: {closed:?}");
    }
    world.anonymous().get("/livez").await.expect(200);
    world.finish().await;
}

/// This machine's address beside loopback. Nothing is sent to find it.
fn own_address() -> std::net::IpAddr {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").expect("a route beside loopback");
    socket.local_addr().unwrap().ip()
}

/// A connection that is held; `None` when the server closes it instead of answering.
async fn held(address: (std::net::IpAddr, u16)) -> Option<std::net::TcpStream> {
    let ask = move || {
        let mut stream = std::net::TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").ok()?;
        let got = stream.read(&mut [0; 1024]).ok()?;
        (got > 0).then_some(stream)
    };
    tokio::task::spawn_blocking(ask).await.unwrap()
}

/// Whoever opens many connections takes only so much of the room; others, and this machine, still come in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_does_not_take_all_connections() {
    let (ip, limits) = (own_address(), Limits { of_one: 3, ..Limits::default() });
    let world = World::within("0.0.0.0:0", limits, |_| {}).await;
    let port: u16 = world.url.rsplit(':').next().unwrap().parse().unwrap();
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(held((ip, port)).await.expect("there is room"));
    }
    assert!(held((ip, port)).await.is_none(), "the fourth is closed");
    assert!(held(([127, 0, 0, 1].into(), port)).await.is_some(), "this machine itself comes in");
    drop(open.pop());
    until("the place is given back", || async { held((ip, port)).await.is_some() }).await;
    drop(open);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_session_holds_a_dozen_live_screens() {
    let world = World::sqlite().await;
    let client = world.admin().await;
    let mut open = Vec::new();
    for _ in 0..12 {
        let stream = client.request(reqwest::Method::GET, "/events").send().await.unwrap();
        assert_eq!(stream.status(), 200);
        open.push(stream);
    }
    client.get("/events").await.expect(503);
    assert_eq!(world.staff().await.request(reqwest::Method::GET, "/events").send().await.unwrap().status(), 200, "others are not kept out");
    drop(open);
    world.finish().await;
}

/// Text that Postgres can't store, and bodies that are too large, are refused by name.
async fn odd_input_is_refused(world: &World) {
    let admin = world.admin().await;
    admin.post("/api/admin/ops/incidents", json!({ "title": "a\0b", "severity": "SEV4" })).await.expect(422);
    admin.get("/api/admin/ops/logs/records?text=%00").await.expect(422);
    admin.get("/services/%00").await.expect(404);
    world.anonymous().post("/api/admin/ops/session", json!({ "email": "a\0b", "password": "x" })).await.expect(422);
    let digest = json!({ "title": "pd", "severity": "SEV4", "preview_digest": "A".repeat(1_000) });
    admin.post("/api/admin/ops/incidents", digest).await.expect(422);
    let large = json!({ "title": "x".repeat(2 * 1024 * 1024), "severity": "SEV4" });
    admin.post("/api/admin/ops/incidents", large).await.expect(422);
    admin.get("/incidents/INC-1/close?reason=prefilled+by+a+link&phrase=x").await.expect(404);
}

/// A link can't fill in what confirms an act.
async fn links_confirm_nothing(world: &World) {
    let admin = world.admin().await;
    admin.post("/api/admin/ops/incidents", json!({ "title": "Slow", "severity": "SEV4" })).await.expect(201);
    let dialog = admin.get("/incidents/INC-1/close?reason=prefilled+by+a+link&idempotency_key=theirs").await.expect(200);
    assert!(!dialog.text.contains("prefilled by a link") && !dialog.text.contains("theirs"));
}

crate::both!(odd_input_is_refused, links_confirm_nothing);

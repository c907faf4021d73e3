//! The event stream: who may listen, what is told, and what somebody hears who comes back.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ALL, all, application, change, flag};
use crate::support::{Client, World};

/// How long an event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open stream.
struct Stream {
    bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    text: String,
}

/// An event as it came.
#[derive(Debug)]
struct Event {
    id: i64,
    name: String,
    data: Value,
}

impl Stream {
    async fn open(client: &Client, path: &str, last: Option<&str>) -> Self {
        let mut request = client.request(Method::GET, path).header("accept", "text/event-stream");
        if let Some(id) = last {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        assert_eq!(header("content-type").as_deref(), Some("text/event-stream"));
        assert_eq!((header("x-accel-buffering").as_deref(), header("content-encoding")), (Some("no"), None));
        Self { bytes: response.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec())).boxed(), text: String::new() }
    }

    /// The next event; comments are passed over.
    async fn next(&mut self) -> Event {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned());
                let event = field("data:").map(|data| Event {
                    id: field("id:").unwrap().parse().unwrap(),
                    name: field("event:").unwrap(),
                    data: serde_json::from_str(&data).unwrap(),
                });
                self.text = rest.to_owned();
                if let Some(event) = event {
                    return event;
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.bytes.next()).await.expect("an event").expect("an open stream").unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

/// Where a bulk answer says that one can listen.
async fn place(client: &Client) -> String {
    let answer = all(client, json!({})).await.expect(200).json();
    let streams = answer["eventStreams"].as_array().unwrap();
    assert_eq!((streams.len(), &streams[0]["type"], &streams[0]["inactivityDelaySec"]), (1, &json!("sse"), &json!(120)));
    assert!(streams[0].get("url").is_none());
    streams[0]["endpoint"]["requestUri"].as_str().unwrap().to_owned()
}

async fn a_change_is_told_to_whoever_has_a_ticket(world: &World) {
    flag(world, "banner", json!({})).await;
    let (client, browser) = (application(world).await, world.anonymous());
    let place = place(&client).await;
    let mut stream = Stream::open(&browser, &place, None).await;
    change(world, "banner", json!({ "enabled": false })).await;
    let event = stream.next().await;
    let revision = world.app.published.revision();
    assert_eq!((event.id, event.name.as_str()), (revision, "message"));
    assert_eq!((&event.data["type"], &event.data["etag"]), (&json!("refetchEvaluation"), &json!(format!("rev-{revision}"))));
    let told = event.data["lastModified"].as_i64().expect("seconds since 1970");
    assert!((told - world.app.now().seconds()).abs() <= 60, "{told}");
    let told = format!("{ALL}?flagConfigEtag=rev-{revision}&flagConfigLastModified={told}");
    client.post(&told, json!({})).await.expect(200);
}

/// Between an answer and the opening of the stream nothing gets lost, and who comes back hears what it missed, once.
async fn nothing_is_missed_and_nothing_told_twice(world: &World) {
    flag(world, "banner", json!({})).await;
    let (client, browser) = (application(world).await, world.anonymous());
    let place = place(&client).await;
    let first = world.app.published.revision();
    change(world, "banner", json!({ "enabled": false })).await;
    assert_eq!(Stream::open(&browser, &place, None).await.next().await.id, first + 1, "changed before the stream was open");
    let mut missed = Stream::open(&browser, &place, Some(&first.to_string())).await;
    let mut heard = Stream::open(&browser, &place, Some(&(first + 1).to_string())).await;
    let mut confused = Stream::open(&browser, &place, Some("evt-1234")).await;
    assert_eq!((missed.next().await.id, confused.next().await.id), (first + 1, first + 1));
    change(world, "banner", json!({ "enabled": true })).await;
    assert_eq!((heard.next().await.id, missed.next().await.id), (first + 2, first + 2));
}

async fn a_ticket_or_a_token_is_needed(world: &World) {
    flag(world, "banner", json!({})).await;
    let (client, browser) = (application(world).await, world.anonymous());
    let place = place(&client).await;
    let (path, query) = place.split_once('?').unwrap();
    let ticket = query.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap();
    let (start, end) = ticket.split_at(10);
    for forged in [String::new(), "token=".into(), "token=qd_x".into(), format!("token={start}x{}", &end[1..]), format!("since=1&ticket={ticket}")] {
        browser.get(&format!("{path}?{forged}")).await.expect(401);
    }
    let mut by_token = Stream::open(&client, path, None).await;
    change(world, "banner", json!({ "enabled": false })).await;
    assert_eq!(by_token.next().await.id, world.app.published.revision());
}

/// The same answer gives the same address, so that clients keep their connection.
async fn the_address_stays_while_nothing_changes(world: &World) {
    let client = application(world).await;
    let mut places = Vec::new();
    // A quarter of an hour may end between two answers, but not twice.
    for _ in 0..3 {
        places.push(place(&client).await);
    }
    places.dedup();
    assert!(places.len() <= 2, "{places:?}");
}

crate::both!(
    a_change_is_told_to_whoever_has_a_ticket,
    nothing_is_missed_and_nothing_told_twice,
    a_ticket_or_a_token_is_needed,
    the_address_stays_while_nothing_changes,
);

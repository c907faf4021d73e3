//! The same failure has one fingerprint, different ones have different ones.

use proptest::prelude::*;

use qd_core::port::Queue;
use qd_core::port::queue::JobState;

use super::*;
use crate::features::queues::index::Entry;
use crate::features::queues::run::{Filter, Match};
use crate::features::queues::tests::QUEUE;

#[test]
fn reasons_lose_what_differs_from_job_to_job() {
    for (given, wanted) in [
        ("Order 4711 not found", "Order # not found"),
        ("SendGridError 429: too many requests, retry after 38 s", "SendGridError 429: too many requests, retry after # s"),
        ("Request failed with status code 502", "Request failed with status code 502"),
        ("connect ECONNREFUSED 10.0.3.7:6379", "connect ECONNREFUSED #"),
        ("no user ada.l@mail.example.org.", "no user <mail>."),
        ("job 018f6d3c-1c2b-7def-8a00-0123456789ab took 1.5s", "job <id> took #s"),
        ("charge ch_3MmlLrLkdIwHu7ix of ord_9F21K failed", "charge ch_<id> of ord_<id> failed"),
        ("GET https://u:p@api.example.org/v1/orders/77?x=1: status 502", "GET https://api.example.org/v1/orders/<id>: status 502"),
        ("Cannot read properties of undefined (reading 'total')", "Cannot read properties of undefined (reading <text>)"),
        ("can't open 'a b', it doesn't exist", "can't open <text>, it doesn't exist"),
        ("since 2026-11-22T14:02:11.123Z and 2026-11-22 14:02:11+01:00", "since <time> and <time>"),
        ("E11000 duplicate key", "E11000 duplicate key"),
        ("sha256 of 9F86D081884C7D65 differs", "sha256 of <id> differs"),
        ("  \n first line \n second", "first line"),
        ("worker-2 lost order77", "worker-# lost order#"),
        ("größe 5 zu groß", "größe # zu groß"),
        ("", ""),
    ] {
        assert_eq!(normalised(given), wanted, "of {given}");
    }
    assert_eq!(fingerprint("Order 4711 not found", None).len(), 16);
}

/// Whoever retries a group retries its jobs and no others.
#[tokio::test]
async fn a_group_and_its_filter_mean_the_same_jobs() {
    let world = crate::features::queues::tests::Memory::new();
    let reasons = [
        "Order 4711 not found",
        "Order 12 not found",
        "Order 4711 not found\n    at send (src/a.ts:1:1)",
        "Timeout after 3 s",
        "  \n Timeout after 40 s\n    at other (src/b.ts:9:9)",
        "password=hunter2 refused",
        "status 429",
        "status 500",
        "",
    ];
    world.fill(JobState::Failed, reasons.len());
    for (n, reason) in reasons.iter().enumerate() {
        world.change(&format!("failed-{n}"), |job| job.reason = Some((*reason).to_owned()));
    }
    let ids: Vec<String> = (0..reasons.len()).map(|n| format!("failed-{n}")).collect();
    let rows = world.find(QUEUE, &ids).await.unwrap();
    let groups: std::collections::BTreeSet<String> = rows.iter().map(cause).collect();
    assert_eq!(groups.len(), 6);
    for group in groups {
        let filter = Filter { fingerprint: Some(group.clone()), ..Filter::all(JobState::Failed) };
        for row in &rows {
            let entry = Entry::of("shop", QUEUE, row).unwrap();
            assert_eq!((filter.matches(row) == Match::Yes, entry.fingerprint == group), (cause(row) == group, cause(row) == group), "{row:?}");
        }
    }
}

#[test]
fn the_top_frame_is_the_own_one() {
    let stack = "SendGridError: Too Many Requests\n    at Mailer.send (node_modules/mailer/send.ts:84:13)\n    at sendOrder (src/jobs/order.ts:41:5)\n    at x (src/y.ts:1:1)";
    let top = top_frame(stack).unwrap();
    assert_eq!(top, "at sendOrder (src/jobs/order.ts:41:5)");
    let python = "Traceback (most recent call last):\n  File \"/app/worker.py\", line 3, in run\n  File \"/app/mail.py\", line 9, in send\n  File \"/usr/lib/python3/smtplib.py\", line 1, in x\nOSError: no";
    assert_eq!(top_frame(python), Some("File \"/app/mail.py\", line 9, in send"));
    assert_eq!(top_frame("no frames"), None);
    assert_ne!(fingerprint("x", Some(top)), fingerprint("x", Some("at other (src/jobs/order.ts:41:5)")));
    assert_eq!(fingerprint("x", Some(top)), fingerprint("x", Some("at sendOrder (src/jobs/order.ts:44:9)")), "lines move with every deploy");
}

#[derive(Debug, Clone)]
struct Ids {
    number: u64,
    uuid: u128,
    hex: String,
    name: String,
    id: String,
    text: String,
}

fn ids() -> impl Strategy<Value = Ids> {
    (any::<u64>(), any::<u128>(), "[0-9a-f]{12,40}", "[a-z]{1,8}[0-9]{0,3}", "[0-9A-Z]{5}", "[a-zA-Z0-9 ]{0,12}")
        .prop_map(|(number, uuid, hex, name, id, text)| Ids { number: number % 10_000_000, uuid, hex, name, id, text })
}

fn reasons(ids: &Ids) -> Vec<String> {
    let Ids { number, uuid, hex, name, id, text } = ids;
    let uuid = uuid::Uuid::from_u128(*uuid);
    vec![
        format!("Order {number} not found"),
        format!("Job {uuid} stalled"),
        format!("no object {hex} in the store"),
        format!("{name}@example.org is not subscribed"),
        format!("charge ord_{id} was refused"),
        format!("unknown template \"{text}\""),
        format!("GET https://api.example.org/orders/{number}/items?page={number} failed"),
        format!("timeout of {number}ms exceeded"),
        format!("lock of {uuid} held by worker-{}", number % 90),
        "Connection refused".into(),
        "status 500".into(),
        "status 429".into(),
    ]
}

proptest! {
    #[test]
    fn other_ids_are_the_same_failure_and_other_failures_are_not(one in ids(), two in ids()) {
        let (one, two) = (reasons(&one), reasons(&two));
        for (a, left) in one.iter().enumerate() {
            for (b, right) in two.iter().enumerate() {
                let same = fingerprint(left, None) == fingerprint(right, None);
                prop_assert_eq!(same, a == b, "{} and {}: {} and {}", left, right, normalised(left), normalised(right));
            }
        }
    }

    #[test]
    fn any_reason_has_one(reason in any::<String>()) {
        prop_assert_eq!(fingerprint(&reason, None).len(), 16);
    }
}

//! Queues full of failed jobs, as BullMQ 6 leaves them.

use super::resp::Resp;
use crate::Result;

/// They failed one after another within so many milliseconds before now.
const SPAN_MS: u64 = 3_600_000;

/// Fills `queue` with `count` failed jobs of three causes.
pub fn failed(redis: &mut Resp, queue: &str, count: u64) -> Result<()> {
    let now: u64 = redis.ask(&["TIME"])?.lines().next().unwrap_or_default().parse::<u64>()? * 1_000;
    let base = format!("bull:{queue}");
    redis.send(&["HSET", &format!("{base}:meta"), "opts.maxLenEvents", "10000", "version", "bullmq:6.7.0"])?;
    redis.send(&["SET", &format!("{base}:id"), &count.to_string()])?;
    for id in 1..=count {
        let ended = now - SPAN_MS + id * SPAN_MS / (count + 1);
        let (made, began, name) =
            ((ended - 2_000).to_string(), (ended - 1_000).to_string(), if id % 2 == 0 { "order.confirmation" } else { "vendor.new-order" });
        let data = format!(r#"{{"orderId":{id},"to":"customer{id}@example.com","items":[{},{}]}}"#, id % 97, id % 13);
        let reason = match id % 3 {
            0 => format!("SendGridError 429: too many requests, retry after {} s", id % 60),
            1 => format!("connect ECONNREFUSED 127.0.0.1:{}", 2_000 + id % 100),
            _ => format!("order {id} has no address"),
        };
        let stack = format!(r#"["Error: {reason}\n    at send (src/mailer/sendgrid.ts:84:13)\n    at work (src/jobs/email.ts:41:5)"]"#);
        let (score, key) = (ended.to_string(), format!("{base}:{id}"));
        redis.send(&[
            "HSET",
            &key,
            "name",
            name,
            "data",
            &data,
            "opts",
            r#"{"attempts":3,"backoff":{"type":"exponential","delay":1000}}"#,
            "timestamp",
            &made,
            "delay",
            "0",
            "priority",
            if id % 10 == 0 { "5" } else { "0" },
            "processedOn",
            &began,
            "finishedOn",
            &score,
            "ats",
            "3",
            "atm",
            "3",
            "failedReason",
            &reason,
            "stacktrace",
            &stack,
        ])?;
        redis.send(&["ZADD", &format!("{base}:failed"), &score, &id.to_string()])?;
    }
    redis.settle()
}

//! How long deciding takes: 50 flags of all sorts and the 3 reserved ones in one context, best of many rounds, in this process.
//!
//! `cargo run --release -p quarterdeck-app --example bench_flags`

use std::hint::black_box;
use std::time::Instant;

use app::features::flags::definition::Definition;
use app::features::flags::evaluate::{Context, Reserved, Snapshot};
use serde_json::{Value, json};

const ROUNDS: u32 = 300;
const TIMES: u32 = 200;

fn main() -> Result<(), serde_json::Error> {
    let flags = (0..50).map(|number| Ok((format!("flag-{number:02}"), serde_json::from_value::<Definition>(flag(number))?)));
    let flags: Vec<(String, Definition)> = flags.collect::<Result<_, serde_json::Error>>()?;
    let snapshot = Snapshot::new(1, flags.iter().map(|(key, definition)| (key.as_str(), definition)), Reserved::default());
    let context: Context = serde_json::from_value(json!({
        "targetingKey": "0192f3a4-5b6c-7d8e-9f00-112233445566", "vendorId": "vendor-4711", "role": "CUSTOMER", "plan": "pro", "country": "DE",
        "version": "2.10.3",
    }))?;
    let all = best(|| snapshot.evaluate_all(black_box(&context)).map(|(_, given)| given.variant.len()).sum());
    let one = best(|| snapshot.evaluate(black_box("flag-14"), black_box(&context)).map_or(0, |given| given.variant.len()));
    println!("50 flags in {:.2} µs, one by its key in {:.0} ns", all * 1e6, one * 1e9);
    Ok(())
}

/// Seconds of one run, the best mean of many rounds: what the machine can do when nothing else wants it.
fn best(run: impl Fn() -> usize) -> f64 {
    let round = || {
        let begun = Instant::now();
        for _ in 0..TIMES {
            black_box(run());
        }
        begun.elapsed().as_secs_f64() / f64::from(TIMES)
    };
    (0..ROUNDS).map(|_| round()).fold(f64::MAX, f64::min)
}

fn flag(number: u32) -> Value {
    let rule = |attribute: &str, operator: &str, value: Value| json!({ "conditions": [{ "attribute": attribute, "operator": operator, "value": value }], "variant": "on" });
    let rules = match number % 5 {
        0 => json!([rule("country", "in", json!(["US", "CA"])), rule("plan", "eq", json!("pro"))]),
        1 => json!([rule("version", "semver_ge", json!("3.0.0"))]),
        _ => json!([]),
    };
    let rollout = match number % 4 {
        0 => 0,
        1 => 5,
        2 => 50,
        _ => 100,
    };
    let scope = if number.is_multiple_of(7) { "VENDOR" } else { "GLOBAL" };
    json!({
        "enabled": !number.is_multiple_of(11), "scope": scope, "rolloutPercentage": rollout, "rules": rules, "allow": ["u1", "u2"],
        "variants": [{ "name": "on", "value": true }, { "name": "off", "value": false }], "onVariant": "on", "offVariant": "off",
    })
}

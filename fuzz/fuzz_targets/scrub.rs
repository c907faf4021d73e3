//! Foreign texts of jobs: masked once is masked, JSON stays JSON, and any reason has a fingerprint.
#![no_main]

use app::features::queues::failure::fingerprint;
use app::features::queues::scrub::scrub;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let text = String::from_utf8_lossy(body);
    let clean = scrub(&text);
    if matches!(text.trim_start().chars().next(), Some('{' | '[')) && serde_json::from_str::<serde_json::Value>(&text).is_ok() {
        assert!(serde_json::from_str::<serde_json::Value>(&clean).is_ok(), "{text} became {clean}");
    }
    assert_eq!(fingerprint(&text, None).len(), 16);
});

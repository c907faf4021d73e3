//! OTLP bodies in both encodings, as all three signals, down to the rows that would be stored.
#![no_main]

use app::features::telemetry::ingest::{read_logs, read_traces};
use app::features::telemetry::otlp::{Encoding, data_points};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let now = qd_time();
    for encoding in [Encoding::Protobuf, Encoding::Json] {
        let _ = read_traces(encoding, body, now);
        let _ = read_logs(encoding, body, now, i64::MAX / 4_000_000);
        let _ = data_points(encoding, body);
    }
});

/// 2026-11-22, the time of the corpus.
fn qd_time() -> qd_core::Timestamp {
    qd_core::Timestamp::from_seconds(1_795_390_800)
}

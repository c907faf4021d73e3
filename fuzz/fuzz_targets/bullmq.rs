//! Hashes of jobs, scores, ids, events and lists of clients, as somebody else's program left them in Redis.
#![no_main]

use drivers::queue::bullmq::parse::anything;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| anything(bytes));

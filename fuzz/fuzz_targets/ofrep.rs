//! Bodies of flag evaluations: what comes through is a context of bounded depth, or a failure of the protocol.
#![no_main]

use app::features::flags::ofrep::context;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Ok(context) = context(body) {
        assert!(!matches!(context.get("targetingKey"), Some(key) if !key.is_string() && !key.is_number()));
    }
});

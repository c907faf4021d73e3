//! A `Permit` can't be written down either.
use qd_core::gate::{Actor, Permit, Warrant};

struct Purge;

fn forge(warrant: Warrant) -> Permit<Purge> {
    Permit { action: Purge, actor: Actor::cli("me"), reason: None, warrant } //~ E0451 fields `action`, `actor`, `reason` and `warrant` of struct `Permit` are private
}

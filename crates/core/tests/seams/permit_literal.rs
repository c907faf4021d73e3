//! A `Permit` can't be written down either.
use qd_core::gate::{Actor, Permit, Warrant};

struct Purge;

fn forge(warrant: Warrant) -> Permit<Purge> {
    Permit { action: Purge, actor: Actor::cli("me"), reason: None, warrant }
}

fn main() {
    let _ = forge;
}

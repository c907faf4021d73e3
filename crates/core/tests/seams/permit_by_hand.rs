//! Only the gate makes a `Permit`.
use qd_core::gate::{Actor, Permit};

struct Purge;

fn main() {
    let actor = Actor::cli("me");
    let _ = Permit::new(Purge, actor.clone(), None);
    let _ = Permit { action: Purge, actor, reason: None, warrant: todo!() };
}

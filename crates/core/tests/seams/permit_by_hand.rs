//! Only the gate makes a `Permit`.
use qd_core::gate::{Actor, Permit};

struct Purge;

fn main() {
    let _ = Permit::new(Purge, Actor::cli("me"), None);
}

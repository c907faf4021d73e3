//! Only the gate makes a `Permit`.
use qd_core::gate::{Actor, Permit};

struct Purge;

fn forge() {
    let _ = Permit::new(Purge, Actor::cli("me"), None); //~ E0624 private associated function
}

//! A changing verb takes the permit of its own action.
use qd_core::gate::Permit;

struct Purge;
struct Pause;

fn purge(_permit: Permit<Purge>) {}

fn with(pause: Permit<Pause>) {
    purge();
    purge(pause);
}

fn main() {
    let _ = with;
}

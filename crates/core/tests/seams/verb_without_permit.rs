//! A changing verb takes the permit of its own action, once.
use qd_core::gate::Permit;

struct Purge;
struct Pause;

fn purge(_permit: Permit<Purge>) {}

fn with(pause: Permit<Pause>, once: Permit<Purge>) {
    purge();
    purge(pause);
    purge(once);
    purge(once);
}

fn main() {
    let _ = with;
}

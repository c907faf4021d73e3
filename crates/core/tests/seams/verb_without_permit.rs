//! A changing verb takes the permit of its own action.
use qd_core::gate::Permit;

struct Purge;
struct Pause;

fn purge(_permit: Permit<Purge>) {}

fn with(pause: Permit<Pause>) {
    purge(); //~ E0061 `Permit<Purge>` is missing
    purge(pause); //~ E0308 expected `Permit<Purge>`, found `Permit<Pause>`
}

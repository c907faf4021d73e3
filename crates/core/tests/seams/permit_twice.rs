//! A permit is for one change: the verb takes it by value.
use qd_core::gate::Permit;

struct Purge;

fn purge(_permit: Permit<Purge>) {}

fn twice(permit: Permit<Purge>) {
    purge(permit);
    purge(permit); //~ E0382 `Permit<Purge>`, which does not implement the `Copy` trait
}

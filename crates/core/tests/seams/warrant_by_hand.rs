//! Only a `Permit` gives a `Warrant`.
use qd_core::gate::Warrant;

fn main() {
    let _ = Warrant { _made_by_the_gate: () };
}

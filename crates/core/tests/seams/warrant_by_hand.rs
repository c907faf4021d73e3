//! Only a `Permit` gives a `Warrant`.
use qd_core::gate::Warrant;

fn forge() {
    let _ = Warrant { _made_by_the_gate: () }; //~ E0451 private field
}

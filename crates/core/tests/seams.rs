//! What must not compile: a change without the gate's leave (law 1).

#[test]
fn nothing_changes_round_the_gate() {
    trybuild::TestCases::new().compile_fail("tests/seams/*.rs");
}

//! What must not compile.

#[test]
fn a_route_without_access_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/seams/*.rs");
}

//! All SQL of the running shop. One text serves both databases.

pub mod accounts;
pub mod books;
pub mod clicks;
pub mod orders;
pub mod shelf;
pub mod tidy;
pub mod vendors;

/// Declares statements and lists them, so that a test can prepare every one on both databases.
macro_rules! sql {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)+) => {
        $($(#[$doc])* const $name: &str = $text;)+
        /// Every statement of this module.
        pub(super) const STATEMENTS: &[&str] = &[$($name),+];
    };
}
use sql;

/// Every statement of the shop and of its generator as `dialect` gets it: a test prepares them all.
pub fn statements(dialect: engine::Dialect) -> Vec<&'static str> {
    let lists = [
        accounts::STATEMENTS,
        books::STATEMENTS,
        clicks::STATEMENTS,
        orders::STATEMENTS,
        shelf::STATEMENTS,
        tidy::STATEMENTS,
        vendors::STATEMENTS,
        crate::scenario::STATEMENTS,
    ];
    let generator = crate::generate::statements().into_iter().chain(crate::generate::insert::all(dialect));
    lists.concat().into_iter().chain(generator).collect()
}

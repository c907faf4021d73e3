//! Failed jobs by what made them fail.

mod fingerprint;

pub use fingerprint::{fingerprint, normalised, top_frame};

#[cfg(test)]
mod tests;

//! The half that only reads.

mod exists;

pub(super) use exists::exists;

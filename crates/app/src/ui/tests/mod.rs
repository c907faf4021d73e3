//! Formats, escaping in every text slot, the shape of a page, and no style without a user.

mod escape;
mod formats;
mod shell;
mod styles;

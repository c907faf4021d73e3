//! Formats, escaping in every text slot, and the shape of a page.

mod escape;
mod formats;
mod shell;

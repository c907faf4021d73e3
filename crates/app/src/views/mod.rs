//! The tabs: each composes panels of features, and nothing else.

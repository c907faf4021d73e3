//! Configuration into a running control center.

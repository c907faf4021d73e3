//! Drivers behind the ports of the core.

//! Feature flags and maintenance state for applications.

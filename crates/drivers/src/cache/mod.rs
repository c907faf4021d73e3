//! Looks into the platform's cache, read-only.

mod redis;

pub use self::redis::Redis;

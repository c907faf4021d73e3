//! Behaviour of deploys, the same on both databases.

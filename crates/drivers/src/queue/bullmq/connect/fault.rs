//! What Redis or the way to it said, in a sentence. The library's texts hold no URL; these are for people.

use qd_core::Error;
use redis::{ErrorKind, RedisError};

use super::{DRIVER, RESPONSE, late};
use crate::upstream;

/// The error for people.
pub(in crate::queue::bullmq) fn fault(fault: RedisError) -> Error {
    let said = match (fault.kind(), fault.code()) {
        (ErrorKind::AuthenticationFailed, _) => "User or password was refused.".to_owned(),
        (_, Some("NOAUTH")) => "It asks for a password and none is configured.".to_owned(),
        (_, Some("WRONGPASS")) => "User or password was refused.".to_owned(),
        (_, Some("NOPERM")) => format!("The user may not do this: {}", detail(&fault)),
        (_, Some("LOADING")) => "It is loading its data after a start.".to_owned(),
        (_, Some("BUSY")) => "It is busy with somebody's script.".to_owned(),
        (_, Some("READONLY")) => "It is a replica: another server is the master now.".to_owned(),
        (_, Some("CLUSTERDOWN")) => "The cluster is down: not all slots are served.".to_owned(),
        (_, Some("CROSSSLOT")) => "Keys of one queue lie on different servers of the cluster: its prefix needs a hash tag such as {bull}.".to_owned(),
        (_, Some("OOM")) => "It has no memory left (maxmemory).".to_owned(),
        (ErrorKind::MasterNameNotFoundBySentinel, _) => "No sentinel knows a live master of this name.".to_owned(),
        _ if fault.is_connection_refusal() => "Connection refused.".to_owned(),
        _ if fault.is_timeout() => late(RESPONSE),
        _ if fault.is_connection_dropped() => "It closed the connection.".to_owned(),
        _ => fault.to_string(),
    };
    upstream(DRIVER, said)
}

fn detail(fault: &RedisError) -> String {
    fault.detail().map_or_else(|| fault.to_string(), ToOwned::to_owned)
}

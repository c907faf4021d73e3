//! Our scripts. Each leaves a queue as BullMQ's own script for the same work on one job would, and runs for a bounded number of jobs.

use std::sync::LazyLock;

use qd_core::Result;
use redis::{FromRedisValue, Script, ScriptInvocation};

use crate::queue::bullmq::connect::{Conn, fault};
use crate::queue::bullmq::keys::Keys;

/// Makes the statics: every script begins with what all share.
macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = [$($file:literal),+];)+) => {
        $($(#[$doc])*
        pub(in crate::queue::bullmq) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!(include_str!("../lua/common.lua"), $("\n", include_str!(concat!("../lua/", $file))),+)));)+
    };
}

scripts! {
    /// Failed and completed jobs run again.
    RETRY = ["retry.lua"];
    /// Delayed jobs become due.
    PROMOTE = ["promote.lua"];
    /// Delayed jobs become due later or sooner.
    DELAY = ["delay.lua"];
    /// Jobs get another priority.
    PRIORITY = ["priority.lua"];
    /// Jobs are deleted.
    REMOVE = ["remove.lua"];
    /// Deleted jobs come back.
    RESTORE = ["restore.lua"];
    /// A deleted queue is as it was set.
    REVIVE = ["revive.lua"];
    /// Workers stop.
    PAUSE = ["merge.lua", "pause.lua"];
    /// Workers go on.
    RESUME = ["merge.lua", "resume.lua"];
    /// A queue is deleted.
    OBLITERATE = ["obliterate.lua"];
    /// A schedule's job runs now.
    ENQUEUE = ["enqueue.lua"];
    /// A schedule comes back.
    SCHEDULE = ["schedule.lua"];
    /// A schedule is deleted.
    UNSCHEDULE = ["unschedule.lua"];
}

/// One call of a script on a queue; arguments follow.
pub(in crate::queue::bullmq) fn call(script: &'static Script, keys: Keys<'_>) -> ScriptInvocation<'static> {
    script.key(keys.base())
}

/// Runs it. A server that does not know the script yet is told it.
pub(in crate::queue::bullmq) async fn run<T: FromRedisValue>(conn: &mut Conn, call: &ScriptInvocation<'static>) -> Result<T> {
    call.invoke_async(conn).await.map_err(fault)
}

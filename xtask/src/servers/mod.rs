//! Real servers for tests and benchmarks: on free ports of the loopback address, in scratch directories, gone with us.

mod postgres;
mod redis;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

pub use postgres::{Postgres, is_root};
pub use redis::Redis;

use crate::Result;
use crate::process::Group;

const START: Duration = Duration::from_secs(30);

/// A port that is free now. Another process may take it before its user listens: starters try again.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Waits until something accepts connections on `port`; fails when the process ends first.
pub fn wait_until_open(group: &mut Group, port: u16, what: &str) -> Result<()> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let started = Instant::now();
    while started.elapsed() < START {
        if let Some(status) = group.ended()? {
            return Err(format!("{what} ended while starting: {status}").into());
        }
        if TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("{what} did not open port {port} within {} s", START.as_secs()).into())
}

/// A command that ends with us even when we are killed, and runs as `user` when one is given. Linux's parent-death signal does that, through
/// `setpriv`; where there is no such tool the command runs as it is.
fn tethered(program: &Path, user: Option<&str>) -> Command {
    let has_setpriv = Command::new("setpriv").arg("--version").output().is_ok_and(|output| output.status.success());
    if !has_setpriv {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    if let Some(user) = user {
        command.args([format!("--reuid={user}"), format!("--regid={user}"), "--init-groups".to_owned()]);
    }
    command.args(["--pdeathsig", "INT", "--"]).arg(program);
    command
}

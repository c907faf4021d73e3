//! A Redis server of our own, in memory only.

use std::path::Path;
use std::process::Stdio;

use super::{free_port, tethered, wait_until_open};
use crate::Result;
use crate::process::Group;
use crate::scratch::Scratch;

const ATTEMPTS: u32 = 3;

/// A running server.
pub struct Redis {
    _server: Group,
    _files: Scratch,
    /// `redis://127.0.0.1:PORT`.
    pub url: String,
}

impl Redis {
    /// Starts a server that keeps nothing and refuses to evict: queues need that.
    pub fn start(program: &Path) -> Result<Self> {
        let files = Scratch::new("redis")?;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let port = free_port()?;
            let mut command = tethered(program, None);
            command.args([
                "--bind",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--save",
                "",
                "--appendonly",
                "no",
                "--maxmemory-policy",
                "noeviction",
                "--dir",
            ]);
            command.arg(files.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut server = Group::start(&mut command)?;
            match wait_until_open(&mut server, port, "Redis") {
                Ok(()) => return Ok(Self { _server: server, _files: files, url: format!("redis://127.0.0.1:{port}") }),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| "Redis did not start".into()))
    }
}

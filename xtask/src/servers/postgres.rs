//! A Postgres cluster of our own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{free_port, tethered, wait_until_open};
use crate::Result;
use crate::process::Group;
use crate::scratch::Scratch;

/// The account that Debian's package makes; Postgres refuses to run as root.
const ACCOUNT: &str = "postgres";
const ATTEMPTS: u32 = 3;

/// A running cluster. Fields are dropped in order: first the server, then its files.
pub struct Postgres {
    _server: Group,
    _files: Scratch,
    /// `postgres://postgres@127.0.0.1:PORT/postgres`; the user may create databases.
    pub url: String,
}

impl Postgres {
    /// Makes and starts a cluster. `durable` keeps fsync on, for tests and figures about what survives; all other tests run faster without.
    pub fn start(binaries: &Path, purpose: &str, durable: bool) -> Result<Self> {
        let files = Scratch::new(purpose)?;
        let account = is_root().then_some(ACCOUNT);
        if account.is_some() {
            run(Command::new("chown").arg(ACCOUNT).arg(files.path()), "give the cluster's directory to postgres")?;
        }
        let data = files.path().join("data");
        let mut initdb = tethered(&binaries.join("initdb"), account);
        initdb
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions", "-D"])
            .arg(&data);
        run(initdb.current_dir(files.path()), "make a Postgres cluster")?;
        let (server, port) = listen(binaries, &files, &data, account, durable)?;
        Ok(Self { _server: server, _files: files, url: format!("postgres://postgres@127.0.0.1:{port}/postgres") })
    }

    /// The directory of the newest server programs: Debian keeps them out of PATH. A link to one of them stands for its own directory.
    pub fn binaries() -> Option<PathBuf> {
        let complete = |dir: &PathBuf| ["initdb", "postgres", "pg_isready", "pg_dump"].iter().all(|program| dir.join(program).is_file());
        let home = |dir: PathBuf| Some(dir.join("initdb").canonicalize().ok()?.parent()?.to_path_buf());
        let in_path = std::env::var_os("PATH").and_then(|path| std::env::split_paths(&path).filter_map(home).find(complete));
        in_path.or_else(|| {
            let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
            let dirs = versions.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin"))));
            dirs.filter(|(_, dir)| complete(dir)).max_by_key(|(version, _)| *version).map(|(_, dir)| dir)
        })
    }
}

fn listen(binaries: &Path, files: &Scratch, data: &Path, account: Option<&str>, durable: bool) -> Result<(Group, u16)> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let port = free_port()?;
        let log = File::create(files.path().join("server.log"))?;
        let mut command = tethered(&binaries.join("postgres"), account);
        command.arg("-D").arg(data).args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        // No socket files: their paths may be too long. Statement statistics are what the database view reads.
        for setting in ["unix_socket_directories=", "max_connections=300", "shared_buffers=256MB", "shared_preload_libraries=pg_stat_statements"] {
            command.args(["-c", setting]);
        }
        if !durable {
            command.args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]);
        }
        command.current_dir(files.path()).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut server = Group::start(&mut command)?;
        match wait_until_open(&mut server, port, "Postgres").and_then(|()| wait_until_ready(binaries, port)) {
            Ok(()) => return Ok((server, port)),
            Err(error) => last = Some(format!("{error}\n{}", fs::read_to_string(files.path().join("server.log")).unwrap_or_default())),
        }
    }
    Err(last.unwrap_or_default().into())
}

/// The port opens a moment before the first query is answered.
fn wait_until_ready(binaries: &Path, port: u16) -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < super::START {
        let ready = Command::new(binaries.join("pg_isready")).args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status()?;
        if ready.success() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("Postgres does not answer".into())
}

fn run(command: &mut Command, what: &str) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("can't {what}: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(format!("can't {what}: {}", String::from_utf8_lossy(&output.stderr).trim()).into()) }
}

/// Whether we run as root.
pub fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| status.lines().any(|line| line.starts_with("Uid:\t0\t")))
}

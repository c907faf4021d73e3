//! The workers: a process of Node that is installed once, told where everything is, and started again when it ends.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::fs;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use super::Bull;
use super::bench::Open;
use crate::error::{Error, Result};

/// What the workers are, beside what npm installs.
const FILES: [(&str, &str); 4] = [
    ("package.json", include_str!("../../../workers/package.json")),
    ("package-lock.json", include_str!("../../../workers/package-lock.json")),
    (".npmrc", include_str!("../../../workers/.npmrc")),
    ("worker.mjs", include_str!("../../../workers/worker.mjs")),
];
/// What says which list was installed.
const STAMP: &str = ".installed";
/// Which Node.js, when it is not the `node` of the path.
const NODE: &str = "MARKETPLACE_NODE";
/// Packages that are installed already, for machines without a way to npm's registry.
const PACKAGES: &str = "MARKETPLACE_WORKERS_PACKAGES";
/// Oldest Node.js that BullMQ runs on.
const OLDEST: u32 = 20;
/// How long npm may take.
const INSTALL: Duration = Duration::from_secs(180);
/// Between the end of a process and its next start.
const AGAIN: Duration = Duration::from_secs(2);

/// Writes the workers into `folder` and installs what they need, unless that was done.
pub(super) async fn install(folder: &Path) -> Result<()> {
    node().await?;
    fs::create_dir_all(folder).await?;
    let lock = FILES[1].1;
    let installed = fs::read_to_string(folder.join(STAMP)).await.is_ok_and(|stamp| stamp == lock) && folder.join("node_modules").exists();
    for (name, text) in FILES {
        fs::write(folder.join(name), text).await?;
    }
    if installed {
        return Ok(());
    }
    match std::env::var_os(PACKAGES) {
        Some(packages) => link(Path::new(&packages), &folder.join("node_modules")).await?,
        None => npm_ci(folder).await?,
    }
    fs::write(folder.join(STAMP), lock).await?;
    Ok(())
}

fn program() -> OsString {
    std::env::var_os(NODE).unwrap_or_else(|| "node".into())
}

/// That there is a Node.js, and that it is not too old.
async fn node() -> Result<()> {
    let told = Command::new(program()).arg("--version").stdin(Stdio::null()).output().await;
    let version = told.map(|told| String::from_utf8_lossy(&told.stdout).trim().to_owned()).unwrap_or_default();
    let major: Option<u32> = version.strip_prefix('v').and_then(|version| version.split('.').next()?.parse().ok());
    match major {
        Some(major) if major >= OLDEST => Ok(()),
        Some(_) => Err(Error::Workers(format!("BullMQ's workers need Node.js {OLDEST} or newer, and this is {version}"))),
        None => {
            Err(Error::Workers(format!("BullMQ's workers need Node.js {OLDEST} or newer, and there is no `node`: install it, or go without Redis")))
        }
    }
}

async fn link(packages: &Path, to: &Path) -> Result<()> {
    let _old = fs::remove_file(to).await;
    #[cfg(unix)]
    fs::symlink(packages, to).await?;
    Ok(())
}

async fn npm_ci(folder: &Path) -> Result<()> {
    tracing::info!("installing BullMQ for the workers");
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    let done = tokio::time::timeout(INSTALL, npm.output()).await;
    let why = match done {
        Ok(Ok(done)) if done.status.success() => return Ok(()),
        Ok(Ok(done)) => String::from_utf8_lossy(&done.stderr).lines().next().unwrap_or("it did not say why").to_owned(),
        Ok(Err(error)) => format!("npm can't be started ({error})"),
        Err(_) => format!("npm took longer than {} s", INSTALL.as_secs()),
    };
    Err(Error::Workers(format!("BullMQ's workers can't be installed in {}: {why}", folder.display())))
}

/// Starts the process, and again whenever it ends.
pub(super) fn keep(folder: PathBuf, bull: Bull, bench: Open, zone: String, helpers: &mut JoinSet<()>) {
    helpers.spawn(async move {
        loop {
            match start(&folder, &bull, &bench, &zone) {
                Ok(mut child) => {
                    // Waiting would close it, and that is how they are asked to end.
                    let _open = child.stdin.take();
                    let (said, complained) = (child.stdout.take(), child.stderr.take());
                    tokio::join!(tell(said), tell(complained));
                    let status = child.wait().await;
                    tracing::warn!(?status, "the workers ended and are started again");
                }
                Err(error) => tracing::error!(%error, "the workers can't be started"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    });
}

/// It ends when its standard input does, that is with us, however we end.
fn start(folder: &Path, bull: &Bull, bench: &Open, zone: &str) -> std::io::Result<Child> {
    let mut node = Command::new(program());
    node.arg("worker.mjs").current_dir(folder);
    node.env("REDIS_URL", &bull.url).env("QUEUE_PREFIX", &bull.prefix).env("TIME_ZONE", zone);
    node.env("WORK_URL", &bench.url).env("WORK_TOKEN", &bench.token);
    node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// What the workers say goes into our log.
async fn tell(stream: Option<impl AsyncRead + Unpin>) {
    let Some(stream) = stream else { return };
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::info!(target: "workers", "{line}");
    }
}

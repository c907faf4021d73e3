//! The real clients of applications that tests run, installed from lists that name every version: packages of Node beside their list, those
//! of Python in an environment of their own in the target directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::needs::{self, Tools};
use crate::{Result, repo};

/// Where they are.
pub struct Clients {
    node: PathBuf,
    python: PathBuf,
    workers: PathBuf,
    runtime: PathBuf,
}

impl Clients {
    /// Installs what has changed since the last time.
    pub fn install() -> Result<Self> {
        Self::with(&needs::tools()?)
    }

    /// As [`Clients::install`], when the tools are known.
    pub fn with(tools: &Tools) -> Result<Self> {
        fs::create_dir_all(repo::corner().join("logs"))?;
        let clients = repo::root().join("crates/server/tests/clients");
        let node = clients.join("node");
        tools.npm_ci(&node, "the tests' clients for Node")?;
        let python = python(tools, &clients.join("python/requirements.txt"))?;
        let workers = repo::root().join("crates/marketplace/workers");
        tools.npm_ci(&workers, "the workers of the marketplace's queues")?;
        Ok(Self { node, python, workers: workers.join("node_modules"), runtime: tools.node.clone() })
    }

    /// Python with the clients' packages.
    pub fn python(&self) -> &Path {
        &self.python
    }

    /// The variables that tests read, and their values.
    pub fn paths(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("QD_TEST_CLIENTS_NODE", self.node.clone()),
            ("QD_TEST_CLIENTS_PYTHON", self.python.clone()),
            ("MARKETPLACE_WORKERS_PACKAGES", self.workers.clone()),
            ("MARKETPLACE_NODE", self.runtime.clone()),
        ]
    }
}

fn python(tools: &Tools, requirements: &Path) -> Result<PathBuf> {
    let home = repo::corner().join("clients-python");
    let (program, stamp, list) = (home.join("bin/python"), home.join("installed-requirements"), fs::read(requirements)?);
    if program.is_file() && fs::read(&stamp).is_ok_and(|installed| installed == list) {
        return Ok(program);
    }
    needs::run(Command::new(&tools.python).args(["-m", "venv", "--clear"]).arg(&home), "make an environment for Python")?;
    let mut pip = Command::new(&program);
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--requirement"]).arg(requirements);
    needs::run(&mut pip, "install the tests' clients for Python; try: pip install -r crates/server/tests/clients/python/requirements.txt")?;
    fs::write(stamp, list)?;
    Ok(program)
}

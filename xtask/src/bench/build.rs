//! From an edited line in a feature to a check, to a running unit test, and to a running program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::table::{Table, spread};
use crate::process::Group;
use crate::{Result, repo};

const RUNS: usize = 3;
/// The file that is edited: one feature of the size of most.
const EDITED: &str = "crates/app/src/features/health/mod.rs";

/// Restores the edited file whatever happens.
struct Edited {
    path: PathBuf,
    original: String,
}

impl Edited {
    fn new(path: PathBuf) -> Result<Self> {
        let original = fs::read_to_string(&path).map_err(|fault| format!("{}: {fault}", path.display()))?;
        Ok(Self { path, original })
    }

    /// Adds a line of code that is another one each time.
    fn edit(&self, number: usize) -> Result<()> {
        Ok(fs::write(&self.path, format!("{}\nconst _: usize = {number};\n", self.original))?)
    }
}

impl Drop for Edited {
    fn drop(&mut self) {
        if let Err(error) = fs::write(&self.path, &self.original) {
            eprintln!("warning: {} still holds the benchmark's line: {error}", self.path.display());
        }
    }
}

/// What is waited for, its bar, and the command.
type Way = (&'static str, &'static str, fn() -> Command);

/// Three ways to see an edit, each warmed once.
pub fn measure() -> Result<Table> {
    let file = Edited::new(repo::root().join(Path::new(EDITED)))?;
    let ways: [Way; 3] = [
        ("cargo check", "< 6 s", || repo::cargo(["check"])),
        ("unit tests of the feature run", "< 20 s", || repo::cargo(["test", "--package", "quarterdeck-app", "--lib", "features::health"])),
        ("the program is built (debug)", "", || repo::cargo(["build"])),
    ];
    let mut table = Table::new(["after one edited line", "measured", "bar"]);
    for (what, bar, command) in ways {
        let mut figures = Vec::new();
        for run in 0..=RUNS {
            file.edit(run)?;
            let started = Instant::now();
            quiet(&mut command())?;
            // The first is not counted: it builds what is older than the edit.
            if run > 0 {
                figures.push(started.elapsed().as_secs_f64());
            }
        }
        table.row([what.into(), spread(figures, |seconds| format!("{seconds:.1} s")), bar.into()]);
    }
    table.note(format!("The line is added to `{EDITED}`. Median of {RUNS} (smallest to largest)."));
    Ok(table)
}

fn quiet(command: &mut Command) -> Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if Group::start(command)?.wait()?.success() { Ok(()) } else { Err(format!("{command:?} failed").into()) }
}

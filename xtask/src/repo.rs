//! Where things are in the checkout.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the checkout.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Our own corner of the target directory: logs, tools, a newer Node.
pub fn corner() -> PathBuf {
    target().join("xtask")
}

/// The browser tests.
pub fn e2e() -> PathBuf {
    root().join("e2e")
}

/// The program as built with the given profile directory, `debug` or `release`.
pub fn binary(profile: &str) -> PathBuf {
    target().join(profile).join("quarterdeck")
}

/// Cargo, in the root, without the variables that the cargo around us has set: some build scripts watch those and would run again.
pub fn cargo<const N: usize>(args: [&str; N]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(args);
    for (name, _) in std::env::vars_os() {
        let outer =
            name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "LD_LIBRARY_PATH");
        if outer {
            command.env_remove(name);
        }
    }
    command
}

//! Directories for one run: removed on drop, on a signal, and, after a run that was killed, by the next run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::Result;

const PREFIX: &str = "quarterdeck-xtask-";
static MADE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A directory that is gone when this is dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes an empty directory. It stands in the system's directory for temporary files, where the user `postgres` may enter too.
    pub fn new(purpose: &str) -> Result<Self> {
        remove_stale();
        let path = std::env::temp_dir().join(format!("{PREFIX}{}-{purpose}", std::process::id()));
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir_all(&path)?;
        made(|all| all.push(path.clone()));
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.0);
        made(|all| all.retain(|path| path != &self.0));
    }
}

/// Removes every directory of this run.
pub fn remove_all() {
    made(std::mem::take).iter().for_each(|path| remove(path));
}

fn made<T>(act: impl FnOnce(&mut Vec<PathBuf>) -> T) -> T {
    act(&mut MADE.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_dir_all(path)
        && path.exists()
    {
        eprintln!("warning: {} stays behind: {error}", path.display());
    }
}

/// Removes what runs that no longer live have left.
fn remove_stale() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| rest.split('-').next()).and_then(|id| id.parse::<u32>().ok());
        if owner.is_some_and(|id| !Path::new(&format!("/proc/{id}")).exists()) {
            remove(&entry.path());
        }
    }
}

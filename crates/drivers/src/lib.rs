//! Drivers behind the ports of the core: each turns one system outside into a port's words.
//!
//! Opening a driver never fails for a system that is away: the driver says so on every call, and tries again.

pub mod cache;
pub mod deploy;
pub mod inspector;
pub mod queue;
mod window;

use qd_core::Error;

/// What a system outside said, in one sentence, without secrets.
fn upstream(driver: &'static str, detail: impl std::fmt::Display) -> Error {
    // "Connection refused (os error 111)": the number tells people nothing.
    let detail = detail.to_string();
    Error::Upstream { driver, detail: detail.split(" (os error").next().unwrap_or_default().to_owned() }
}

/// Which file a path names now: a replaced file has another identity, even where its number is used again.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileId {
    number: u64,
    born: Option<std::time::SystemTime>,
}

impl FileId {
    /// Opens nothing: opening and closing a SQLite file outside SQLite drops the locks that this process holds on it.
    fn of(path: impl AsRef<std::path::Path>) -> std::io::Result<Self> {
        let file = std::fs::metadata(path)?;
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&file);
        #[cfg(not(unix))]
        let number = 0;
        Ok(Self { number, born: file.created().ok() })
    }
}

/// Why a file cannot be looked at.
fn away(driver: &'static str, path: &std::path::Path, fault: &std::io::Error) -> Error {
    let path = path.display();
    match fault.kind() {
        std::io::ErrorKind::NotFound => upstream(driver, format!("There is no file {path}.")),
        _ => upstream(driver, format!("{path}: {fault}")),
    }
}

//! What outlives the process: small JSON files, replaced as a whole, readable by their owner only.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Larger files are not ours.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// What the file holds; `None` when there is none, or none that can be read (which is logged).
pub(crate) fn load<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => return None,
        Err(fault) => return said(path, &fault),
    };
    let mut text = Vec::new();
    match file.take(MAX_FILE).read_to_end(&mut text) {
        Ok(_) => serde_json::from_slice(&text).map_or_else(|fault| said(path, &fault), Some),
        Err(fault) => said(path, &fault),
    }
}

fn said<T>(path: &Path, fault: &dyn std::fmt::Display) -> Option<T> {
    tracing::warn!(path = %path.display(), %fault, "the last known state can't be read; starting without it");
    None
}

/// Replaces the file: a reader, or a crash, finds the old one or the new one, never a half.
pub(crate) async fn save<T: Serialize>(path: PathBuf, value: &T) -> Result<(), String> {
    let text = serde_json::to_vec(value).map_err(|fault| fault.to_string())?;
    let written = tokio::task::spawn_blocking(move || replace(&path, &text)).await;
    written.map_err(|fault| fault.to_string())?.map_err(|fault| fault.to_string())
}

fn replace(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    // Two processes that share the directory must not write into one file.
    let beside = path.with_extension(format!("{:08x}.new", rand::random::<u32>()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&beside).and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    });
    if written.is_err() {
        // Nothing to do about it: the file may never have been made.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_replaced_as_a_whole_and_is_nobody_elses() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cache/flags.json");
        assert_eq!(load::<Vec<u8>>(&path), None);
        save(path.clone(), &vec![1, 2]).await.unwrap();
        save(path.clone(), &vec![3]).await.unwrap();
        assert_eq!(load::<Vec<u8>>(&path), Some(vec![3]));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777, 0o600);
        std::fs::write(&path, "half a fi").unwrap();
        assert_eq!(load::<Vec<u8>>(&path), None);
    }
}

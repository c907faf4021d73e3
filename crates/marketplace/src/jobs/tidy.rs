//! Retention: rows, letters and labels that are not kept for ever.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use engine::job::{Job, JobError, RunInfo};
use serde::{Deserialize, Serialize};

use super::{Attempt, Work, Works, direct};
use crate::{ids, store};

/// Files kept in each folder.
const KEEP: usize = 500;

/// Drops what is over.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tidy {}

impl Job for Tidy {
    const NAME: &'static str = "analytics.tidy";
    const QUEUE: &'static str = "analytics";
    type Context = Works;

    async fn run(self, works: Works, run: RunInfo) -> Result<(), JobError> {
        direct(self, works, &run).await
    }
}

impl Work for Tidy {
    async fn work(self, works: Works, _attempt: Attempt) -> Result<(), JobError> {
        let rows = store::tidy::tidy(&works.db, ids::now()).await?;
        let folders = [works.data_dir.join("outbox"), works.data_dir.join("labels")];
        let files = tokio::task::spawn_blocking(move || folders.iter().map(|folder| trim(folder, KEEP)).sum::<usize>()).await?;
        tracing::info!(rows, files, "tidied");
        Ok(())
    }
}

/// Deletes all but the newest `keep` files of `folder`. Returns how many went.
pub fn trim(folder: &Path, keep: usize) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let mut files: Vec<(SystemTime, PathBuf)> =
        entries.flatten().filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).collect();
    files.sort_by(|a, b| b.cmp(a));
    files.iter().skip(keep).filter(|(_, path)| std::fs::remove_file(path).is_ok()).count()
}

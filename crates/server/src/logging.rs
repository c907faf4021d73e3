//! Structured JSON to standard output and to a daily rolling file.

use std::path::Path;

use qd_core::config::Log;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// How many daily files are kept.
const KEPT_FILES: usize = 14;

/// Starts logging; keep the guard until the end of the program, it flushes the file.
pub fn start(log: &Log, data_dir: &Path, stdout: bool) -> Option<WorkerGuard> {
    let filter = || EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let console = stdout.then(|| fmt::layer().json().flatten_event(true).with_filter(filter()));
    let directory = data_dir.join("logs");
    // The appender says by itself when the directory can't be written.
    let _ = std::fs::create_dir_all(&directory);
    let rolling = log.file.then(|| {
        let builder = tracing_appender::rolling::Builder::new().rotation(tracing_appender::rolling::Rotation::DAILY);
        builder.filename_prefix("quarterdeck").filename_suffix("log").max_log_files(KEPT_FILES).build(&directory)
    });
    let (file, guard) = match rolling {
        Some(Ok(appender)) => {
            let (writer, guard) = tracing_appender::non_blocking(appender);
            (Some(fmt::layer().json().flatten_event(true).with_writer(writer).with_filter(filter())), Some(guard))
        }
        _ => (None, None),
    };
    // A second start within one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(console).with(file).try_init();
    guard
}

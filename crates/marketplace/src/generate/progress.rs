//! How long work shows that it goes on.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How far the generator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is being made.
    pub what: &'static str,
    /// How much of it there is, of `total`.
    pub done: u64,
    /// How much there will be.
    pub total: u64,
}

/// Who is told.
pub type Progress = Box<dyn FnMut(Step) + Send>;

/// Tells nobody.
pub fn silent() -> Progress {
    Box::new(|_| {})
}

/// A bar on a terminal, a line every two seconds elsewhere; both on stderr.
pub fn shown() -> Progress {
    if std::io::stderr().is_terminal() { bar() } else { lines() }
}

fn bar() -> Progress {
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template("  {msg:<12} [{bar:32}] {human_pos}/{human_len} {elapsed}") {
        bar.set_style(style.progress_chars("=> "));
    }
    Box::new(move |step| {
        bar.set_length(step.total);
        bar.set_message(step.what);
        bar.set_position(step.done);
        if step.what == DONE {
            bar.finish_and_clear();
        }
    })
}

fn lines() -> Progress {
    let mut last: Option<Instant> = None;
    Box::new(move |step| {
        let due = last.is_none_or(|last| last.elapsed() > Duration::from_secs(2));
        if due || step.what == DONE {
            last = Some(Instant::now());
            let _ = writeln!(std::io::stderr(), "{} {}/{}", step.what, step.done, step.total);
        }
    })
}

/// A log line every two seconds.
pub fn logged() -> Progress {
    let mut last: Option<Instant> = None;
    Box::new(move |step| {
        if step.what == DONE || last.is_none_or(|last| last.elapsed() > Duration::from_secs(2)) {
            last = Some(Instant::now());
            tracing::info!(done = step.done, total = step.total, "filling: {}", step.what);
        }
    })
}

/// The last step's name.
pub const DONE: &str = "done";

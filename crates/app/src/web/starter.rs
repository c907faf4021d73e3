//! Background work that lives as long as the process: kept running, and told of when it does not.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use qd_core::reading::{Reading, Status};
use qd_core::{App, Timestamp};
use tokio::task::JoinSet;

/// Where troubles of our own stand on the board.
const OWN: &str = "own.";
/// The wait before a task is started again: doubled with each end, up to the second.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// A task that ran so long is well again.
const WELL: Duration = Duration::from_secs(60);

/// Starts the background work of features: samplers and writers.
#[derive(Debug)]
pub struct Starter {
    /// The application.
    pub app: App,
    tasks: JoinSet<()>,
}

impl Starter {
    /// Nothing started yet.
    pub fn new(app: App) -> Self {
        Self { app, tasks: JoinSet::new() }
    }

    /// Starts a task that never ends by itself. One that panics or ends is logged, shown to people, told by `/readyz`, and made again after a
    /// pause.
    pub fn keep<F, Fut>(&mut self, name: &'static str, make: F)
    where
        F: Fn(App) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(kept(self.app.clone(), name, make, PAUSE, WELL));
    }

    /// Starts a task that may end. It can't be made again: when it panics, that stands until the process is restarted.
    #[track_caller]
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        let (app, place) = (self.app.clone(), std::panic::Location::caller());
        self.tasks.spawn(async move {
            if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
                let name = format!("{}:{}", place.file(), place.line());
                let why = words(panic.as_ref());
                tracing::error!(task = name, why, "a background task is gone");
                trouble(&app, &name, 1.0, format!("The background task {name} panicked and is gone: {why}. Restart Quarterdeck."));
            }
        });
    }

    /// The tasks; dropping them ends them.
    pub fn into_tasks(self) -> JoinSet<()> {
        self.tasks
    }
}

async fn kept<F, Fut>(app: App, name: &'static str, make: F, (shortest, longest): (Duration, Duration), well: Duration)
where
    F: Fn(App) -> Fut,
    Fut: Future<Output = ()>,
{
    let mut ends = 0_u32;
    loop {
        let task = AssertUnwindSafe(make(app.clone())).catch_unwind();
        tokio::pin!(task);
        let ended = match tokio::time::timeout(well, &mut task).await {
            Ok(ended) => ended,
            Err(_) => {
                if std::mem::take(&mut ends) > 0 {
                    tracing::info!(task = name, "a background task is well again");
                    app.board.forget(&key(name));
                }
                task.await
            }
        };
        ends = ends.saturating_add(1);
        let why = ended.map_or_else(|panic| format!("panicked: {}", words(panic.as_ref())), |()| "ended".to_owned());
        metrics::counter!("qd_task_ends_total", "task" => name).increment(1);
        let pause = (shortest * 2_u32.saturating_pow(ends.min(16) - 1)).min(longest);
        tracing::error!(task = name, why, ends, again_in = ?pause, "a background task failed");
        let times = if ends == 1 { String::new() } else { format!(", {ends} times in a row") };
        trouble(&app, name, f64::from(ends), format!("The background task \"{name}\" {why}{times}. It is started again."));
        tokio::time::sleep(pause).await;
    }
}

fn key(name: &str) -> String {
    format!("{OWN}task.{name}")
}

fn trouble(app: &App, name: &str, ends: f64, why: String) {
    let now = app.now();
    app.board.put(key(name), Reading::measured(ends, "", "Quarterdeck", now, 0).judged(Status::Crit, || why), now);
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no words".into())
}

/// Troubles of our own, in sentences: background tasks that fail, events that could not be delivered.
pub fn troubles(app: &App, now: Timestamp) -> Vec<String> {
    app.board.under(OWN, now).into_iter().filter_map(|(_, reading)| reading.reason).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::features::testing::World;

    #[tokio::test]
    async fn a_task_that_fails_is_told_of_and_made_again_until_it_is_well() {
        let world = World::sqlite().await;
        let (runs, app) = (Arc::new(AtomicU32::new(0)), world.app.clone());
        let counted = Arc::clone(&runs);
        let make = move |_| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                match run {
                    0 => panic!("no such thing"),
                    1 => {}
                    _ => std::future::pending().await,
                }
            }
        };
        let brief = (Duration::from_millis(50), Duration::from_millis(50));
        let task = tokio::spawn(kept(app.clone(), "test", make, brief, Duration::from_millis(300)));
        let told = async |words: &str| {
            while !troubles(&app, app.now()).iter().any(|trouble| trouble.contains(words)) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let all = async {
            told("\"test\" panicked: no such thing").await;
            told("\"test\" ended, 2 times in a row").await;
            while !troubles(&app, app.now()).is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), all).await.expect("it fails twice, is told of, and is well");
        assert_eq!(runs.load(Ordering::SeqCst), 3);
        task.abort();
        world.end().await;
    }

    #[tokio::test]
    async fn one_that_can_not_be_made_again_stays_told() {
        let world = World::sqlite().await;
        let mut starter = Starter::new(world.app.clone());
        starter.spawn(async { panic!("gone") });
        let mut tasks = starter.into_tasks();
        tasks.join_next().await.unwrap().unwrap();
        let told = troubles(&world.app, world.app.now());
        assert!(told.len() == 1 && told[0].contains("starter.rs") && told[0].contains("gone"), "{told:?}");
        world.end().await;
    }
}

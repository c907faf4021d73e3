//! Job systems and their queues by name.

use qd_core::port::QueueSource;
use qd_core::port::queue::QueueState;
use qd_core::{App, Error, Result};

use super::action::QueueRef;

/// Longest name of a queue or id of a job, in bytes.
const NAME_MAX: usize = 1_000;

/// A job system by its name in the configuration.
///
/// # Errors
/// [`Error::NotFound`] when none is called so.
pub fn source<'a>(app: &'a App, name: &str) -> Result<&'a QueueSource> {
    app.ports.queues.iter().find(|source| source.name == name).ok_or_else(|| Error::NotFound(format!("The job system {name}")))
}

/// The queue as its driver counts it now.
///
/// # Errors
/// [`Error::NotFound`] for an unknown one, and those of the driver.
pub async fn state(app: &App, name: &str, queue: &str) -> Result<QueueState> {
    let states = source(app, name)?.queue.states().await?;
    states.into_iter().find(|state| state.name == queue).ok_or_else(|| unknown(queue))
}

/// The queue of that name, where the caller did not say in which job system.
///
/// # Errors
/// [`Error::NotFound`] when there is none, [`Error::Invalid`] when several job systems have one.
pub async fn find(app: &App, given: Option<&str>, queue: &str) -> Result<QueueRef> {
    if let Some(given) = given {
        return state(app, given, queue).await.map(|_| QueueRef { source: given.to_owned(), queue: queue.to_owned() });
    }
    let mut found = Vec::new();
    for source in &app.ports.queues {
        // A job system that is away can't have the queue that is asked for; the others may.
        let Ok(states) = source.queue.states().await else { continue };
        found.extend(states.iter().filter(|state| state.name == queue).map(|_| source.name.clone()));
    }
    match found.as_slice() {
        [] => Err(unknown(queue)),
        [only] => Ok(QueueRef { source: only.clone(), queue: queue.to_owned() }),
        several => Err(Error::invalid("source", format!("Say which: {queue} is a queue of {}.", several.join(" and of ")))),
    }
}

fn unknown(queue: &str) -> Error {
    Error::NotFound(format!("The queue {queue}"))
}

/// Refuses names and ids that no job system has: control characters can't be stored, and a name ends somewhere.
///
/// # Errors
/// [`Error::NotFound`].
pub fn named(text: &str) -> Result<()> {
    let good = !text.is_empty() && text.len() <= NAME_MAX && !text.contains(char::is_control);
    if good { Ok(()) } else { Err(Error::NotFound("What has that name".into())) }
}

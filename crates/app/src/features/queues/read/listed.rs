//! Jobs for a list: a page of a state, those of it that a filter matches, or what a search finds.

use std::time::{Duration, Instant};

use qd_core::{App, Result};

use super::{Asked, jobs};
use crate::features::queues::pages::{QueueQuery, scrubbed_row};
use crate::features::queues::run::{Filter, Match};
use crate::features::queues::{JobRow, JobState};

/// Jobs that one look through a state reads at most.
const LOOK_MAX: usize = 5_000;
/// Jobs that it reads at once.
const AT_ONCE: usize = 100;
/// Longest look.
const LOOK_TIME: Duration = Duration::from_millis(1_500);

/// Jobs for a list, with secrets and personal data masked.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// The jobs.
    pub jobs: Vec<JobRow>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
    /// Jobs that were read.
    pub looked: usize,
    /// What was not looked at, in a sentence.
    pub coverage: Option<String>,
}

/// The jobs that are asked for.
///
/// # Errors
/// [`qd_core::Error::NotFound`] for an unknown queue, [`qd_core::Error::Invalid`] for a filter that is none, and those of our own database.
pub async fn listed(app: &App, source: &str, queue: &str, state: JobState, query: &QueueQuery) -> Result<Asked<Listed>> {
    let after = query.after.as_deref();
    let found = if let Some(text) = &query.q {
        super::past::search(app, source, queue, text, after, query.limit()).await?
    } else if let Some(print) = query.only_cause().filter(|_| state == JobState::Failed) {
        super::past::search(app, source, queue, &format!("cause:{print}"), after, query.limit()).await?
    } else if query.narrows() {
        through(app, source, queue, &query.filter(state)?, after, query.limit()).await?
    } else {
        match jobs(app, source, queue, state, after, query.limit()).await? {
            Asked::Told(page) => Asked::Told(Listed { looked: page.jobs.len(), jobs: page.jobs, next: page.next, coverage: None }),
            Asked::Away(why) => Asked::Away(why),
        }
    };
    Ok(match found {
        Asked::Told(listed) => Asked::Told(Listed { jobs: listed.jobs.into_iter().map(scrubbed_row).collect(), ..listed }),
        away => away,
    })
}

/// Looks through a state until a page is full, the state is at its end, or enough was read.
async fn through(app: &App, source: &str, queue: &str, filter: &Filter, after: Option<&str>, limit: usize) -> Result<Asked<Listed>> {
    let (started, mut found, mut unsure) = (Instant::now(), Listed::default(), 0_usize);
    found.next = after.map(str::to_owned);
    loop {
        let page = match jobs(app, source, queue, filter.state, found.next.as_deref(), AT_ONCE).await? {
            Asked::Told(page) => page,
            Asked::Away(why) => return Ok(Asked::Away(why)),
        };
        found.looked += page.jobs.len();
        found.next = page.next;
        for job in page.jobs {
            match filter.matches(&job) {
                Match::Yes => found.jobs.push(job),
                Match::Unsure => unsure += 1,
                Match::No => {}
            }
        }
        if found.next.is_none() || found.jobs.len() >= limit || found.looked >= LOOK_MAX || started.elapsed() > LOOK_TIME {
            break;
        }
    }
    found.coverage = coverage(&found, unsure);
    Ok(Asked::Told(found))
}

fn coverage(found: &Listed, unsure: usize) -> Option<String> {
    let more = found.next.is_some().then(|| format!("Looked through {} jobs; there are more further on.", found.looked));
    let cut = (unsure > 0).then(|| format!("{unsure} are too long for a list to tell whether they match; a run looks at them whole."));
    let text = [more, cut].into_iter().flatten().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

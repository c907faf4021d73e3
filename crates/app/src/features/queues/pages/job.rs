//! One job: why it failed, what happened to it, its data, its log, and the jobs around it. Everything in it is foreign text.

use maud::{Markup, Render, html};
use qd_core::{Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::input::JobQuery;
use super::may::{May, may};
use super::{detail, jobs, link, story};
use crate::features::queues::read::{self, Asked};
use crate::features::queues::{Can, JobDetail, JobState};
use crate::ui::drawer::Drawer;
use crate::ui::head::record_head;
use crate::ui::tabs::crumbs;
use crate::ui::{Button, Empty, card, format};
use crate::web::{Ctx, Page, View};

/// A job.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    /// Its queue.
    pub queue_name: String,
    /// Its job system.
    pub source: String,
    /// Its id.
    pub id: String,
    /// The job; `null` when it is gone. Secrets and personal data in it are masked.
    pub job: Option<JobDetail>,
    #[serde(skip)]
    away: Option<String>,
    #[serde(skip)]
    can: Can,
    #[serde(skip)]
    drawer: bool,
}

impl JobView {
    /// Asks the job system.
    ///
    /// # Errors
    /// [`qd_core::Error::NotFound`] for an unknown queue; for clients also for a job that is gone, and a failure when nobody answers.
    pub async fn load(ctx: &Ctx, query: JobQuery) -> Result<Self> {
        let ((source, queue), id) = (link::of(ctx)?, link::named(ctx, "id")?);
        let asked = read::job(&ctx.app, &source, &queue, &id).await?;
        let asked = match asked {
            Asked::Told(None) if ctx.wants_json() => return Err(qd_core::Error::NotFound(format!("The job {id}"))),
            Asked::Away(_) if ctx.wants_json() => Asked::Told(asked.or_fail()?),
            other => other,
        };
        let (mut job, away) = match asked {
            Asked::Told(job) => (job, None),
            Asked::Away(why) => (None, Some(why)),
        };
        if let (Some(job), Some(from)) = (&mut job, query.log)
            && let Asked::Told(log) = read::log(&ctx.app, &source, &queue, &id, from).await?
        {
            job.log = log;
        }
        Ok(Self {
            can: read::can(&ctx.app, &source),
            queue_name: queue,
            source,
            id,
            job: job.map(detail::scrubbed),
            away,
            drawer: query.view.as_deref() == Some("drawer"),
        })
    }

    /// Whether it is shown beside its list.
    pub fn is_drawer(&self, htmx: bool) -> bool {
        self.drawer && htmx
    }

    /// Whether there is such a job, as far as is known.
    pub fn is_gone(&self) -> bool {
        self.job.is_none() && self.away.is_none()
    }

    fn href(&self) -> String {
        link::job(&self.source, &self.queue_name, &self.id)
    }

    fn missing(&self) -> Markup {
        match &self.away {
            Some(why) => {
                Empty::error("unplug", "It can't be asked", format!("{why} Nothing is known of it now. Load the page again in a moment.")).render()
            }
            None => {
                let text = "It was removed, or its job system forgot it. What was removed from here within 72 h can be restored from its run.";
                let back = html! { (Button::link("Runs", "/queues?tab=runs").small()) (Button::link("Its queue", link::queue(&self.source, &self.queue_name)).small()) };
                Empty::new("search-x", "This job is gone", text).actions(back).render()
            }
        }
    }

    fn actions(&self, job: &JobDetail, may: May) -> Markup {
        let at = |what: &str| link::with(&link::below(&self.source, &self.queue_name, what), &[("ids", &self.id)]);
        let state = job.row.state;
        let button = |text: &str, what: &str, icon: &str| Button::dialog(text, at(what)).icon(icon);
        if !may.work || !self.can.jobs {
            return html! {};
        }
        let ready = matches!(state, JobState::Waiting | JobState::Prioritized | JobState::Delayed);
        html! {
            @if matches!(state, JobState::Failed | JobState::Completed) { (button("Retry", "retry", "rotate-ccw").primary()) }
            @if state == JobState::Delayed { (button("Promote", "promote", "skip-forward").primary()) (button("Set time", "delay", "clock")) }
            @if ready { (button("Set priority", "priority", "arrow-up")) }
            @if state != JobState::Active { (button("Remove…", "remove", "trash-2").risk()) }
        }
    }

    fn head(&self, job: &JobDetail, actions: &Markup, now: Timestamp) -> Markup {
        let facts = html! { (jobs::state(job.row.state)) span class="badge badge--mono" { (job.row.name) } };
        record_head(&facts, &format!("Job {}", self.id), &story::sentence(job, now), actions)
    }

    fn body_of(&self, job: &JobDetail, page: &Page<'_>) -> Markup {
        html! {
            @if job.row.reason.is_some() || !job.stacks.is_empty() { (detail::failures(job)) }
            (card("What happened").body(story::timeline(job, page.now)))
            (detail::texts(job))
            (detail::flow(&self.source, &self.queue_name, job))
            (detail::log(job, &self.href()))
        }
    }
}

impl View for JobView {
    fn title(&self) -> String {
        format!("Job {} in {}", self.id, self.queue_name)
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let may = may(page);
        let back = link::queue(&self.source, &self.queue_name);
        if self.is_drawer(page.htmx) {
            let (body, foot, note) = match &self.job {
                None => (self.missing(), html! {}, String::new()),
                Some(job) => {
                    let actions = self.actions(job, may);
                    let foot = html! { (actions) (Button::link("Open the page", self.href()).ghost().icon("arrow-right")) };
                    let body = html! { div.row { (jobs::state(job.row.state)) span class="badge badge--mono" { (job.row.name) } } (self.body_of(job, page)) };
                    (body, foot, story::sentence(job, page.now))
                }
            };
            return Drawer { id: "job-drawer".into(), title: format!("Job {} in {}", self.id, self.queue_name), note, body, foot, back }.dialog();
        }
        let trail = [("Jobs & Queues", "/queues"), (self.queue_name.as_str(), back.as_str())];
        html! {
            (crumbs(&trail, &self.id))
            @match &self.job {
                None => { h1 { "Job " (self.id) } (card("The job").fill(self.missing())) }
                Some(job) => {
                    div #job-head data-live="queue" { (self.head(job, &self.actions(job, may), page.now)) }
                    div.split {
                        div.stack { (self.body_of(job, page)) }
                        aside.stack aria-label="About this job" { (detail::facts(&self.source, job, page.now)) }
                    }
                    p class="small quiet" { "Data, results and errors are what the application wrote; secrets and personal data in them are masked, long texts are cut." @if job.row.data.is_cut() { " The data is " (format::bytes(job.row.data.bytes)) " long." } }
                }
            }
        }
    }
}

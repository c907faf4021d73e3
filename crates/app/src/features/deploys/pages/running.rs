//! Now running: the build that is live, and what the processes say.

use maud::{Markup, Render, html};
use qd_core::{App, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::links::{changes, how_to_beat, how_to_record};
use super::panels::{Panels, Running};
use crate::features::deploys::Figures;
use crate::features::deploys::instances::{BuildCount, Run, ServiceRun};
use crate::features::deploys::outside::Target;
use crate::features::deploys::record::{Deploy, Source, short};
use crate::features::deploys::rollback::{self, RollBack, SetAutoDeploy};
use crate::ui::card::Card;
use crate::ui::status::{Tone, status_word};
use crate::ui::{Button, Empty, avatar, card, format, icon, page_head, pill};
use crate::web::{Page, View};

/// Which build is live, under the names of older clients, and what runs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CurrentView {
    /// Commit or release; `null` when nothing is recorded.
    pub git_sha: Option<String>,
    /// Branch.
    pub git_branch: Option<String>,
    /// Author.
    pub git_author: Option<String>,
    /// Environment.
    pub environment: String,
    /// When it went live; `null` when nobody said, never "now".
    pub deployed_at: Option<Timestamp>,
    /// Who deployed it, as far as is known.
    pub deployed_by: Option<String>,
    /// OK, or UNKNOWN.
    pub status: &'static str,
    /// Why it is UNKNOWN.
    pub reason: Option<String>,
    /// Its service.
    pub service: Option<String>,
    /// The newest live deploy of each service.
    pub services: Vec<Deploy>,
    /// What really runs.
    pub running: Vec<ServiceRun>,
    #[serde(skip)]
    drawn: Running,
}

impl CurrentView {
    pub(super) fn new(drawn: Running, service: Option<&str>) -> Self {
        let live = match service {
            Some(name) => drawn.standing.services.iter().find(|deploy| deploy.service == name).cloned(),
            None => drawn.standing.newest.clone(),
        };
        let missing = || match service {
            Some(name) => format!("No deploy of {name} to {} is recorded.", drawn.environment),
            None => format!("No deploy to {} is recorded.", drawn.environment),
        };
        Self {
            status: if live.is_some() { "OK" } else { "UNKNOWN" },
            reason: live.is_none().then(missing),
            git_sha: live.as_ref().map(|deploy| deploy.sha.clone()),
            git_branch: live.as_ref().and_then(|deploy| deploy.branch.clone()),
            git_author: live.as_ref().and_then(|deploy| deploy.author.clone()),
            deployed_at: live.as_ref().and_then(Deploy::live_at),
            deployed_by: live.as_ref().map(by),
            service: live.map(|deploy| deploy.service),
            environment: drawn.environment.clone(),
            services: drawn.standing.services.clone(),
            running: drawn.fleet.clone(),
            drawn,
        }
    }
}

/// Who deployed: the author, else whoever told us of it.
pub(super) fn by(deploy: &Deploy) -> String {
    deploy.author.clone().unwrap_or_else(|| teller(deploy).to_owned())
}

/// Who told us: a person or a token; what the program found by itself, it read at a provider.
pub(super) fn teller(deploy: &Deploy) -> &str {
    match deploy.source {
        _ if !deploy.recorded_by.starts_with("system:") => &deploy.recorded_by_name,
        Source::Render => "Render",
        Source::Github => "GitHub",
        _ => "Quarterdeck",
    }
}

impl View for CurrentView {
    fn title(&self) -> String {
        "Now running".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let text = said(self.drawn.standing.newest.as_ref(), &self.environment, page.now);
        html! { (page_head("Now running", &text, &html! { a href="/deployments" { "All deploys" } })) (drawn(&self.drawn, page)) }
    }
}

/// The state of the view in words, from memory: which build runs, and since when.
pub fn sentence(app: &App, now: Timestamp) -> String {
    let Some((live, _)) = app.state::<Figures>().ok().and_then(|figures| figures.live()) else {
        return "Which build runs is not known yet: our own database has not answered.".into();
    };
    said(live.as_ref(), &app.config.server.environment, now)
}

fn said(live: Option<&Deploy>, environment: &str, now: Timestamp) -> String {
    match live.and_then(|deploy| Some((deploy, deploy.live_at()?))) {
        Some((deploy, at)) => format!("{} of {} runs since {} UTC.", deploy.build(), deploy.service, format::moment(at, now)),
        None => format!("No deploy to {environment} is recorded yet."),
    }
}

/// The panel: the live build, its services and their processes.
pub fn running_panel(panels: &Panels, page: &Page<'_>) -> Markup {
    drawn(&panels.running, page)
}

fn drawn(running: &Running, page: &Page<'_>) -> Markup {
    let frame = card("Now running").id("now-running").live("deploy instance", None);
    let Some(newest) = &running.standing.newest else { return unknown(frame, running, page) };
    let since = running.replaced.as_ref().and_then(|before| Some((before, changes(page.app, &before.sha, &newest.sha)?)));
    let back = running.replaced.as_ref().filter(|before| page.may::<RollBack>() && rollback::possible(page.app, before));
    let actions = html! {
        @if let Some((before, href)) = since { (Button::link(format!("Changes since {}", before.build()), href).small().icon("git-compare")) }
        @if let Some(before) = back { (Button::dialog("Roll back…", format!("/deployments/{}/rollback", before.id)).risk().small().icon("undo-2")) }
    };
    let body = html! {
        div.build {
            div.stack.stack--s { (headline(newest, running, page)) }
            (processes(&running.fleet))
        }
    };
    let notes = notes(running, page);
    let frame = frame.actions(actions).body(body);
    if notes.0.is_empty() { frame.render() } else { frame.foot(notes).render() }
}

fn unknown(frame: Card, running: &Running, page: &Page<'_>) -> Markup {
    let text = "It is known as soon as somebody tells of a deploy: CI, Render, GitHub, or an instance that starts.";
    let empty = Empty::new("rocket", format!("No deploy to {} is recorded", running.environment), text);
    let frame = frame.actions(pill(Tone::Unknown, None)).fill(empty.render());
    html! { (frame.body(html! { (provider(running)) @if !running.fleet.is_empty() { (processes(&running.fleet)) } (how_to_record(page.app)) })) }
}

fn headline(newest: &Deploy, running: &Running, page: &Page<'_>) -> Markup {
    let live = newest.live_at().unwrap_or(newest.started_at);
    html! {
        div class="row row--wrap" {
            a.build__v href={ "/deployments/" (newest.id) } { (newest.build()) }
            @match &running.suspect {
                Some(incident) => a href={ "/incidents/" (incident) } { (pill(Tone::Warn, Some(&format!("SUSPECT IN {incident}")))) },
                None if newest.is_rollback() => (pill(Tone::Info, Some("ROLLED BACK TO"))),
                None => {}
            }
        }
        @if let Some(line) = newest.headline() { p.soft { "“" (line) "”" } }
        div class="row row--wrap small quiet" {
            @if let Some(branch) = &newest.branch { span.row { (icon("git-branch")) (branch) } }
            span.row { (icon("rocket")) (newest.service) }
            span.row { (icon("clock")) span { (format::time(live, page.now)) ", " (format::duration(page.now.since(live).max(0))) " ago" } }
            @if let Some(author) = &newest.author { span.row { (avatar(author)) (author) } }
            @else { span { "told by " (teller(newest)) } }
        }
    }
}

/// Services and their processes.
pub(super) fn processes(fleet: &[ServiceRun]) -> Markup {
    html! {
        ul.insts aria-label="Services" {
            @for run in fleet {
                @let (tone, word) = words(run);
                li {
                    span.strong { (run.service) }
                    span.quiet { @if run.alive > 0 { "× " (run.alive) } }
                    span class="mono quiet" { (builds(run)) }
                    (status_word(tone, word))
                }
            }
        }
    }
}

fn builds(run: &ServiceRun) -> String {
    let several = run.builds.len() > 1;
    let name = |build: &BuildCount| if several { format!("{} × {}", short(&build.name), build.count) } else { short(&build.name).to_owned() };
    let said = run.builds.iter().map(name).collect::<Vec<_>>().join(", ");
    if said.is_empty() { run.recorded.as_deref().map(short).unwrap_or(format::UNKNOWN).to_owned() } else { said }
}

/// Tone and word of how a service runs.
pub(super) fn words(run: &ServiceRun) -> (Tone, &'static str) {
    match run.state {
        Run::Recorded => (Tone::Ok, "OK"),
        Run::RollingOut => (Tone::Running, "ROLLING OUT"),
        Run::Mixed => (Tone::Warn, "MIXED"),
        Run::OldBuild => (Tone::Stale, "OLD BUILD"),
        Run::NotRecorded => (Tone::Warn, "NOT RECORDED"),
        Run::Silent => (Tone::Unknown, "NO BEAT"),
    }
}

/// What is odd, one line each.
fn notes(running: &Running, page: &Page<'_>) -> Markup {
    let odd: Vec<String> = running.fleet.iter().filter_map(note).collect();
    let silent = !running.fleet.is_empty() && running.fleet.iter().all(|run| run.alive == 0);
    html! {
        @for target in &running.held { (held(target, page)) }
        (provider(running))
        @for text in &odd { p.row { (icon("info")) span { (text) " " a href="/instances" { "Instances" } } } }
        @if silent { details { summary { "No instance says that it runs. How to connect" } (how_to_beat(page.app)) } }
    }
}

/// What is wrong with the provider: its deploys are not seen until it is mended.
fn provider(running: &Running) -> Markup {
    html! {
        @if let Some(reading) = &running.provider {
            p.row #provider {
                (status_word(Tone::from(reading.status), reading.status.word()))
                span { "Deploys of " (reading.source) " are not read. " (reading.reason.as_deref().unwrap_or("It gave no reason.")) }
            }
        }
    }
}

fn note(run: &ServiceRun) -> Option<String> {
    let recorded = run.recorded.as_deref().map_or("nothing", short);
    match run.state {
        Run::Mixed => Some(format!("{} runs {} builds side by side and no deploy is in progress.", run.service, run.builds.len())),
        Run::OldBuild => Some(format!("{} still runs an old build; {recorded} is recorded as live.", run.service)),
        Run::NotRecorded if run.recorded.is_some() => {
            Some(format!("{} runs a build of which nobody told; {recorded} is recorded as live.", run.service))
        }
        _ => None,
    }
}

/// The reminder after a rollback.
fn held(target: &Target, page: &Page<'_>) -> Markup {
    let path = format!("/deployments/auto-deploy/{}", target.id);
    let (by, since) = (target.held_by.as_deref().unwrap_or("somebody"), target.held_at.map(Timestamp));
    html! {
        @match (&target.held_fault, since) {
            (Some(fault), _) => p.row.row--wrap data-status="crit" {
                (status_word(Tone::Crit, "AUTO-DEPLOY STILL ON"))
                span { "The next push to " (target.name) " deploys over the rollback. " (fault) " " }
                @if page.may::<SetAutoDeploy>() { (Button::dialog("Turn auto-deploy off…", format!("{path}?on=false")).risk().small()) }
            },
            (None, since) => p.row.row--wrap {
                (status_word(Tone::Warn, "AUTO-DEPLOY OFF"))
                span { "of " (target.name) @if let Some(at) = since { " since " (format::time(at, page.now)) } ", rolled back by " (by) ". A push deploys nothing until it is on again. " }
                @if page.may::<SetAutoDeploy>() { (Button::dialog("Turn auto-deploy on again…", format!("{path}?on=true")).small()) }
            },
        }
    }
}

//! One deploy: what it replaced, what runs it, what it was configured with.

use maud::{Markup, Render, html};
use qd_core::{App, Result};
use serde::Serialize;
use utoipa::ToSchema;

use super::config::rows;
use super::links::{build, changes, commit, tone, took};
use crate::features::deploys::environment::{self, Difference, Kind, Place};
use crate::features::deploys::instances;
use crate::features::deploys::record::{self, Deploy, Finish, Source, Status, same_build};
use crate::features::deploys::rollback::{self, RollBack};
use crate::ui::head::record_head;
use crate::ui::stats::{Stat, kv, stats_card};
use crate::ui::tabs::crumbs;
use crate::ui::{Button, Empty, avatar, button, card, format, page_head, pill};
use crate::web::{Page, View};

/// A deploy with what belongs to it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OneView {
    /// The deploy.
    #[serde(flatten)]
    pub deploy: Deploy,
    /// The deploy that was live before it; `null` for the first.
    pub replaced: Option<Deploy>,
    /// Whether it is the newest live deploy of its service.
    pub current: bool,
    /// Whether its build is what is live, by this deploy or by a later one.
    #[serde(skip)]
    runs: bool,
    /// Processes that live and run its build.
    pub instances: usize,
    /// What its configuration changed against the deploy before; `null` when one of the two is not known.
    pub config: Option<Vec<Difference>>,
    /// Where the commits between the two can be looked at.
    pub compare_url: Option<String>,
}

/// Puts a page together.
pub(super) async fn load(app: &App, deploy: Deploy) -> Result<OneView> {
    let replaced = record::before(app, &deploy).await?;
    let live = record::current(app, &deploy.environment, &deploy.service).await?;
    let running = instances::all(app, Some(&deploy.environment)).await?;
    let runs = |one: &&instances::Instance| one.alive && one.service == deploy.service && same_build(&one.sha, &deploy.sha);
    let config = match &replaced {
        Some(before) => {
            let (from, to, rows) = environment::compare(app, Place::Deploy(before.id), Place::Deploy(deploy.id)).await?;
            (from.at.is_some() && to.at.is_some()).then(|| rows.into_iter().filter(|row| row.kind != Kind::Same).collect())
        }
        None => None,
    };
    Ok(OneView {
        runs: live.as_ref().is_some_and(|live| same_build(&live.sha, &deploy.sha)),
        current: live.is_some_and(|live| live.id == deploy.id),
        instances: running.iter().filter(runs).count(),
        compare_url: replaced.as_ref().and_then(|before| changes(app, &before.sha, &deploy.sha)),
        config,
        replaced,
        deploy,
    })
}

impl OneView {
    fn head(&self, page: &Page<'_>) -> Markup {
        let deploy = &self.deploy;
        let (tone, word) = tone(deploy, self.current, page.now);
        let facts = html! { (pill(tone, Some(word))) span.quiet { (deploy.service) " · " (deploy.environment) @if deploy.is_rollback() { " · a rollback" } } };
        let back = !self.runs && page.may::<RollBack>() && rollback::possible(page.app, deploy);
        let before = self.replaced.as_ref().filter(|before| {
            self.current && page.may::<RollBack>() && rollback::possible(page.app, before) && !same_build(&before.sha, &self.deploy.sha)
        });
        let actions = html! {
            @if let Some(href) = &self.compare_url { (Button::link("Changes", href.clone()).icon("git-compare")) }
            @if let Some(url) = &deploy.url { (Button::link("Run", url.clone()).icon("external-link")) }
            @if back { (Button::dialog(format!("Roll back to {}…", deploy.build()), format!("/deployments/{}/rollback", deploy.id)).risk().icon("undo-2")) }
            @if let Some(before) = before { (Button::dialog(format!("Roll back to {}…", before.build()), format!("/deployments/{}/rollback", before.id)).risk().icon("undo-2")) }
            @if deploy.status == Status::InProgress && page.may::<Finish>() { (endings(deploy)) }
        };
        let title = deploy.headline().map_or_else(|| deploy.build().to_owned(), |line| format!("{} {line}", deploy.build()));
        record_head(&facts, &title, &self.sentence(page), &actions)
    }

    fn sentence(&self, page: &Page<'_>) -> String {
        let deploy = &self.deploy;
        let when = |at: qd_core::Timestamp| format!("{} UTC", format::moment(at, page.now));
        match (deploy.status, deploy.finished_at) {
            (Status::Live, Some(at)) if self.current => format!("Live since {}.", when(at)),
            (Status::Live, Some(at)) => format!("Went live {}; another build is live now.", when(at)),
            (Status::Failed, Some(at)) => format!("Failed {}. {}", when(at), deploy.error.as_deref().unwrap_or("Nobody said why.")),
            (Status::Canceled, Some(at)) => format!("Canceled {}.", when(at)),
            _ => format!("In progress since {}.", when(deploy.started_at)),
        }
    }

    fn figures(&self) -> Vec<Stat> {
        let deploy = &self.deploy;
        let lead = deploy.live_at().zip(deploy.commit_at).map(|(live, commit)| live.since(commit)).filter(|lead| *lead >= 0);
        let running = i64::try_from(self.instances).unwrap_or(i64::MAX);
        vec![
            Stat::new("Took", took(deploy), "", if deploy.source == Source::Boot { "seen when an instance started" } else { "begin to end" }),
            Stat::new("Lead time", lead.map_or_else(|| format::NONE.into(), format::duration), "", "commit to live"),
            Stat::new("Running", format::number(running), if running == 1 { "instance" } else { "instances" }, "that say so now"),
        ]
    }

    fn facts(&self, page: &Page<'_>) -> Markup {
        let deploy = &self.deploy;
        let time =
            |at: Option<qd_core::Timestamp>| html! { @match at { Some(at) => { (format::time(at, page.now)) " UTC" } None => (format::NONE) } };
        let or_none = |text: &Option<String>| html! { (text.as_deref().unwrap_or(format::NONE)) };
        let author = html! { @match &deploy.author { Some(name) => { span.row { (avatar(name)) (name) } } None => (format::NONE) } };
        let replaced = html! { @match &self.replaced { Some(before) => { a href={ "/deployments/" (before.id) } { (before.build()) } } None => "nothing that is recorded" } };
        card("Facts")
            .level3()
            .body(kv([
                ("Build", html! { (build(page.app, deploy)) @if commit(page.app, &deploy.sha).is_none() && deploy.sha.len() > 12 { span.sub { span class="mono wrap" { (deploy.sha) } } } }),
                ("Branch", or_none(&deploy.branch)),
                ("Author", author),
                ("Commit", time(deploy.commit_at)),
                ("Began", time(Some(deploy.started_at))),
                ("Ended", time(deploy.finished_at)),
                ("Rolled back", time(deploy.rolled_back_at)),
                ("Replaced", replaced),
                ("Told by", html! { (deploy.source.word()) ", " (super::running::teller(deploy)) }),
                ("Id there", or_none(&deploy.external_id)),
            ]))
            .foot(html! { a href={ "/audit?target_kind=deploy&target_id=" (deploy.id) } { "Its audit events" } })
            .render()
    }

    fn configuration(&self) -> Markup {
        let frame = card("Configuration").note("against the deploy before");
        let link = self.replaced.as_ref().map(|before| format!("/environment/diff?from=deploy:{}&to=deploy:{}", before.id, self.deploy.id));
        let frame = match (&self.config, link) {
            (Some(_), Some(href)) => frame.actions(html! { a.small href=(href) { "All keys" } }),
            _ => frame,
        };
        match &self.config {
            None => frame
                .fill(Empty::new("sliders-horizontal", "Not known", "Instances of both deploys have to say what they are configured with.").render())
                .render(),
            Some(none) if none.is_empty() => {
                frame.fill(Empty::new("check", "Nothing changed", "Every key is as it was with the deploy before.").render()).render()
            }
            Some(changed) => frame.fill(rows("Configuration changes", "Before", "Now", changed)).render(),
        }
    }
}

fn endings(deploy: &Deploy) -> Markup {
    let place = format!("/deployments/{}/finish", deploy.id);
    let ending = |text: &str, status: &str| button::post(&place, &Button::submit(text).value("status", status));
    html! { (ending("It is live", "live")) (ending("It failed", "failed")) (ending("It was canceled", "canceled")) }
}

impl View for OneView {
    fn title(&self) -> String {
        format!("{} of {}", self.deploy.build(), self.deploy.service)
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let message = self.deploy.message.as_deref().filter(|text| text.trim().lines().count() > 1);
        html! {
            (crumbs(&[("Deploys", "/deployments")], self.deploy.build()))
            div.stack #deploy-head data-live="deploy" { (self.head(page)) (stats_card(&self.figures())) }
            div.split {
                div.stack {
                    @if let Some(message) = message { (card("Message").body(html! { @for line in message.lines() { p { (line) } } })) }
                    (self.configuration())
                }
                aside.stack #deploy-facts aria-label="About this deploy" data-live="deploy" { (self.facts(page)) }
            }
        }
    }
}

/// A deploy that was written down.
#[derive(Debug, Serialize, ToSchema)]
pub struct Written {
    /// As it is now.
    #[serde(flatten)]
    pub deploy: Deploy,
}

impl View for Written {
    fn title(&self) -> String {
        self.deploy.build().to_owned()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let link = html! { (Button::link("Open its page", format!("/deployments/{}", self.deploy.id))) };
        html! { (page_head(self.deploy.build(), &format!("{}, as of {} UTC.", self.deploy.status.word(), format::clock(page.now)), &link)) }
    }
}

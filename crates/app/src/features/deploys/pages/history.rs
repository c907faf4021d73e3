//! Deploys, the newest first, with filters that live in the address.

use maud::{Markup, Render, html};
use qd_core::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::input::ListQuery;
use super::links::{how_to_record, state, took};
use super::panels::Panels;
use super::running::{by, sentence};
use crate::features::deploys::record::{Deploy, Source, Status, same_build};
use crate::features::deploys::rollback::{self, RollBack};
use crate::ui::table::{Column, Priority, cell, cell_actions, cell_at, cell_status, row, row_name, table_stacking};
use crate::ui::{Button, Empty, avatar, badge, card, field, format, page_head, pager};
use crate::web::{Page, View};

/// A deploy, in our fields and under the names of older clients.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryRow {
    /// The deploy.
    #[serde(flatten)]
    pub deploy: Deploy,
    /// `sha`
    pub git_sha: String,
    /// `branch`
    pub git_branch: Option<String>,
    /// `author`
    pub git_author: Option<String>,
    /// Author, else whoever wrote it down.
    pub deployed_by: String,
    /// When it went live; `null` if it did not.
    pub deployed_at: Option<Timestamp>,
    /// Seconds from begin to end.
    pub took_seconds: Option<i64>,
    /// Whether it is the newest live deploy of its service.
    pub current: bool,
}

impl HistoryRow {
    fn new(deploy: Deploy, live: &[Deploy]) -> Self {
        Self {
            git_sha: deploy.sha.clone(),
            git_branch: deploy.branch.clone(),
            git_author: deploy.author.clone(),
            deployed_by: by(&deploy),
            deployed_at: deploy.live_at(),
            took_seconds: deploy.finished_at.map(|at| at.since(deploy.started_at)),
            current: live.iter().any(|other| other.id == deploy.id),
            deploy,
        }
    }
}

/// A page of deploys.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryView {
    /// The newest first.
    pub deployments: Vec<HistoryRow>,
    /// `after` of the next page; `null` on the last.
    pub next: Option<Uuid>,
    #[serde(skip)]
    query: ListQuery,
    #[serde(skip)]
    names: Vec<(String, String)>,
}

impl HistoryView {
    pub(super) fn new(deploys: Vec<Deploy>, next: Option<Uuid>, query: ListQuery, names: Vec<(String, String)>, live: &[Deploy]) -> Self {
        Self { deployments: deploys.into_iter().map(|deploy| HistoryRow::new(deploy, live)).collect(), next, query, names }
    }

    fn filters(&self) -> Markup {
        let given = |field: &Option<String>| field.clone().unwrap_or_default();
        let mut environments: Vec<&str> = self.names.iter().map(|(environment, _)| environment.as_str()).collect();
        environments.dedup();
        let mut services: Vec<&str> = self.names.iter().map(|(_, service)| service.as_str()).collect();
        services.sort_unstable();
        services.dedup();
        let all = |first: &'static str, names: &[&'_ str]| -> Vec<(String, String)> {
            let rest = names.iter().map(|name| ((*name).to_owned(), (*name).to_owned()));
            std::iter::once((String::new(), first.to_owned())).chain(rest).collect()
        };
        let (environments, services) = (all("Any environment", &environments), all("Any service", &services));
        let statuses = all("Any result", &Status::ALL.map(Status::word));
        let sources = all("Any source", &Source::ALL.map(Source::word));
        let choice = |name: &str, label: &str, value: &Option<String>, options: &[(String, String)]| {
            let options: Vec<(&str, &str)> = options.iter().map(|(value, text)| (value.as_str(), text.as_str())).collect();
            field::choice(name, label, &given(value), &options)
        };
        field::filters(
            "/deployments",
            &html! {
                (field::search("q", "Build or author", &given(&self.query.q), "Build or author"))
                (choice("environment", "Environment", &self.query.environment, &environments))
                (choice("service", "Service", &self.query.service, &services))
                (choice("status", "Result", &self.query.status, &statuses))
                (choice("source", "Source", &self.query.source, &sources))
                input.input type="date" id="q-from" name="from" value=(given(&self.query.from)) aria-label="Begun from";
                input.input type="date" id="q-to" name="to" value=(given(&self.query.to)) aria-label="Begun until";
            },
        )
    }

    fn rows(&self, page: &Page<'_>) -> Markup {
        if self.deployments.is_empty() {
            if self.query.narrows() || self.query.after.is_some() {
                return Empty::filtered(
                    "No deploy fits the filter",
                    "No deploy has this build, environment, service, result and time.",
                    "/deployments",
                )
                .render();
            }
            return none_yet(page);
        }
        let live: Vec<Deploy> = self.deployments.iter().filter(|row| row.current).map(|row| row.deploy.clone()).collect();
        let deploys: Vec<Deploy> = self.deployments.iter().map(|row| row.deploy.clone()).collect();
        let older = self.next.map(|next| address(page, Some(next)));
        let newest = self.query.after.is_some().then(|| address(page, None));
        let shown = format::count(i64::try_from(self.deployments.len()).unwrap_or(i64::MAX), "deploy", "deploys");
        html! { (table(&deploys, &live, page)) (pager::pager(&shown, newest.as_deref(), older.as_deref())) }
    }
}

fn none_yet(page: &Page<'_>) -> Markup {
    let text = "CI records them at its end; Render and GitHub tell of theirs; an instance that starts with a new build is seen.";
    html! { (Empty::new("rocket", "No deploy is recorded", text)) div.card__body { (how_to_record(page.app)) } }
}

/// The address of this list with another cursor.
fn address(page: &Page<'_>, after: Option<Uuid>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(form_urlencoded::parse(page.query.as_bytes()).filter(|(key, value)| key != "after" && !value.is_empty()));
    if let Some(after) = after {
        query.append_pair("after", &after.to_string());
    }
    format!("/deployments?{}", query.finish())
}

/// Rows of deploys. `live` are those that are live now.
pub(super) fn table(deploys: &[Deploy], live: &[Deploy], page: &Page<'_>) -> Markup {
    let columns = [
        Column::new("Build"),
        Column::new("Result"),
        Column::new("By").priority(Priority::Medium),
        Column::new("When"),
        Column::number("Took").priority(Priority::Large),
        Column::actions(),
    ];
    table_stacking("Deploy history", &columns, &html! { @for deploy in deploys { (line(deploy, live, page)) } })
}

fn line(deploy: &Deploy, live: &[Deploy], page: &Page<'_>) -> Markup {
    let place = if deploy.environment == page.app.config.server.environment {
        deploy.service.clone()
    } else {
        format!("{} · {}", deploy.service, deploy.environment)
    };
    let sub = deploy.headline().map_or_else(|| place.clone(), |line| format!("{place} · {line}"));
    let is_live = live.iter().any(|other| other.id == deploy.id);
    let runs = live.iter().any(|other| other.service == deploy.service && same_build(&other.sha, &deploy.sha));
    let back = !runs && page.may::<RollBack>() && rollback::possible(page.app, deploy);
    let cells = html! {
        (row_name(deploy.build(), Some(&format!("/deployments/{}", deploy.id)), Some(&sub)))
        (cell_status(state(deploy, is_live, page.now)))
        (cell_at(Priority::Medium, "By", html! { @if deploy.source == Source::Boot { (badge("seen at boot")) } @else { span.row { (avatar(&by(deploy))) (by(deploy)) } } }))
        (cell("When", format::time(deploy.live_at().unwrap_or(deploy.started_at), page.now)))
        td class="num col-lg" data-label="Took" { (took(deploy)) }
        (cell_actions(html! { @if back { (Button::dialog(format!("Roll back to {}", deploy.build()), format!("/deployments/{}/rollback", deploy.id)).ghost().small().icon_only("undo-2")) } }))
    };
    row(false, &cells)
}

/// The panel: the newest deploys.
pub fn history_panel(panels: &Panels, page: &Page<'_>) -> Markup {
    let frame = card("Deploy history").id("deploy-history").live("deploy", None);
    if panels.history.is_empty() {
        return frame.fill(none_yet(page)).render();
    }
    let all = html! { a.small href="/deployments" { "All " (format::number(panels.total)) } };
    frame.actions(all).fill(table(&panels.history, &panels.running.standing.services, page)).render()
}

impl View for HistoryView {
    fn title(&self) -> String {
        "Deploys".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let links = html! { a href="/deployments/current" { "Now running" } " " a href="/deployments/metrics" { "Delivery" } " " a href="/instances" { "Instances" } };
        html! {
            (page_head("Deploys", &sentence(page.app, page.now), &links))
            section.card aria-label="Deploys" {
                (self.filters())
                div #deploy-list data-live="deploy" { (self.rows(page)) }
            }
        }
    }
}

//! Processes that say that they run.

use maud::{Markup, Render, html};
use serde::Serialize;
use utoipa::ToSchema;

use super::input::InstanceQuery;
use super::links::how_to_beat;
use super::running::processes;
use crate::features::deploys::environment::Place;
use crate::features::deploys::instances::{Instance, ServiceRun};
use crate::features::deploys::record::short;
use crate::ui::status::{Tone, status_word};
use crate::ui::table::{Column, Priority, cell, cell_actions, cell_at, cell_status, row, row_name, table_stacking};
use crate::ui::{Empty, card, field, format, page_head};
use crate::web::{Page, View};

/// Processes of an environment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstancesView {
    /// Environment.
    pub environment: String,
    /// The revision of flags and maintenance that is served.
    pub revision: i64,
    /// How many live.
    pub alive: usize,
    /// How many of them obey that revision.
    pub obeying: usize,
    /// By service, beside what is recorded.
    pub services: Vec<ServiceRun>,
    /// One by one.
    pub instances: Vec<Instance>,
    #[serde(skip)]
    names: Vec<(String, String)>,
    #[serde(skip)]
    query: InstanceQuery,
}

impl InstancesView {
    pub(super) fn new(
        all: Vec<Instance>,
        services: Vec<ServiceRun>,
        environment: String,
        (revision, names): (i64, Vec<(String, String)>),
        query: InstanceQuery,
    ) -> Self {
        let wanted = |one: &Instance| {
            let state = match query.state.as_deref() {
                Some("alive") => one.alive,
                Some("silent") => !one.alive,
                _ => true,
            };
            query.service.as_deref().is_none_or(|name| name.is_empty() || name == one.service) && state
        };
        let here = || all.iter().filter(|one| one.alive);
        let (alive, obeying) = (here().count(), here().filter(|one| one.revision >= revision).count());
        let instances = all.iter().filter(|one| wanted(one)).cloned().collect();
        Self { environment, revision, alive, obeying, services, instances, names, query }
    }

    fn sentence(&self) -> String {
        match self.alive {
            0 => format!("No instance of {} says that it runs.", self.environment),
            alive => format!("{} of {alive} instances in {} obey revision {}.", self.obeying, self.environment, self.revision),
        }
    }

    fn filters(&self) -> Markup {
        let mut environments: Vec<&str> = self.names.iter().map(|(environment, _)| environment.as_str()).chain([self.environment.as_str()]).collect();
        environments.sort_unstable();
        environments.dedup();
        let mut services: Vec<&str> = self.names.iter().map(|(_, service)| service.as_str()).collect();
        services.sort_unstable();
        services.dedup();
        let environments: Vec<(&str, &str)> = environments.into_iter().map(|name| (name, name)).collect();
        let services: Vec<(&str, &str)> = std::iter::once(("", "Any service")).chain(services.into_iter().map(|name| (name, name))).collect();
        let given = |field: &Option<String>| field.clone().unwrap_or_default();
        field::filters(
            "/instances",
            &html! {
                (field::choice("environment", "Environment", &self.environment, &environments))
                (field::choice("service", "Service", &given(&self.query.service), &services))
                (field::choice("state", "State", &given(&self.query.state), &[("", "Any state"), ("alive", "Alive"), ("silent", "Silent")]))
            },
        )
    }

    fn rows(&self, page: &Page<'_>) -> Markup {
        if self.instances.is_empty() {
            if self.query.service.is_some() || self.query.state.is_some() {
                return Empty::filtered("No instance fits the filter", "No instance of this environment has this service and state.", "/instances")
                    .render();
            }
            let text = "What really runs is known once every process says so: at its start and every 15 s.";
            return html! { (Empty::new("server", "No instance says that it runs", text)) div.card__body { (how_to_beat(page.app)) } };
        }
        let columns = [
            Column::new("Instance"),
            Column::new("State"),
            Column::new("Build"),
            Column::number("Obeys").priority(Priority::Medium),
            Column::new("Started").priority(Priority::Medium),
            Column::new("Last beat").priority(Priority::Large),
            Column::actions(),
        ];
        table_stacking("Instances", &columns, &html! { @for one in &self.instances { (self.line(one, page)) } })
    }

    fn line(&self, one: &Instance, page: &Page<'_>) -> Markup {
        let state = match one.alive {
            false => (Tone::Stale, "SILENT"),
            true if one.revision < self.revision => (Tone::Running, "BEHIND"),
            true => (Tone::Ok, "ALIVE"),
        };
        let place = Place::Instance(one.environment.clone(), one.service.clone(), one.instance.clone());
        let config = format!("/environment/diff?from=env:{}/{}&to={}", one.environment, one.service, place.text());
        let cells = html! {
            (row_name(&one.instance, None, Some(&one.service)))
            (cell_status(status_word(state.0, state.1)))
            (cell("Build", html! { span.mono { (short(&one.sha)) } @if let Some(version) = one.version.as_deref().filter(|version| *version != one.sha) { " " span.quiet { (version) } } }))
            td class="num col-md" data-label="Obeys" { (one.revision) }
            (cell_at(Priority::Medium, "Started", format::time(one.started_at, page.now)))
            (cell_at(Priority::Large, "Last beat", format::time_ago(one.beat_at, page.now)))
            (cell_actions(html! { @if one.snapshot_id.is_some() { a.small href=(config) { "Configuration" } } }))
        };
        row(false, &cells)
    }
}

impl View for InstancesView {
    fn title(&self) -> String {
        "Instances".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        html! {
            (page_head("Instances", &self.sentence(), &html! { a href="/deployments" { "Deploys" } " " a href="/environment" { "Configuration" } }))
            @if !self.services.is_empty() { (card("Services").id("fleet").live("deploy instance", None).body(processes(&self.services))) }
            section.card aria-label="Instances" {
                (self.filters())
                div #instance-list data-live="instance deploy" { (self.rows(page)) }
            }
        }
    }
}

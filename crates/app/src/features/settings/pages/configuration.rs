//! The configuration that holds, secrets masked, and where each value comes from.

use maud::{Markup, html};
use qd_core::Result;
use qd_core::config::Config;
use serde::Serialize;
use utoipa::ToSchema;

use super::tab_line;
use crate::features::settings::origin::{Origin, Setting, settings};
use crate::ui::table::{self, Column, Priority};
use crate::ui::{card, code, format, page_head};
use crate::web::{Ctx, Nothing, Page, Reply, View};

/// The configuration that holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Configuration {
    /// Directory of the database, keys and logs.
    data_dir: String,
    /// Every key.
    settings: Vec<Setting>,
}

pub async fn show(ctx: Ctx, _: Nothing) -> Result<Reply<Configuration>> {
    let config = &ctx.app.config;
    let defaults = Config::defaults()?;
    Ok(Reply::ok(Configuration { data_dir: config.storage.data_dir.display().to_string(), settings: settings(config, Some(&defaults)) }))
}

impl View for Configuration {
    fn title(&self) -> String {
        "Configuration".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let changed = self.settings.iter().filter(|setting| setting.origin != Origin::Default).count();
        let count = format::count(i64::try_from(changed).unwrap_or(i64::MAX), "value differs", "values differ");
        let sentence = format!("{count} from the defaults. Changes take a restart.");
        let mut sections: Vec<(&str, Vec<&Setting>)> = Vec::new();
        for setting in &self.settings {
            let section = setting.key.split(['.', '[']).next().unwrap_or_default();
            match sections.last_mut() {
                Some((name, list)) if *name == section => list.push(setting),
                _ => sections.push((section, vec![setting])),
            }
        }
        html! {
            (page_head("Settings", &sentence, &html! {}))
            (tab_line(page, "/settings/configuration"))
            p.small.quiet { "Defaults, then quarterdeck.toml (or --config), then the environment, then the command line. Secrets are masked. " code { "quarterdeck config show" } " prints the same." }
            div.stack { @for (name, list) in &sections { (section_card(name, list)) } }
        }
    }
}

fn section_card(name: &str, list: &[&Setting]) -> Markup {
    let columns = [Column::new("Key"), Column::new("Value"), Column::new("From"), Column::new("Variable").priority(Priority::Large)];
    let row = |setting: &Setting| {
        // A list without entries has no key below its name.
        let key = setting.key.strip_prefix(name).map(|rest| rest.trim_start_matches('.')).filter(|rest| !rest.is_empty()).unwrap_or(&setting.key);
        let value = if setting.value.is_empty() {
            html! { span.quiet { "empty" } }
        } else {
            code::mask(&setting.value)
        };
        let cells = html! {
            (table::row_name(key, None, None))
            (table::cell("Value", value))
            (table::cell("From", setting.origin.words()))
            (table::cell_at(Priority::Large, "Variable", html! { @if let Some(name) = &setting.variable { code { (name) } } }))
        };
        table::row(false, &cells)
    };
    html! { (card(name).fill(table::table_tight(name, &columns, &html! { @for setting in list { (row(setting)) } }))) }
}

//! Tables: a scrolling frame, sort links, priority columns, rows for J and K.

use maud::{Markup, Render, html};

use super::icon::icon_small;

/// Which screens show a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Never leaves: name, status, the deciding number.
    #[default]
    Always,
    /// Leaves below 760 px.
    Medium,
    /// Leaves below 1340 px.
    Large,
}

impl Priority {
    /// The class of the column's cells, with a leading space.
    pub fn class(self) -> &'static str {
        match self {
            Self::Always => "",
            Self::Medium => " col-md",
            Self::Large => " col-lg",
        }
    }
}

/// Which way a column is sorted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// A column head.
#[derive(Clone, Debug, Default)]
pub struct Column {
    label: String,
    numeric: bool,
    hidden: bool,
    priority: Priority,
    sort: Option<(String, Option<Order>)>,
}

impl Column {
    /// A text column.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// A column of numbers, aligned right.
    pub fn number(label: impl Into<String>) -> Self {
        Self { numeric: true, ..Self::new(label) }
    }

    /// The last column, of row actions: its head is for screen readers only.
    pub fn actions() -> Self {
        Self { hidden: true, numeric: true, ..Self::new("Actions") }
    }

    /// Which screens show it; give its cells the same class.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// The head is a link that sorts; `now` when it is the current order.
    #[must_use]
    pub fn sort(mut self, href: impl Into<String>, now: Option<Order>) -> Self {
        self.sort = Some((href.into(), now));
        self
    }
}

impl Render for Column {
    fn render(&self) -> Markup {
        let class = format!("{}{}", if self.numeric { "num" } else { "" }, self.priority.class());
        let class = class.trim();
        let (aria, arrow) = match self.sort.as_ref().and_then(|(_, now)| *now) {
            Some(Order::Ascending) => (Some("ascending"), Some("arrow-up")),
            Some(Order::Descending) => (Some("descending"), Some("arrow-down")),
            None => (None, None),
        };
        html! {
            th scope="col" class=[(!class.is_empty()).then_some(class)] aria-sort=[aria] {
                @if self.hidden { span.vh { (self.label) } }
                @else if let Some((href, _)) = &self.sort {
                    a.sort href=(href) hx-get=(href) hx-target="#main" hx-push-url="true" { (self.label) @if let Some(arrow) = arrow { " " (icon_small(arrow)) } }
                } @else { (self.label) }
            }
        }
    }
}

/// A table in its scrolling frame. `label` names it to screen readers; `rows` are `tr` elements ([`row`]).
pub fn table(label: &str, columns: &[Column], rows: &Markup) -> Markup {
    frame(label, columns, rows, "table")
}

/// A table that becomes a list of records on a phone: give its cells `data-label`, the status cell `cell-status`.
pub fn table_stacking(label: &str, columns: &[Column], rows: &Markup) -> Markup {
    frame(label, columns, rows, "table table--stack")
}

/// A denser table; on a phone a list of records, like [`table_stacking`].
pub fn table_tight(label: &str, columns: &[Column], rows: &Markup) -> Markup {
    frame(label, columns, rows, "table table--tight table--stack")
}

fn frame(label: &str, columns: &[Column], rows: &Markup, class: &str) -> Markup {
    html! {
        div.table-wrap tabindex="0" role="region" aria-label={ (label) ", table" } {
            table class=(class) { thead { tr { @for column in columns { (column) } } } tbody { (rows) } }
        }
    }
}

/// A row that J and K reach. `selected` is the open record.
pub fn row(selected: bool, cells: &Markup) -> Markup {
    html! { tr data-row aria-selected=[selected.then_some("true")] { (cells) } }
}

/// The row's name: a link to its record with a quiet second line.
pub fn row_name(name: &str, href: Option<&str>, sub: Option<&str>) -> Markup {
    html! {
        th scope="row" {
            @if let Some(href) = href { a.rowlink href=(href) { (name) } } @else { (name) }
            @if let Some(sub) = sub { span.sub { (sub) } }
        }
    }
}

/// A cell; `label` names it when the table stacks on a phone.
pub fn cell(label: &str, content: impl Render) -> Markup {
    html! { td data-label=(label) { (content) } }
}

/// A cell of a number.
pub fn cell_number(label: &str, content: impl Render) -> Markup {
    html! { td.num data-label=(label) { (content) } }
}

/// A cell that leaves with its column.
pub fn cell_at(priority: Priority, label: &str, content: impl Render) -> Markup {
    html! { td class=[Some(priority.class().trim()).filter(|class| !class.is_empty())] data-label=(label) { (content) } }
}

/// The cell of the state: stands beside the name on a phone.
pub fn cell_status(content: impl Render) -> Markup {
    html! { td.cell-status { (content) } }
}

/// The last cell: the row's buttons.
pub fn cell_actions(content: impl Render) -> Markup {
    html! { td.num { div.actions { (content) } } }
}

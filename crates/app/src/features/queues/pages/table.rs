//! The table of queues: filters that live in the address, and groups by the beginning of their names when there are many.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, Render, html};
use qd_core::reading::Status;

use super::board::{Board, BoardQuery};
use super::row::{self, At, number};
use super::{link, may, sentence};
use crate::features::queues::read::Line;
use crate::ui::table::table;
use crate::ui::{Button, Empty, field, format, status};
use crate::web::Page;

/// From so many queues on, quiet ones stand together.
const MANY: usize = 14;
/// Most rows at once.
const ROWS: usize = 200;

/// The beginning of a queue's name, before the first dot or colon.
pub fn group(name: &str) -> Option<&str> {
    let (first, rest) = name.split_once(['.', ':', '/', '-', '_'])?;
    (!first.is_empty() && !rest.is_empty()).then_some(first)
}

/// What stands in the table.
#[derive(Debug)]
enum Entry<'l> {
    One(&'l Line),
    Group(&'l str, Vec<&'l Line>),
    Lost(&'l str, Vec<&'l Line>),
}

fn fits(line: &Line, query: &BoardQuery) -> bool {
    let text = query.q.as_deref().unwrap_or_default().trim().to_lowercase();
    let state = match query.state.as_deref().unwrap_or_default() {
        "over" => matches!(line.row.status, Status::Warn | Status::Crit),
        "paused" => line.state.paused,
        "failures" => line.state.failed > 0,
        "unknown" => line.lost(),
        _ => true,
    };
    let source = query.source.as_deref().is_none_or(|source| source == line.row.source);
    let grouped = query.group.as_deref().is_none_or(|wanted| group(&line.row.name) == Some(wanted));
    state && source && grouped && (text.is_empty() || line.row.name.to_lowercase().contains(&text))
}

/// Quiet queues of one beginning stand together, and those of a job system that is away; what needs somebody stands alone.
fn entries<'l>(lines: &[&'l Line], query: &BoardQuery) -> Vec<Entry<'l>> {
    if lines.len() < MANY || query.narrows() {
        return lines.iter().map(|line| Entry::One(line)).collect();
    }
    let quiet =
        |line: &Line| line.row.status == Status::Ok && !line.state.paused && line.state.hazard.is_none() && !sentence::unattended(&line.state);
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for name in lines.iter().filter(|line| quiet(line)).filter_map(|line| group(&line.row.name)) {
        *sizes.entry(name).or_default() += 1;
    }
    let mut groups: BTreeMap<&str, Vec<&'l Line>> = BTreeMap::new();
    let mut out = Vec::new();
    let (lost, known): (Vec<&'l Line>, Vec<&'l Line>) = lines.iter().partition(|line| line.row.status == Status::Unknown);
    for source in lost.iter().map(|line| line.row.source.as_str()).collect::<BTreeSet<_>>() {
        out.push(Entry::Lost(source, lost.iter().copied().filter(|line| line.row.source == source).collect()));
    }
    for line in known {
        match group(&line.row.name).filter(|name| quiet(line) && sizes.get(name).is_some_and(|size| *size > 1)) {
            Some(name) => groups.entry(name).or_default().push(line),
            None => out.push(Entry::One(line)),
        }
    }
    out.extend(groups.into_iter().map(|(name, lines)| Entry::Group(name, lines)));
    out
}

/// The card.
pub fn panel(board: &Board, page: &Page<'_>) -> Markup {
    let lines: Vec<&Line> = board.lines.iter().filter(|line| fits(line, &board.query)).collect();
    let may = may::may(page);
    let entries = entries(&lines, &board.query);
    let several = board.sources.len() > 1;
    let silent: Vec<_> = if board.query.narrows() {
        Vec::new()
    } else {
        board.sources.iter().filter(|known| !board.lines.iter().any(|line| line.row.source == known.name)).collect()
    };
    let body = html! {
        @for (index, entry) in entries.iter().take(ROWS).enumerate() {
            @match entry {
                Entry::One(line) => (row::row(line, At { index, selected: board.is_worst(line), several }, &board.spark(page.app, line), may, page.now)),
                Entry::Group(name, lines) => (group_row(name, lines, may)),
                Entry::Lost(source, lines) => (lost_row(source, lines)),
            }
        }
        @for known in silent { (row::silent(known)) }
    };
    let content = match (lines.is_empty(), board.lines.is_empty() && board.sources.is_empty()) {
        (_, true) => {
            Empty::new("layers", "No job system is connected", "Name one under [[queues]] in the configuration, and its queues appear here.").render()
        }
        (true, _) if board.query.narrows() => Empty::filtered("No queue fits the filter", "No queue has this name and state.", "/queues").render(),
        _ => table("Queues", &row::columns(), &body),
    };
    html! {
        section class="card" aria-label="Queues" {
            (filters(board, lines.len(), may))
            div id="queue-table" data-live="kpi queue" data-live-src=(link::changed(page.path, page.query, &[("part", "table")])) { (content) }
        }
    }
}

fn filters(board: &Board, shown: usize, may: may::May) -> Markup {
    let query = &board.query;
    let given = |field: &Option<String>| field.clone().unwrap_or_default();
    let states = [("", "Any state"), ("over", "Over limit"), ("paused", "Paused"), ("failures", "With failures"), ("unknown", "Not known")];
    let sources: Vec<(&str, &str)> =
        std::iter::once(("", "Any job system")).chain(board.sources.iter().map(|known| (known.name.as_str(), known.name.as_str()))).collect();
    let controls = html! {
        (field::search("q", "Filter queues", &given(&query.q), "Filter queues"))
        (field::choice("state", "State", &given(&query.state), &states))
        @if board.sources.len() > 1 { (field::choice("source", "Job system", &given(&query.source), &sources)) }
        @if let Some(group) = &query.group {
            input type="hidden" name="group" value=(group);
            span class="badge" { (group) ".*" }
            @if may.work {
                (Button::dialog("Pause the group…", link::with("/queues/pause", &[("group", group)])).small().risk().icon("pause"))
                (Button::dialog("Resume the group…", link::with("/queues/resume", &[("group", group)])).small().icon("play"))
            }
            (Button::link("All queues", "/queues").small().ghost())
        }
        span class="push quiet small" { (number(u64::try_from(shown).unwrap_or_default())) " shown" }
    };
    field::filters("/queues", &controls)
}

fn group_row(name: &str, lines: &[&Line], may: may::May) -> Markup {
    let sum = |of: fn(&Line) -> u64| number(lines.iter().map(|line| of(line)).sum());
    let href = link::with("/queues", &[("group", name)]);
    html! {
        tr data-row {
            th scope="row" {
                a class="rowlink mono" href=(href) hx-get=(href) hx-target="#main" hx-push-url="true" { (name) ".*" }
                span.sub { (format::count(i64::try_from(lines.len()).unwrap_or(i64::MAX), "queue", "queues")) ", none over its limits" }
            }
            td { (status(Status::Ok)) }
            td.num { (sum(|line| line.state.waiting)) }
            td class="num col-md" { (sum(|line| line.state.active)) }
            td class="num col-lg" { (sum(|line| line.state.delayed)) }
            td.num { (sum(|line| line.state.failed)) }
            td class="num col-md" { (format::NONE) }
            td.col-md { span class="small quiet" { "open the group" } }
            td.num { div.actions { @if may.work { (Button::dialog(format!("Pause {name}.*"), link::with("/queues/pause", &[("group", name)])).ghost().small().icon_only("pause")) } } }
        }
    }
}

/// Every queue of a job system that is away: one cause, one row.
fn lost_row(source: &str, lines: &[&Line]) -> Markup {
    let href = link::with("/queues", &[("source", source)]);
    html! {
        tr data-row {
            th scope="row" {
                a class="rowlink mono" href=(href) hx-get=(href) hx-target="#main" hx-push-url="true" { (source) }
                span.sub { (format::count(i64::try_from(lines.len()).unwrap_or(i64::MAX), "queue", "queues")) @if let Some(line) = lines.first() { ": " (row::said(line)) } }
            }
            td { (status(Status::Unknown)) }
            td.num { (format::UNKNOWN) } td class="num col-md" { (format::UNKNOWN) } td class="num col-lg" { (format::UNKNOWN) }
            td.num { (format::UNKNOWN) } td class="num col-md" { (format::UNKNOWN) } td.col-md { span class="small quiet" { "open the list" } } td {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_name_is_its_group() {
        for (name, first) in
            [("email.outbound", Some("email")), ("a:b:c", Some("a")), ("email", None), (".x", None), ("x.", None), ("support-email", Some("support"))]
        {
            assert_eq!(group(name), first, "{name}");
        }
    }
}

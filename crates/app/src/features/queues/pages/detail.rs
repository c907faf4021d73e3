//! The parts of a job: errors with stacks, data, options, result, log, and the flow that it belongs to.

use maud::{Markup, Render, html};
use qd_core::Timestamp;

use super::{jobs, link, story};
use crate::features::queues::read;
use crate::features::queues::{Child, JobDetail, JobRow, TextCut};
use crate::ui::stats::kv;
use crate::ui::{Button, card, code, format, icon};

/// Most characters of a text on a page.
const SHOWN: usize = 20_000;
/// Stacks that are shown.
const STACKS: usize = 10;

fn clean(cut: &mut TextCut) {
    let whole = !cut.is_cut();
    cut.text = read::scrubbed(&cut.text);
    // A mask is shorter than what it hides: a whole text stays whole.
    if whole {
        cut.bytes = u64::try_from(cut.text.len()).unwrap_or(u64::MAX);
    }
}

/// A row with secrets and personal data masked.
pub fn scrubbed_row(mut row: JobRow) -> JobRow {
    clean(&mut row.data);
    row.reason.iter_mut().for_each(clean);
    row
}

/// The job with secrets and personal data masked.
pub fn scrubbed(mut job: JobDetail) -> JobDetail {
    job.row = scrubbed_row(job.row);
    clean(&mut job.options);
    // Applications make it of data: `welcome:ada@example.org`.
    job.unique_key = job.unique_key.map(|key| read::scrubbed(&key));
    job.progress.iter_mut().chain(job.result.iter_mut()).chain(job.stacks.iter_mut()).chain(job.log.lines.iter_mut()).for_each(clean);
    job
}

/// Text for a page: JSON is indented when it is whole, and everything is cut.
fn shown(cut: &TextCut) -> (String, bool) {
    let whole = if cut.is_cut() { None } else { serde_json::from_str::<serde_json::Value>(&cut.text).ok() };
    let text = whole.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| cut.text.clone());
    let short: String = text.chars().take(SHOWN).collect();
    let less = cut.is_cut() || short.len() < text.len();
    (short, less)
}

fn text(title: &str, cut: &TextCut) -> Markup {
    let (text, less) = shown(cut);
    let note = if less {
        format!("the first {} of {}", format::bytes(u64::try_from(text.len()).unwrap_or_default()), format::bytes(cut.bytes))
    } else {
        String::new()
    };
    let copy = html! { button type="button" class="btn btn--ghost btn--s needs-js" data-copy=(cut.text) { (icon("copy")) "Copy" } };
    card(title).note(note).actions(copy).level3().body(code::wrapped(title, &text)).render()
}

/// Data, options, result and progress.
pub fn texts(job: &JobDetail) -> Markup {
    let filled = |cut: &&TextCut| !cut.text.trim().is_empty() && cut.text != "null";
    html! {
        (text("Data", &job.row.data))
        @if let Some(result) = job.result.as_ref().filter(filled) { (text("Result", result)) }
        @if let Some(progress) = job.progress.as_ref().filter(filled).filter(|cut| cut.text != "0") { (text("Progress", progress)) }
        (text("Options", &job.options))
    }
}

/// Whether a line of a stack is the application's own.
fn is_own(line: &str) -> bool {
    let foreign = ["node_modules", "node:", "internal/", "site-packages", "/rustc/", ".cargo/registry", "<anonymous>"];
    !foreign.iter().any(|mark| line.contains(mark))
}

/// Why it failed: the reason, and the stack of each attempt that is kept, the last first.
pub fn failures(job: &JobDetail) -> Markup {
    let reason = job.row.reason.as_ref().map(|reason| reason.text.clone()).unwrap_or_default();
    let kept = job.stacks.len();
    let first = job.row.attempts.saturating_sub(u64::try_from(kept).unwrap_or(u64::MAX));
    let stacks = job.stacks.iter().enumerate().rev().take(STACKS);
    let body = html! {
        div.stack.stack--s {
            @if !reason.is_empty() { p.field__error { (icon("octagon-x")) span.wrap-any { (reason) } } }
            section class="joblist" aria-label="Attempts" {
                @for (index, stack) in stacks {
                    @let number = first + u64::try_from(index).unwrap_or_default() + 1;
                    details open[index + 1 == kept] {
                        summary { span.strong { "Attempt " (number) } span class="soft mono truncate" { (stack.text.lines().next().unwrap_or_default().chars().take(120).collect::<String>()) } }
                        div { (frames(number, stack)) }
                    }
                }
            }
        }
    };
    let note = match kept {
        0 => "No stack is kept.".to_owned(),
        _ if kept > STACKS => format!("the last {STACKS} of {kept} that are kept, the last first"),
        _ => format!("{} kept, the last first", format::count(i64::try_from(kept).unwrap_or(i64::MAX), "stack is", "stacks are")),
    };
    card("Why it failed").note(note).body(body).render()
}

fn frames(number: u64, stack: &TextCut) -> Markup {
    let text: String = stack.text.chars().take(SHOWN).collect();
    let lines: Vec<(String, bool)> = text.lines().take(100).map(|line| (line.to_owned(), is_own(line))).collect();
    code::stack(&format!("Stack of attempt {number}"), &lines)
}

/// Its log lines, paged.
pub fn log(job: &JobDetail, href: &str) -> Markup {
    let log = &job.log;
    if log.total == 0 {
        return html! {};
    }
    let count = u64::try_from(log.lines.len()).unwrap_or_default();
    let lines = log.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n");
    let more = log.from + count;
    let note = format!("lines {} to {} of {}", log.from + 1, more, log.total);
    let actions = html! {
        @if log.from > 0 { (Button::link("Earlier", link::with(href, &[("log", &log.from.saturating_sub(200).to_string())])).small()) }
        @if more < log.total { (Button::link("Later", link::with(href, &[("log", &more.to_string())])).small()) }
    };
    card("Log").note(note).actions(actions).level3().body(html! { div.tall { (code::wrapped("Log of the job", &lines)) } }).render()
}

/// The jobs around it: its parent, itself, its children.
pub fn flow(source: &str, queue: &str, job: &JobDetail) -> Markup {
    if job.parent.is_none() && job.children_total == 0 {
        return html! {};
    }
    let shown = u64::try_from(job.children.len()).unwrap_or_default();
    let own = html! { li { span class="row row--wrap" { (jobs::state(job.row.state)) span class="mono strong" { (job.row.id) } span class="mono soft" { (job.row.name) } span class="quiet small" { "this job" } } (children(source, job, shown)) } };
    let tree = html! {
        ul.flow {
            @match &job.parent {
                Some(parent) => {
                    li {
                        span class="row row--wrap" { (icon("network")) a class="mono wrap-any" href=(link::job(source, &parent.queue, &parent.id)) { (parent.id) } span class="quiet small" { "waits for it, in " span.mono { (parent.queue) } } }
                        ul { (own) }
                    }
                }
                None => (own),
            }
        }
    };
    let _ = queue;
    card("Flow").note(format::count(i64::try_from(job.children_total).unwrap_or(i64::MAX), "child", "children")).level3().body(tree).render()
}

fn children(source: &str, job: &JobDetail, shown: u64) -> Markup {
    html! {
        @if !job.children.is_empty() {
            ul {
                @for child in &job.children { (one_child(source, child)) }
                @if job.children_total > shown { li.quiet { "and " (super::row::number(job.children_total - shown)) " more" } }
            }
        }
    }
}

fn one_child(source: &str, child: &Child) -> Markup {
    html! {
        li {
            span class="row row--wrap" {
                @match child.state { Some(state) => (jobs::state(state)), None => span.quiet { "gone" } }
                a class="mono wrap-any" href=(link::job(source, &child.job.queue, &child.job.id)) { (child.job.id) }
                @if let Some(name) = &child.name { span class="mono soft" { (name) } }
                span class="quiet small" { "in " span.mono { (child.job.queue) } }
            }
        }
    }
}

/// Facts in a row of names and values.
pub fn facts(source: &str, job: &JobDetail, now: Timestamp) -> Markup {
    let row = &job.row;
    let none = || html! { span.quiet { (format::NONE) } };
    let moment = |at: Option<Timestamp>| at.map_or_else(none, |at| format::time(at, now));
    let words = |text: Option<&String>| text.map_or_else(none, |text| html! { span class="mono wrap-any" { (text) } });
    let mut pairs: Vec<(&str, Markup)> = vec![
        ("Job system", html! { (source) }),
        ("Attempts", html! { (jobs::tries(row)) }),
        ("Made", moment(row.created_at)),
        ("Last began", moment(row.started_at)),
        ("Ended", moment(row.finished_at)),
        ("Ran", story::ran(job).map_or_else(none, |ms| html! { (format::millis(ms)) })),
        ("Worker", words(row.worker.as_ref())),
        ("Priority", html! { @if row.priority == 0 { "none" } @else { (format::number(row.priority)) } }),
    ];
    if job.delay_ms > 0 {
        #[expect(clippy::cast_precision_loss, reason = "a duration is told")]
        let delay = job.delay_ms as f64;
        pairs.push(("Made with delay", html! { (format::millis(delay)) }));
    }
    pairs.extend(row.schedule.as_ref().map(|schedule| ("Schedule", html! { a class="mono wrap-any" href="/queues?tab=scheduled" { (schedule) } })));
    pairs.extend(job.unique_key.as_ref().map(|key| ("Unique key", html! { span class="mono wrap-any" { (key) } })));
    card("Facts").level3().body(kv(pairs)).render()
}

#[cfg(test)]
mod tests {
    use qd_core::port::Queue;

    use super::*;
    use crate::features::queues::tests::{Memory, QUEUE};

    #[tokio::test]
    async fn a_unique_key_is_masked_as_the_data_are() {
        let memory = Memory::new();
        memory.fill(crate::features::queues::JobState::Failed, 1);
        let job = memory.job(QUEUE, "failed-0").await.unwrap().unwrap();
        let job = scrubbed(JobDetail { unique_key: Some("welcome:ada@example.org:token=abc123".into()), ..job });
        assert_eq!(job.unique_key.as_deref(), Some("welcome:a•••@example.org:token=•••"));
        assert!(!facts("shop", &job, Timestamp(0)).0.contains("abc123"));
    }
}

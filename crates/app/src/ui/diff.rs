//! What changed: lines with `+` and `−`, or two JSON values compared line by line.

use maud::{Markup, html};
use serde_json::Value;

/// A line of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Only in the new text.
    Added(String),
    /// Only in the old text.
    Removed(String),
    /// In both.
    Same(String),
    /// A heading between parts.
    Hunk(String),
}

/// The frame around lines.
pub fn diff(label: &str, lines: &[Line]) -> Markup {
    html! {
        div.diff tabindex="0" role="region" aria-label=(label) {
            @for line in lines {
                @match line {
                    Line::Added(text) => { div.add { span { "+" } span { (text) } } }
                    Line::Removed(text) => { div.del { span { "−" } span { (text) } } }
                    Line::Same(text) => { div { span { " " } span { (text) } } }
                    Line::Hunk(text) => { div.hunk { span { " " } span { (text) } } }
                }
            }
        }
    }
}

/// Before and after of a change; `null` on one side is "did not exist".
pub fn before_after(label: &str, before: &Value, after: &Value) -> Markup {
    diff(label, &compare(&lines_of(before), &lines_of(after)))
}

fn lines_of(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        value => serde_json::to_string_pretty(value).unwrap_or_default().lines().map(str::to_owned).collect(),
    }
}

/// Longest common subsequence; above 400 lines a side only the ends are matched, so that a page stays quick.
pub fn compare(old: &[String], new: &[String]) -> Vec<Line> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old.iter().skip(head).rev().zip(new.iter().skip(head).rev()).take_while(|(a, b)| a == b).count();
    let middle = |side: &[String]| side.iter().skip(head).take(side.len() - head - tail).cloned().collect::<Vec<_>>();
    let (a, b) = (middle(old), middle(new));
    let mut out: Vec<Line> = old.iter().take(head).cloned().map(Line::Same).collect();
    if a.len() > 400 || b.len() > 400 {
        out.extend(a.into_iter().map(Line::Removed));
        out.extend(b.into_iter().map(Line::Added));
    } else {
        out.extend(common(&a, &b));
    }
    out.extend(old.iter().skip(old.len() - tail).cloned().map(Line::Same));
    out
}

fn common(a: &[String], b: &[String]) -> Vec<Line> {
    let width = b.len() + 1;
    let mut table = vec![0_u32; (a.len() + 1) * width];
    let at = |table: &[u32], i: usize, j: usize| table.get(i * width + j).copied().unwrap_or(0);
    for (i, left) in a.iter().enumerate().rev() {
        for (j, right) in b.iter().enumerate().rev() {
            let best = if left == right { at(&table, i + 1, j + 1) + 1 } else { at(&table, i + 1, j).max(at(&table, i, j + 1)) };
            if let Some(slot) = table.get_mut(i * width + j) {
                *slot = best;
            }
        }
    }
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    loop {
        match (a.get(i), b.get(j)) {
            (Some(left), Some(right)) if left == right => {
                out.push(Line::Same(left.clone()));
                (i, j) = (i + 1, j + 1);
            }
            (Some(left), right) if right.is_none() || at(&table, i + 1, j) >= at(&table, i, j + 1) => {
                out.push(Line::Removed(left.clone()));
                i += 1;
            }
            (_, Some(right)) => {
                out.push(Line::Added(right.clone()));
                j += 1;
            }
            _ => return out,
        }
    }
}

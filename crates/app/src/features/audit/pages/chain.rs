//! Whether the trail is whole.

use maud::{Markup, html};
use serde::Serialize;
use utoipa::ToSchema;

use crate::features::audit::{Outcome, Progress, Standing};
use crate::ui::spark::progress;
use crate::ui::{Banner, Tone, format, icon, page_head, pill};
use crate::web::{Page, View};

/// The state of the chain, as far as this process has looked.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChainView {
    /// A verification that runs.
    pub running: Option<Progress>,
    /// The last one since this process started.
    pub last: Option<Outcome>,
}

/// What was found, in one sentence.
pub(super) fn verdict(last: &Outcome) -> String {
    match (&last.report, &last.failure) {
        (Some(report), _) => match &report.first_break {
            None if !report.warnings.is_empty() => "Chain verified, with findings".into(),
            None => format!("Chain verified: {}, no gap", format::count(report.checked, "event", "events")),
            Some(found) => format!("Chain broken at event {}", format::number(found.seq)),
        },
        (None, Some(failure)) => format!("Not verified: {failure}"),
        (None, None) => "Not verified".into(),
    }
}

impl View for ChainView {
    fn title(&self) -> String {
        "Verification of the audit trail".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        html! {
            (page_head("Verification", "Each event holds the SHA-256 of the one before it.", &html! { a href="/audit" { "All events" } }))
            (self.card(page))
        }
    }
}

impl ChainView {
    /// The card; it is fetched again while a verification goes on.
    pub(super) fn card(&self, page: &Page<'_>) -> Markup {
        let (tone, _) = self.mark(page);
        let mark = if tone == Tone::Crit { "unlink" } else { "link" };
        html! {
            div.stack #audit-verification data-live="audit" data-live-src="/audit/verification" {
                section class="card verify" aria-label="Verification" {
                    span.icon-tile data-status=(tone.key()) { (icon(mark)) }
                    div.grow { (self.state(page)) (self.progress()) p.soft { (self.words()) } }
                    @if let Some(last) = &self.last { (ends(last, page)) }
                }
                @if let Some(last) = &self.last { (alarm(last)) }
            }
        }
    }

    /// Tone and word of the state now.
    fn mark(&self, page: &Page<'_>) -> (Tone, &'static str) {
        match self.last.as_ref().map(|last| last.standing(page.now)) {
            Some(Standing::Intact) => (Tone::Ok, "CHAIN INTACT"),
            Some(Standing::Findings) => (Tone::Warn, "CHAIN HOLDS, WITH FINDINGS"),
            Some(Standing::Broken) => (Tone::Crit, "CHAIN NOT INTACT"),
            Some(Standing::NotRun) => (Tone::Unknown, "VERIFICATION FAILED TO RUN"),
            Some(Standing::Stale) => (Tone::Stale, "STALE"),
            None => (Tone::Unknown, "NOT VERIFIED"),
        }
    }

    fn state(&self, page: &Page<'_>) -> Markup {
        let (tone, word) = self.mark(page);
        html! {
            div class="row row--wrap" {
                (pill(tone, Some(word)))
                @match &self.last {
                    Some(last) => span class="quiet small" { "checked " (format::time(last.finished_at, page.now)) ", took " (format::millis(last.took_ms as f64)) },
                    None => span class="quiet small" { "since this process started" },
                }
            }
        }
    }

    fn progress(&self) -> Markup {
        html! {
            @if let Some(running) = &self.running {
                div class="row small" {
                    (progress("Verification", u64::try_from(running.checked).unwrap_or(0), u64::try_from(running.of).unwrap_or(0)))
                    span { (format::number(running.checked)) " of " (format::number(running.of)) " events" }
                }
            }
        }
    }

    fn words(&self) -> String {
        let counted = self.last.as_ref().and_then(|last| last.report.as_ref()).map(|report| {
            format!(
                "{} and {} checked. ",
                format::count(report.checked, "event", "events"),
                format::count(report.checkpoints, "signed checkpoint", "signed checkpoints")
            )
        });
        let how = "Each event holds the SHA-256 of the one before it. Signed checkpoints also go to a file outside the database.";
        format!("{}{how}", counted.unwrap_or_default())
    }
}

fn ends(last: &Outcome, page: &Page<'_>) -> Markup {
    html! {
        dl class="kv verify__kv" {
            @if let Some(report) = &last.report { dt { "Head" } dd.mono { (report.checked) " · " (short(&report.head)) } }
            @if let Some(point) = &last.checkpoint { dt { "Anchor" } dd.mono { (point.size) " · " (format::time(qd_core::Timestamp(point.at), page.now)) } }
        }
    }
}

fn alarm(last: &Outcome) -> Markup {
    let found = last.report.as_ref().and_then(|report| report.first_break.as_ref());
    html! {
        @if let Some(found) = found {
            (Banner::new(Tone::Crit, format!("Chain broken at event {}.", format::number(found.seq))).icon("unlink")
                .text(html! { "Event " (found.seq) ": " (found.detail) ". It and everything after it cannot be trusted until compared with an anchor or an export." })
                .link("Look at the event", format!("/audit/{}", found.seq)))
        } @else if let Some(failure) = &last.failure {
            @if last.ran {
                (Banner::new(Tone::Crit, "The trail could not be verified.").icon("unlink").text(html! { (failure) }))
            } @else {
                (Banner::new(Tone::Warn, "The verification failed to run.").text(html! { (failure) " This says nothing about the trail. Verify again when the cause is gone." }))
            }
        }
        @for warning in last.report.iter().flat_map(|report| &report.warnings) {
            (Banner::new(Tone::Warn, "The checkpoints have a finding.").text(html! { (warning) }))
        }
    }
}

/// `7d0e…41ac`.
pub(super) fn short(hash: &str) -> String {
    match (hash.get(..4), hash.len().checked_sub(4).and_then(|at| hash.get(at..))) {
        (Some(head), Some(tail)) if hash.len() > 8 => format!("{head}…{tail}"),
        _ => hash.to_owned(),
    }
}

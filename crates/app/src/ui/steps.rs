//! Steps of a runbook: checking one posts at once; the server stamps who and when.

use maud::{Markup, Render, html};

use super::format;

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// What to do.
    pub title: String,
    /// How, as finished HTML (rendered Markdown).
    pub body: Option<Markup>,
    /// Where its state is posted to as `done=true|false`; without it the step is only read.
    pub action: Option<String>,
    /// Whether it is done.
    pub done: bool,
    /// Who did it and when: `Mara · 14:02:15`.
    pub stamp: String,
    /// Something at the end of the line, such as a tool's button.
    pub aside: Option<Markup>,
}

impl Render for Step {
    fn render(&self) -> Markup {
        html! {
            li data-done[self.done] {
                @if let Some(action) = &self.action {
                    form method="post" action=(action) hx-post=(action) hx-swap="none" data-optimistic="done" {
                        input type="checkbox" name="done" value="true" checked[self.done] aria-label=(self.title);
                        button class="btn btn--s nojs" type="submit" { "Save" }
                    }
                } @else { input type="checkbox" checked[self.done] disabled aria-label=(self.title); }
                div.stack.stack--xs { p.steps__title { (self.title) } @if let Some(body) = &self.body { (body) } }
                div class="small quiet" { (self.stamp) @if let Some(aside) = &self.aside { (aside) } }
            }
        }
    }
}

/// The steps with their progress.
pub fn steps(items: &[Step]) -> Markup {
    let done = items.iter().filter(|step| step.done).count();
    html! {
        div.stack {
            div.stack.stack--xs {
                p class="small quiet" { span data-steps-done { (format::number(i64::try_from(done).unwrap_or_default())) } " of " (items.len()) " done" }
                progress data-steps max=(items.len().max(1)) value=(done) aria-label="Steps done" {}
            }
            ol.steps { @for step in items { (step) } }
        }
    }
}

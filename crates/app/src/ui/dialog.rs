//! The confirm dialog: the one door for everything that hurts. As a `<dialog>` for script, as a page without it.

use maud::{Markup, Render, html};

use super::field;
use super::icon::{icon, icon_small};
use super::status::Tone;

/// Blast radius, counted when the dialog is rendered.
#[derive(Clone, Debug, Default)]
pub struct Blast {
    /// Names and figures: `Keys`, `42`.
    pub numbers: Vec<(String, String)>,
    /// Heading of the sample: `Show what will be removed`.
    pub sample_title: String,
    /// Some of what is touched; nothing is shown when empty.
    pub sample: Vec<String>,
}

/// The reason that goes into the audit log.
#[derive(Clone, Debug)]
pub struct Reason {
    /// What was typed so far.
    pub value: String,
    /// Fewest characters.
    pub min: usize,
    /// What is wrong with it.
    pub error: Option<String>,
}

impl Default for Reason {
    fn default() -> Self {
        Self { value: String::new(), min: 10, error: None }
    }
}

/// The phrase to type, for loss or outage.
#[derive(Clone, Debug)]
pub struct Phrase {
    /// `FLUSH kpi`.
    pub expected: String,
    /// What was typed so far.
    pub value: String,
    /// What is wrong with it.
    pub error: Option<String>,
}

/// Why it was not done: shown above the form, the input is kept.
#[derive(Clone, Debug)]
pub struct Failure {
    /// `Not done. Redis did not answer within 5 s.`
    pub title: String,
    /// What did not happen and what to do.
    pub text: String,
}

/// Where to go when there is nothing to do here.
#[derive(Clone, Debug)]
pub struct Instead {
    /// Where it leads.
    pub href: String,
    /// `Show INC-7`.
    pub label: String,
}

/// A form that asks before it acts. `id` is also the id of the dialog; it must be unique on the page.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// Element id.
    pub id: String,
    /// Where it posts to.
    pub action: String,
    /// Icon of the head.
    pub icon: String,
    /// Colour of the icon's tile.
    pub tone: Tone,
    /// `Flush the cache namespace kpi`.
    pub title: String,
    /// One sentence with the environment.
    pub lead: String,
    /// What will happen, one line each.
    pub effects: Vec<String>,
    /// Counted at this moment.
    pub blast: Option<Blast>,
    /// Extra fields of the act.
    pub fields: Option<Markup>,
    /// The reason; `None` for forms that need none.
    pub reason: Option<Reason>,
    /// The phrase; only for loss or outage.
    pub phrase: Option<Phrase>,
    /// Why the last try failed.
    pub failure: Option<Failure>,
    /// Undo, who and when: `This cannot be undone. Recorded as Mara, 14:02 UTC, with your reason.`
    pub note: String,
    /// Verb and amount: `Flush 42 keys`.
    pub submit: String,
    /// Red submit button.
    pub danger: bool,
    /// Hidden fields: the idempotency key, the blast radius that was seen.
    pub hidden: Vec<(String, String)>,
    /// Where Cancel leads on the page without script.
    pub back: String,
    /// The act is not possible now: no form, only the lead and this link.
    pub instead: Option<Instead>,
}

/// Where the form stands: it decides the heading's level.
enum Place {
    Dialog,
    Page,
    Guide,
}

impl Confirm {
    /// A form with a reason, nothing else set.
    pub fn new(action: impl Into<String>, title: impl Into<String>, submit: impl Into<String>) -> Self {
        Self {
            id: "confirm".into(),
            action: action.into(),
            icon: "triangle-alert".into(),
            tone: Tone::Warn,
            title: title.into(),
            lead: String::new(),
            effects: Vec::new(),
            blast: None,
            fields: None,
            reason: Some(Reason::default()),
            phrase: None,
            failure: None,
            note: String::new(),
            submit: submit.into(),
            danger: false,
            hidden: Vec::new(),
            back: "/".into(),
            instead: None,
        }
    }

    /// The fragment for `#dialogs`, and again after 409, 422 and 5xx with its errors filled in.
    pub fn dialog(&self) -> Markup {
        let id = &self.id;
        html! {
            dialog.dialog id=(id) aria-labelledby={ (id) "-t" } aria-describedby={ (id) "-d" } {
                @if let Some(instead) = &self.instead { (self.told(instead, &Place::Dialog)) }
                @else { form method="post" action=(self.action) hx-post=(self.action) hx-target={ "#" (id) } hx-swap="outerHTML" novalidate data-confirm-form {
                    (self.inside(&Place::Dialog))
                } }
            }
        }
    }

    /// The same form on a page of its own, for browsers without script.
    pub fn page(&self) -> Markup {
        html! {
            div class="dialog dialog--static dialog--page" {
                @if let Some(instead) = &self.instead { (self.told(instead, &Place::Page)) }
                @else { form method="post" action=(self.action) { (self.inside(&Place::Page)) } }
            }
        }
    }

    /// Laid flat for the style guide: looks like the dialog, posts nothing.
    pub(super) fn specimen(&self) -> Markup {
        html! { div class="dialog dialog--static" inert { form { (self.inside(&Place::Guide)) } } }
    }

    fn head(&self, place: &Place) -> Markup {
        let id = &self.id;
        html! {
            div.dialog__head {
                span.icon-tile data-status=(self.tone.key()) { (icon(&self.icon)) }
                div.grow {
                    @match place { Place::Dialog => { h2 id={ (id) "-t" } { (self.title) } } Place::Page => { h1.h2 { (self.title) } } Place::Guide => { h4.h2 { (self.title) } } }
                    p id={ (id) "-d" } { (self.lead) }
                }
                @if matches!(place, Place::Dialog) { (close()) }
            }
        }
    }

    /// Nothing to confirm: why, and where to go.
    fn told(&self, instead: &Instead, place: &Place) -> Markup {
        html! {
            (self.head(place))
            div.dialog__foot { span.push {} a class="btn btn--primary" href=(instead.href) autofocus[matches!(place, Place::Dialog)] { (instead.label) } }
        }
    }

    fn inside(&self, place: &Place) -> Markup {
        html! {
            @for (name, value) in &self.hidden { input type="hidden" name=(name) value=(value); }
            (self.head(place))
            div.dialog__body {
                @if let Some(failure) = &self.failure {
                    div class="banner banner--bare" data-status="crit" role="alert" tabindex="-1" data-form-error {
                        (icon("octagon-x")) div.banner__text { strong { (failure.title) } p { (failure.text) } }
                    }
                }
                @if !self.effects.is_empty() { ul.effects { @for effect in &self.effects { li { (icon_small("arrow-right")) span { (effect) } } } } }
                @if let Some(blast) = &self.blast { (blast) }
                @if let Some(fields) = &self.fields { (fields) }
                @if let Some(reason) = &self.reason { (self.reason(reason, place)) }
                @if let Some(phrase) = &self.phrase { (self.phrase(phrase)) }
            }
            div.dialog__foot {
                p.audit-note { (self.note) }
                a.btn href=(self.back) data-closes { "Cancel" }
                button type="submit" class={ "btn " (if self.danger { "btn--danger" } else { "btn--primary" }) } { (self.submit) }
            }
        }
    }

    fn reason(&self, reason: &Reason, place: &Place) -> Markup {
        let id = format!("{}-r", self.id);
        let text = reason.error.clone().unwrap_or_else(|| format!("Give a reason of at least {} characters.", reason.min));
        html! {
            div.field {
                label.field__label for=(id) { "Reason " span.field__hint { span id={ (id) "-n" } { (reason.value.trim().chars().count()) } " of at least " (reason.min) " characters" } }
                textarea.textarea id=(id) name="reason" rows="2" required minlength=(reason.min) data-rule="min" data-min=(reason.min) autofocus[!matches!(place, Place::Guide)] data-count={ (id) "-n" } aria-describedby={ (id) "-err" }
                    aria-invalid=[reason.error.as_ref().map(|_| "true")] placeholder="Why now? The next person on call reads this." { (reason.value) }
                (hidden_error(&id, &text, reason.error.is_none()))
            }
        }
    }

    fn phrase(&self, phrase: &Phrase) -> Markup {
        let id = format!("{}-p", self.id);
        let text = phrase.error.as_deref().unwrap_or("The phrase does not match. Capitals and spaces count.");
        html! {
            div.field {
                label.field__label for=(id) { span { "Type " span.typed { (phrase.expected) } " to confirm" } }
                input class="input input--mono" id=(id) name="phrase" autocomplete="off" spellcheck="false" required data-rule="phrase" data-phrase=(phrase.expected)
                    aria-describedby={ (id) "-err" } aria-invalid=[phrase.error.as_ref().map(|_| "true")] value=(phrase.value);
                (hidden_error(&id, text, phrase.error.is_none()))
            }
        }
    }
}

/// An error line that script may show; visible when the server found the error.
fn hidden_error(id: &str, text: &str, hidden: bool) -> Markup {
    if !hidden {
        return field::error(id, text);
    }
    html! { p.field__error id={ (id) "-err" } role="alert" hidden { (icon("circle-alert")) span { (text) } } }
}

/// The cross of a dialog or drawer.
pub fn close() -> Markup {
    html! { button type="button" class="btn btn--ghost btn--icon btn--s" aria-label="Close" title="Close" data-closes { (icon("x")) } }
}

impl Render for Blast {
    fn render(&self) -> Markup {
        html! {
            div.blast role="group" aria-label="Blast radius" {
                dl.blast__nums { @for (name, value) in &self.numbers { div { dt { (name) } dd { (value) } } } }
                @if !self.sample.is_empty() { details { summary { (self.sample_title) } ul { @for line in &self.sample { li.mono { (line) } } } } }
            }
        }
    }
}

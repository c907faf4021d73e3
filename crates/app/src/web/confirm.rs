//! The confirm dialog, drawn from the action: danger, phrase and who may come from its constants.

use maud::Markup;
use qd_core::Error;
use qd_core::error::FieldError;
use qd_core::gate::{Action, Danger, Preview};

use super::Page;
use super::problem::public_detail;
use crate::ui::dialog::{Blast, Confirm, Failure, Instead, Phrase, Reason};
use crate::ui::{Tone, format};

/// Values and faults of a form on its way back to the person.
#[derive(Clone, Debug, Default)]
pub struct Form {
    values: Vec<(String, String)>,
    errors: Vec<FieldError>,
    failure: Option<String>,
}

impl Form {
    pub(super) fn new(values: Vec<(String, String)>, fault: Option<&Error>) -> Self {
        let errors = if let Some(Error::Invalid(fields)) = fault { fields.clone() } else { Vec::new() };
        let failure = fault.filter(|fault| !matches!(fault, Error::Invalid(_))).map(public_detail);
        Self { values, errors, failure }
    }

    /// What was typed into a field, or given in the URL; empty if nothing.
    pub fn value(&self, name: &str) -> &str {
        self.values.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// All values of a repeated field.
    pub fn values<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.values.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// What is wrong with a field.
    pub fn error(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|fault| fault.field == name).map(|fault| fault.detail.as_str())
    }

    /// Whether it comes back after a try.
    pub fn tried(&self) -> bool {
        self.failure.is_some() || !self.errors.is_empty()
    }

    /// Faults of fields that the dialog does not show.
    fn unplaced(&self, shown: &[&str]) -> Option<String> {
        let left: Vec<_> = self.errors.iter().filter(|fault| !shown.contains(&fault.field.as_str())).map(|f| f.detail.as_str()).collect();
        (!left.is_empty()).then(|| left.join(" "))
    }
}

/// What a person reads before an action runs.
#[derive(Debug)]
pub struct Dialog {
    title: String,
    lead: String,
    effects: Vec<String>,
    pub(super) preview: Option<Preview>,
    fields: Option<Markup>,
    submit: String,
    cancel: String,
    undo: String,
    icon: Option<&'static str>,
    danger: Danger,
    phrase: Option<String>,
    instead: Option<Instead>,
}

impl Dialog {
    /// The dialog of an action.
    pub fn of<A: Action>(action: &A, title: impl Into<String>) -> Self {
        let title = title.into();
        Self {
            submit: title.clone(),
            title,
            lead: String::new(),
            effects: Vec::new(),
            preview: None,
            fields: None,
            cancel: "/".into(),
            undo: String::new(),
            icon: None,
            danger: A::DANGER,
            phrase: action.phrase(),
            instead: None,
        }
    }

    /// One sentence under the title.
    #[must_use]
    pub fn lead(mut self, text: impl Into<String>) -> Self {
        self.lead = text.into();
        self
    }

    /// One thing that will happen.
    #[must_use]
    pub fn effect(mut self, text: impl Into<String>) -> Self {
        self.effects.push(text.into());
        self
    }

    /// The blast radius, counted now.
    #[must_use]
    pub fn preview(mut self, preview: Preview) -> Self {
        self.preview = Some(preview);
        self
    }

    /// Fields of the action itself; read values and errors from the [`Form`].
    #[must_use]
    pub fn fields(mut self, fields: Markup) -> Self {
        self.fields = Some(fields);
        self
    }

    /// Text of the button: verb and object.
    #[must_use]
    pub fn submit(mut self, text: impl Into<String>) -> Self {
        self.submit = text.into();
        self
    }

    /// Where Cancel leads without script.
    #[must_use]
    pub fn cancel(mut self, path: impl Into<String>) -> Self {
        self.cancel = path.into();
        self
    }

    /// How it can be taken back, in a sentence.
    #[must_use]
    pub fn undo(mut self, text: impl Into<String>) -> Self {
        self.undo = text.into();
        self
    }

    /// Another icon than the triangle.
    #[must_use]
    pub fn icon(mut self, name: &'static str) -> Self {
        self.icon = Some(name);
        self
    }

    /// It can't be done as things stand (it is done already, or not possible from here): no form, only the lead and a link.
    #[must_use]
    pub fn instead(mut self, why: impl Into<String>, path: impl Into<String>, label: impl Into<String>) -> Self {
        self.lead = why.into();
        self.instead = Some(Instead { href: path.into(), label: label.into() });
        self
    }

    /// The JSON of a preview request: what the call needs and what it would do.
    pub(super) fn describe(&self) -> serde_json::Value {
        serde_json::json!({
            "title": self.title,
            "possible": self.instead.is_none(),
            "detail": self.lead,
            "effects": self.effects,
            "danger": self.danger,
            "reasonRequired": self.danger != Danger::Routine,
            "phrase": self.phrase,
            "preview": self.preview,
            "previewDigest": self.preview.as_ref().and_then(|preview| preview.digest().ok()),
        })
    }

    /// The dialog as markup: a fragment for htmx, a card on a page without it.
    pub(super) fn draw(self, page: &Page<'_>, form: &Form, key: String) -> Markup {
        let modal = page.htmx;
        let confirm = self.confirm(page, form, key);
        if modal { confirm.dialog() } else { confirm.page() }
    }

    fn confirm(self, page: &Page<'_>, form: &Form, key: String) -> Confirm {
        if let Some(instead) = self.instead {
            let mut confirm = Confirm::new(page.path, self.title, "");
            confirm.icon = self.icon.unwrap_or("info").into();
            confirm.tone = Tone::Info;
            confirm.lead = form.failure.clone().unwrap_or(self.lead);
            confirm.instead = Some(instead);
            return confirm;
        }
        let mut confirm = Confirm::new(page.path, self.title, self.submit);
        confirm.tone = if self.danger == Danger::Destructive { Tone::Crit } else { Tone::Warn };
        confirm.danger = self.danger == Danger::Destructive;
        confirm.lead = self.lead;
        confirm.effects = self.effects;
        confirm.back = self.cancel;
        if let Some(icon) = self.icon {
            confirm.icon = icon.into();
        }
        let error = |name: &str| form.error(name).map(str::to_owned);
        confirm.reason =
            (self.danger != Danger::Routine).then(|| Reason { value: form.value("reason").into(), error: error("reason"), ..Reason::default() });
        confirm.phrase = self.phrase.map(|expected| Phrase { expected, value: form.value("phrase").into(), error: error("phrase") });
        confirm.failure = failure(form, self.fields.is_some());
        confirm.fields = self.fields;
        confirm.hidden.push(("idempotency_key".into(), key));
        if let Some(preview) = &self.preview {
            confirm.hidden.extend(preview.digest().ok().map(|digest| ("preview_digest".into(), digest)));
            confirm.blast = Some(blast(preview));
        }
        confirm.note = note(page, &self.undo, self.danger);
        confirm
    }
}

/// The banner above the form: why it was not done. Faults of fields stand at their fields.
fn failure(form: &Form, has_fields: bool) -> Option<Failure> {
    let text = form.failure.clone().or_else(|| if has_fields { None } else { form.unplaced(&["reason", "phrase"]) })?;
    Some(Failure { title: "Not done.".into(), text })
}

fn blast(preview: &Preview) -> Blast {
    let numbers = preview.figures.iter().map(|(name, count)| (name.clone(), format::number(*count))).collect();
    Blast { numbers, sample_title: "Show some of them".into(), sample: preview.sample.clone() }
}

fn note(page: &Page<'_>, undo: &str, danger: Danger) -> String {
    let reason = if danger == Danger::Routine { "" } else { ", with your reason" };
    let recorded = format!("Recorded as {}, {} UTC{reason}.", page.actor.name(), format::minute(page.now));
    if undo.is_empty() { recorded } else { format!("{undo} {recorded}") }
}

//! Form fields: label above, hint under it, error last. Errors come from the server; the input is kept.

use maud::{Markup, Render, html};

use super::icon::icon;

#[derive(Clone, Debug)]
enum Control {
    Input { kind: &'static str, mono: bool },
    Area { rows: u8 },
    Select { options: Vec<(String, String)> },
}

/// A labelled control.
#[derive(Clone, Debug)]
pub struct Field {
    name: String,
    label: String,
    control: Control,
    id: String,
    value: String,
    placeholder: Option<String>,
    hint: Option<String>,
    error: Option<String>,
    autocomplete: Option<&'static str>,
    required: bool,
    disabled: bool,
    autofocus: bool,
    range: Option<(String, String, String)>,
    max_length: Option<u32>,
}

impl Field {
    fn with(name: impl Into<String>, label: impl Into<String>, control: Control) -> Self {
        let name = name.into();
        Self {
            id: format!("f-{}", name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")),
            name,
            label: label.into(),
            control,
            value: String::new(),
            placeholder: None,
            hint: None,
            error: None,
            autocomplete: None,
            required: false,
            disabled: false,
            autofocus: false,
            range: None,
            max_length: None,
        }
    }

    /// One line of text.
    pub fn text(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::input("text", name, label)
    }

    /// An input of an HTML type: `email password number url datetime-local search`.
    pub fn input(kind: &'static str, name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::with(name, label, Control::Input { kind, mono: false })
    }

    /// One line of machine text.
    pub fn mono(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::with(name, label, Control::Input { kind: "text", mono: true })
    }

    /// Several lines.
    pub fn area(name: impl Into<String>, label: impl Into<String>, rows: u8) -> Self {
        Self::with(name, label, Control::Area { rows })
    }

    /// One of several: `(value, text)`.
    pub fn select<V: Into<String>, T: Into<String>>(
        name: impl Into<String>,
        label: impl Into<String>,
        options: impl IntoIterator<Item = (V, T)>,
    ) -> Self {
        let options = options.into_iter().map(|(value, text)| (value.into(), text.into())).collect();
        Self::with(name, label, Control::Select { options })
    }

    /// Element id, if `f-{name}` is taken on this page.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// The value it shows.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// An example, not a label.
    #[must_use]
    pub fn placeholder(mut self, text: impl Into<String>) -> Self {
        self.placeholder = Some(text.into());
        self
    }

    /// What to know before filling it in.
    #[must_use]
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hint = Some(text.into());
        self
    }

    /// What is wrong with the value, and what would be right. `None` changes nothing.
    #[must_use]
    pub fn error(mut self, text: Option<impl Into<String>>) -> Self {
        self.error = text.map(Into::into);
        self
    }

    /// Token for password managers: `username`, `current-password`, `off`.
    #[must_use]
    pub fn autocomplete(mut self, token: &'static str) -> Self {
        self.autocomplete = Some(token);
        self
    }

    /// Must be filled in.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Shown but not usable.
    #[must_use]
    pub fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    /// Has the focus when the page or dialog opens.
    #[must_use]
    pub fn autofocus(mut self) -> Self {
        self.autofocus = true;
        self
    }

    /// Limits of a number or date input, and its step.
    #[must_use]
    pub fn range(mut self, min: impl Into<String>, max: impl Into<String>, step: impl Into<String>) -> Self {
        self.range = Some((min.into(), max.into(), step.into()));
        self
    }

    /// Longest text the server takes.
    #[must_use]
    pub fn max_length(mut self, characters: u32) -> Self {
        self.max_length = Some(characters);
        self
    }

    fn control(&self) -> Markup {
        let described = [self.hint.as_ref().map(|_| format!("{}-hint", self.id)), self.error.as_ref().map(|_| format!("{}-err", self.id))];
        let described = described.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let described = (!described.is_empty()).then_some(described);
        let invalid = self.error.as_ref().map(|_| "true");
        let (min, max, step) = self.range.as_ref().map_or((None, None, None), |(min, max, step)| (Some(min), Some(max), Some(step)));
        html! {
            @match &self.control {
                Control::Input { kind, mono } => {
                    input class={ "input" @if *mono { " input--mono" } } id=(self.id) name=(self.name) type=(kind) value=(self.value) placeholder=[&self.placeholder]
                        autocomplete=[self.autocomplete] spellcheck=[mono.then_some("false")] min=[min] max=[max] step=[step] maxlength=[self.max_length]
                        required[self.required] disabled[self.disabled] autofocus[self.autofocus] aria-invalid=[invalid] aria-describedby=[described];
                }
                Control::Area { rows } => {
                    textarea.textarea id=(self.id) name=(self.name) rows=(rows) placeholder=[&self.placeholder] maxlength=[self.max_length]
                        required[self.required] disabled[self.disabled] autofocus[self.autofocus] aria-invalid=[invalid] aria-describedby=[described] { (self.value) }
                }
                Control::Select { options } => {
                    select.select id=(self.id) name=(self.name) required[self.required] disabled[self.disabled] autofocus[self.autofocus] aria-invalid=[invalid] aria-describedby=[described] {
                        @for (value, text) in options { option value=(value) selected[*value == self.value] { (text) } }
                    }
                }
            }
        }
    }
}

impl Render for Field {
    fn render(&self) -> Markup {
        html! {
            div.field {
                label.field__label for=(self.id) { (self.label) }
                (self.control())
                @if let Some(hint) = &self.hint { p.field__hint id={ (self.id) "-hint" } { (hint) } }
                @if let Some(text) = &self.error { (error(&self.id, text)) }
            }
        }
    }
}

/// The error line of the control `id`.
pub fn error(id: &str, text: &str) -> Markup {
    html! { p.field__error id={ (id) "-err" } role="alert" { (icon("circle-alert")) span { (text) } } }
}

/// A checkbox with its text. It sends `value` when checked.
pub fn check(name: &str, value: &str, text: &str, checked: bool) -> Markup {
    html! { label.check { input type="checkbox" name=(name) value=(value) checked[checked]; " " (text) } }
}

/// A slider from `min` to `max` that shows its value; it commits on change, by the form around it.
pub fn range(name: &str, label: &str, value: i64, bounds: (i64, i64, i64), unit: &str) -> Markup {
    html! {
        div.range {
            input type="range" name=(name) aria-label=(label) value=(value) min=(bounds.0) max=(bounds.1) step=(bounds.2) data-unit=(unit);
            output { (value) (unit) }
        }
    }
}

/// A filter that lives in the address: `GET action`, swapped into `#main` while typing; a button where there is no script.
pub fn filters(action: &str, controls: &Markup) -> Markup {
    html! {
        form class="card__body filters" method="get" action=(action) role="search" hx-get=(action) hx-target="#main" hx-replace-url="true"
            hx-trigger="input changed delay:250ms, change, submit" {
            (controls)
            button class="btn nojs" type="submit" { "Apply" }
        }
    }
}

/// The search box of a filter.
pub fn search(name: &str, label: &str, value: &str, placeholder: &str) -> Markup {
    html! {
        div.search { (icon("search")) input.input id={ "q-" (name) } type="search" name=(name) value=(value) aria-label=(label) placeholder=(placeholder) autocomplete="off"; }
    }
}

/// A choice inside a filter: `(value, text)`.
pub fn choice(name: &str, label: &str, value: &str, options: &[(&str, &str)]) -> Markup {
    html! {
        select.select id={ "q-" (name) } name=(name) aria-label=(label) {
            @for (key, text) in options { option value=(key) selected[*key == value] { (text) } }
        }
    }
}

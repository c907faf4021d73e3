//! Fields of a window, shared by what starts now, what is to come, and changes.

use std::borrow::Cow;

use maud::{Markup, html};

use super::record::audience;
use crate::features::maintenance::window::{Audience, Kind};
use crate::ui::field::Field;
use crate::web::Form;

/// What the fields show: what was typed, else what is there now.
pub struct Fields<'f> {
    form: &'f Form,
    now: Vec<(&'static str, String)>,
}

impl<'f> Fields<'f> {
    /// Of something new.
    pub fn new(form: &'f Form) -> Self {
        Self { form, now: Vec::new() }
    }

    /// Of something that has values.
    pub fn of(form: &'f Form, now: Vec<(&'static str, String)>) -> Self {
        Self { form, now }
    }

    /// The value of a field.
    pub fn value(&self, name: &str) -> Cow<'_, str> {
        let now = self.now.iter().find(|(field, _)| *field == name).filter(|_| !self.form.tried());
        now.map_or_else(|| self.form.value(name).into(), |(_, text)| text.into())
    }

    fn error(&self, name: &str) -> Option<&str> {
        self.form.error(name)
    }

    /// The type: fixed, or to be chosen.
    pub fn kind(&self, fixed: Option<Kind>) -> Markup {
        let options = Kind::ALL.map(|kind| (kind.word(), kind.label()));
        html! {
            @match fixed {
                Some(kind) => input type="hidden" name="type" value=(kind.word());,
                None => (Field::select("type", "What it does", options).value(self.value("type")).error(self.error("type"))),
            }
        }
    }

    /// How long.
    pub fn minutes(&self, usual: i64) -> Markup {
        let field = Field::input("number", "minutes", "Minutes").value(self.value("minutes")).placeholder(usual.to_string());
        html! { (field.range("1", "10080", "1").hint(format!("{usual} if empty.")).error(self.error("minutes"))) }
    }

    /// How it ends.
    pub fn ending(&self) -> Markup {
        let options = [("true", "By itself"), ("false", "By hand: if it overruns, people are alerted")];
        let value = if self.value("autoEnd") == "false" { "false" } else { "true" };
        html! { (Field::select("autoEnd", "It ends", options).value(value).error(self.error("autoEnd"))) }
    }

    /// All or some vendors or queues. Where the type is still to be chosen both are shown.
    pub fn concerned(&self, kind: Option<Kind>) -> Markup {
        let (vendors, queues) = (kind.is_none_or(|kind| kind == Kind::VendorReadonly), kind.is_none_or(|kind| kind == Kind::QueueDrain));
        let what = match (vendors, queues) {
            (false, false) => return html! {},
            (true, false) => "Vendors",
            (false, true) => "Queues",
            (true, true) => "Vendors or queues",
        };
        let value = if self.value("concerns") == "some" { "some" } else { "all" };
        html! {
            (Field::select("concerns", what, [("all", "All"), ("some", "Only those named here")]).value(value))
            @if vendors {
                (Field::area("vendors", "Ids of vendors", 2).value(self.value("vendors")).error(self.error("vendors"))
                    .hint("By commas or lines. Proxies know no vendor: the application holds these."))
            }
            @if queues {
                (Field::area("queues", "Names of queues", 2).value(self.value("queues")).placeholder("marketplace/email").error(self.error("queues"))
                    .hint("As source/queue, by commas or lines."))
            }
        }
    }

    /// What people read.
    pub fn text(&self, kind: Kind) -> Markup {
        let field = Field::area("message", "What people read", 2).value(self.value("message")).placeholder(kind.text()).max_length(500);
        html! { (field.hint("On the banner and with every write that waits. Anybody can read it.").error(self.error("message"))) }
    }

    /// Who sees the banner.
    pub fn lookers(&self) -> Markup {
        let options = [Audience::All, Audience::Vendors, Audience::Admins].map(|who| (word(who), format!("Banner for {}", audience(who))));
        let value = self.value("audience");
        html! { (Field::select("audience", "Who sees the banner", options).value(if value.is_empty() { "all" } else { &value }).error(self.error("audience"))) }
    }

    /// Start and end by the wall clock of a zone.
    pub fn span(&self, zone: &str) -> Markup {
        let fault = |name: &str, other: &str| self.error(name).or_else(|| self.error(other)).map(str::to_owned);
        let own = self.value("zone");
        html! {
            div.grid-2 {
                (Field::input("datetime-local", "startsAt", "Start").value(self.value("startsAt")).error(fault("startsAt", "start")))
                (Field::input("datetime-local", "endsAt", "End").value(self.value("endsAt")).hint("Start and minutes if empty.").error(fault("endsAt", "end")))
            }
            (Field::mono("zone", "Zone of these times").value(if own.is_empty() { zone } else { &own }).error(self.error("zone")))
        }
    }

    /// The rule of one that comes again.
    pub fn rule(&self) -> Markup {
        html! {
            (Field::mono("cron", "Again and again").value(self.value("cron")).placeholder("0 2 * * SUN").error(self.error("cron"))
                .hint("Minute, hour, day, month, weekday of each start, in the zone above. In place of start and end."))
        }
    }

    /// Announcement, end, whom it concerns, and what people read.
    pub fn rest(&self, kind: Option<Kind>) -> Markup {
        let announce = Field::input("number", "announceMinutes", "Announce, minutes before").value(self.value("announceMinutes")).placeholder("30");
        let services = Field::text("affectedServices", "Services").value(self.value("affectedServices")).hint("For people, by commas.");
        html! {
            div.grid-2 {
                (announce.range("0", "10080", "1").hint("30 if empty, 0 for not at all.").error(self.error("announceMinutes")))
                (self.ending())
            }
            (self.concerned(kind))
            (self.text(kind.unwrap_or(Kind::GlobalReadonly)))
            div.grid-2 { (self.lookers()) (services.error(self.error("affectedServices"))) }
        }
    }
}

/// The word in JSON.
pub fn word(audience: Audience) -> &'static str {
    match audience {
        Audience::All => "all",
        Audience::Vendors => "vendors",
        Audience::Admins => "admins",
    }
}

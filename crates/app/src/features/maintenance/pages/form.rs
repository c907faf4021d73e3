//! The dialogs of what is to come: a plan, and changes of one.

use maud::html;
use qd_core::Result;

use super::dialog::{KINDS, counted, preview};
use super::fields::{Fields, word};
use super::panel::{effect, symbol};
use crate::features::maintenance::window::{self, Edit, Kind, Schedule, Terms, Times, Window};
use crate::ui::format;
use crate::web::{Ctx, Dialog, Form};

/// Plans a maintenance, once or again and again.
pub async fn schedule(ctx: Ctx, form: Form) -> Result<Dialog> {
    let kind = Kind::parse(form.value("type"));
    let shown = kind.unwrap_or(Kind::GlobalReadonly);
    let times = Times::Recurring { cron: String::new(), minutes: 0 };
    let action = Schedule { kind: shown, times, terms: Terms::default() };
    let title = kind.map_or_else(|| "Schedule a maintenance".to_owned(), |kind| format!("Schedule {}", kind.label().to_lowercase()));
    let shown_fields = Fields::new(&form);
    let fields = html! {
        (shown_fields.kind(kind))
        (shown_fields.span(&ctx.app.config.platform.time_zone))
        (shown_fields.rule())
        (shown_fields.minutes(shown.minutes()))
        (shown_fields.rest(kind))
    };
    let dialog = Dialog::of(&action, title).icon("calendar-clock").fields(fields).cancel("/maintenance").submit("Schedule it");
    let dialog = match kind {
        Some(kind) => counted(dialog.lead(format!("{}, from its start to its end.", effect(kind))), preview(&ctx.app, kind).await?),
        None => dialog.lead("It starts by itself, also after a restart of Quarterdeck.").effect(KINDS),
    };
    let dialog = dialog.effect(
        "It is announced beforehand, starts and ends by itself, by the clock on the wall of its zone: also through changes of daylight saving time.",
    );
    Ok(dialog.undo("You can change or cancel it until it starts."))
}

/// Changes a scheduled one.
pub async fn edit(ctx: Ctx, form: Form) -> Result<Dialog> {
    let window = window::find(&ctx.app, ctx.id("id")?).await?;
    let terms = &window.terms;
    // After a conflict the next try is about the present version.
    let seen = if form.tried() && FIELDS.iter().any(|name| form.error(name).is_some()) {
        form.value("version").to_owned()
    } else {
        window.version.to_string()
    };
    let names = |list: &Option<Vec<String>>| list.as_deref().unwrap_or_default().join("\n");
    let some = if terms.vendors.is_some() || terms.queues.is_some() { "some" } else { "all" };
    let shown = Fields::of(
        &form,
        vec![
            ("startsAt", wall(&window, true)),
            ("endsAt", wall(&window, false)),
            ("zone", terms.zone.clone()),
            ("announceMinutes", terms.announce_minutes.to_string()),
            ("autoEnd", terms.auto_end.to_string()),
            ("concerns", some.into()),
            ("vendors", names(&terms.vendors)),
            ("queues", names(&terms.queues)),
            ("message", terms.message.clone()),
            ("audience", word(terms.audience).into()),
            ("affectedServices", terms.affected_services.join(", ")),
        ],
    );
    let fields = html! {
        input type="hidden" name="whole" value="true";
        input type="hidden" name="version" value=(seen);
        (shown.span(&terms.zone))
        (shown.rest(Some(window.kind)))
    };
    let action = Edit { window: window.id, times: None, terms: Terms::default(), version: None };
    let dialog = Dialog::of(&action, format!("Change {}", window.kind.label().to_lowercase())).icon(symbol(window.kind)).fields(fields);
    let dialog = dialog.lead(window.reason.clone()).cancel(format!("/maintenance/{}", window.id)).submit("Save the changes");
    let dialog = if window.series_id.is_some() { dialog.effect("Only this one changes; the rule behind it stays as it is.") } else { dialog };
    Ok(dialog.effect("People are told of the new times.").undo("You can change it again until it starts."))
}

const FIELDS: [&str; 10] = ["startsAt", "start", "endsAt", "end", "zone", "message", "vendors", "queues", "announceMinutes", "reason"];

/// Start or end by the wall clock of the window's zone, as the field wants it.
fn wall(window: &Window, start: bool) -> String {
    let at = if start { window.scheduled_start } else { window.scheduled_end };
    let zone = jiff::tz::TimeZone::get(&window.terms.zone).unwrap_or(jiff::tz::TimeZone::UTC);
    jiff::Timestamp::from_microsecond(at.micros()).map(|at| at.to_zoned(zone).strftime("%Y-%m-%dT%H:%M").to_string()).unwrap_or_default()
}

/// When it is scheduled, in one line.
pub(super) fn line(window: &Window, now: qd_core::Timestamp) -> String {
    let (start, end) = (window.scheduled_start, window.scheduled_end);
    let until = if format::day(start) == format::day(end) { format::minute(end) } else { format::moment(end, now) };
    format!("{} to {until} UTC", format::moment(start, now))
}

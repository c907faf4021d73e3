//! The dialogs of what happens at once: enable, extend, another text, cancel.

use maud::html;
use qd_core::gate::Preview;
use qd_core::{App, Result};

use super::fields::{Fields, word};
use super::panel::{effect, symbol};
use crate::features::health::overview::queue_rows;
use crate::features::maintenance::state::state;
use crate::features::maintenance::window::{self, Blocks, Cancel, Enable, Extend, Kind, Reword, Terms, Window};
use crate::features::telemetry;
use crate::ui::field::{self, Field};
use crate::ui::format;
use crate::web::{Ctx, Dialog, Form};

/// Minutes over which requests are counted for the preview.
const COUNTED: i64 = 10;
/// Most rows of roll-ups that are read for it.
const ROWS: usize = 5_000;
/// Queues that are named.
const NAMED: usize = 20;

/// Starts a maintenance.
pub async fn enable(ctx: Ctx, form: Form) -> Result<Dialog> {
    let kind = Kind::parse(form.value("type"));
    let shown = kind.unwrap_or(Kind::GlobalReadonly);
    let action = Enable { kind: shown, minutes: None, terms: Terms::default() };
    let title = kind.map_or_else(|| "Turn on a maintenance".to_owned(), |kind| format!("Turn on {}", kind.label().to_lowercase()));
    let lead = format!("In {}, at once.", ctx.app.config.server.environment);
    let shown_fields = Fields::new(&form);
    let fields = html! {
        (shown_fields.kind(kind))
        div.grid-2 { (shown_fields.minutes(shown.minutes())) (shown_fields.ending()) }
        (shown_fields.concerned(kind))
        (shown_fields.text(shown))
        (shown_fields.lookers())
    };
    let mut dialog = Dialog::of(&action, title).lead(lead).icon(symbol(shown)).cancel("/maintenance").fields(fields);
    if let Some(kind) = kind {
        let holds = state(&ctx.app)?.active_of(kind).map(|window| window.scheduled_end);
        dialog = counted(effects(dialog, kind), preview(&ctx.app, kind).await?).submit(format!("Turn on {}", kind.label().to_lowercase()));
        if let Some(end) = holds {
            dialog = dialog.effect(format!("It is on already, until {} UTC: this gives it a later end.", format::moment(end, ctx.now)));
        }
    } else {
        dialog = dialog.effect(KINDS);
    }
    Ok(dialog.undo("You can end it at any time, with one press."))
}

/// What the types do, where one is still to be chosen.
pub(super) const KINDS: &str =
    "Global read-only, database maintenance and deployment hold every write; vendor read-only holds vendors'; queue drain holds no write.";

/// With the figures, if there are any.
pub(super) fn counted(dialog: Dialog, preview: Preview) -> Dialog {
    if preview.figures.is_empty() { dialog } else { dialog.preview(preview) }
}

fn effects(dialog: Dialog, kind: Kind) -> Dialog {
    let dialog = match kind.blocks() {
        Blocks::All => dialog.effect("Every write (POST, PUT, PATCH, DELETE) answers 503 with your text and Retry-After. Reading goes on."),
        Blocks::Vendors => dialog.effect("Vendors' writes answer 503 with your text and Retry-After. Customers read and buy on."),
        Blocks::None => dialog.effect("The queues are paused: jobs that run end, waiting ones stay, none is removed. Writes go on."),
    };
    match kind.blocks() {
        Blocks::None => dialog.effect("At its end the queues are resumed step by step."),
        _ => dialog.effect("Signing in, probes and inbound webhooks pass, and so do requests with a bypass token."),
    }
}

/// What it would hit, as far as it is measured; what is not stays away.
pub(super) async fn preview(app: &App, kind: Kind) -> Result<Preview> {
    let mut preview = Preview::default();
    if kind == Kind::QueueDrain {
        let rows = queue_rows(app, app.now());
        let sum =
            |count: fn(&crate::features::health::overview::QueueRow) -> u64| i64::try_from(rows.iter().map(count).sum::<u64>()).unwrap_or(i64::MAX);
        if !rows.is_empty() {
            preview.figures.push(("Queues".into(), i64::try_from(rows.len()).unwrap_or(i64::MAX)));
            preview.figures.push(("Jobs that run".into(), sum(|row| row.active)));
            preview.figures.push(("Waiting jobs stay".into(), sum(|row| row.waiting)));
            preview.sample =
                rows.iter().take(NAMED).map(|row| format!("{}/{}: {} run, {} wait", row.source, row.name, row.active, row.waiting)).collect();
        }
        return Ok(preview);
    }
    let now = app.now();
    let seen = telemetry::routes(app, None, now.plus_seconds(-COUNTED * 60), now, ROWS).await?;
    let writes: Vec<_> = seen.endpoints.iter().filter(|endpoint| ["POST", "PUT", "PATCH", "DELETE"].contains(&endpoint.method.as_str())).collect();
    if !seen.endpoints.is_empty() && kind.blocks() == Blocks::All {
        let count: u64 = writes.iter().map(|endpoint| endpoint.request_count).sum();
        preview.figures.push((format!("Writes in the last {COUNTED} min"), i64::try_from(count).unwrap_or(i64::MAX)));
        preview.sample = writes
            .iter()
            .take(NAMED)
            .map(|endpoint| format!("{} {} {}: {}", endpoint.service, endpoint.method, endpoint.route, endpoint.request_count))
            .collect();
    }
    Ok(preview)
}

fn named(dialog: Dialog, window: &Window) -> Dialog {
    dialog.lead(window.reason.clone()).icon(symbol(window.kind)).cancel(format!("/maintenance/{}", window.id))
}

/// Gives an active window a later end.
pub async fn extend(ctx: Ctx, form: Form) -> Result<Dialog> {
    let window = window::find(&ctx.app, ctx.id("id")?).await?;
    let value = if form.tried() { form.value("minutes").to_owned() } else { "30".to_owned() };
    let dialog = Dialog::of(&Extend { window: window.id, minutes: 0 }, format!("Extend {}", window.kind.label().to_lowercase()));
    let from = if window.overrun(ctx.now).is_some() {
        "now: its planned end has passed".to_owned()
    } else {
        format!("{} UTC, its planned end", format::moment(window.scheduled_end, ctx.now))
    };
    let field = html! { (Field::input("number", "minutes", "Minutes").value(value).range("1", "10080", "1").hint(format!("From {from}.")).required().error(form.error("minutes"))) };
    Ok(named(dialog, &window)
        .effect(format!("{} for longer.", effect(window.kind)))
        .effect("People read the new end on the banner.")
        .fields(field)
        .undo("You can end it at any time."))
}

/// Another text for people.
pub async fn reword(ctx: Ctx, form: Form) -> Result<Dialog> {
    let window = window::find(&ctx.app, ctx.id("id")?).await?;
    let shown = Fields::of(&form, vec![("message", window.terms.message.clone()), ("audience", word(window.terms.audience).into())]);
    let action = Reword { window: window.id, message: String::new(), audience: window.terms.audience };
    let fields = html! { (shown.text(window.kind)) (shown.lookers()) };
    let dialog =
        Dialog::of(&action, "Change what people read").effect("Banners show it within seconds, and writes that wait say it at once.").fields(fields);
    Ok(named(dialog, &window).submit("Save the text").undo("You can change it again."))
}

/// Cancels a scheduled one.
pub async fn cancel(ctx: Ctx, form: Form) -> Result<Dialog> {
    let window = window::find(&ctx.app, ctx.id("id")?).await?;
    let dialog = Dialog::of(&Cancel { window: window.id, series: false }, format!("Cancel {}", window.kind.label().to_lowercase()));
    let when = format!("{} UTC", format::moment(window.scheduled_start, ctx.now));
    let dialog = named(dialog, &window).effect(format!("It does not start at {when}; banners that announce it go away.")).submit("Cancel the window");
    Ok(match window.series_id {
        None => dialog.undo("You can schedule another one."),
        Some(_) => {
            let rule = field::check("series", "true", "The rule behind it ends, too: it does not come again", form.value("series") == "true");
            dialog
                .fields(html! { div.field { (rule) } })
                .effect("Unless you end the rule, it comes again at the next time.")
                .undo("You can schedule another one.")
        }
    })
}

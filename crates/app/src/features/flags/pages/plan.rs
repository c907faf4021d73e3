//! What moves by itself: the ramp of a flag, and changes that wait for their time.

use maud::{Markup, Render, html};
use qd_core::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::dialog::{live, named};
use super::{back, say, steps};
use crate::features::flags::definition::{Flag, Percent};
use crate::features::flags::ramp::{
    self, CancelRamp, CancelSchedule, NewSchedule, PauseRamp, Ramp, RampState, RampStep, ResumeRamp, ScheduleChange, ScheduleState, Scheduled,
    StartRamp,
};
use crate::ui::field::Field;
use crate::ui::{Button, Empty, Tone, button, card, format, status_word};
use crate::web::{Ctx, Dialog, Form, Nothing, Page, Reply, Toast, View};

/// A ramp as it is asked for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RampBody {
    /// Its steps, each higher than the one before; in a form one text: `1 for 15 min, 5 for 1 h, 25, 100`.
    #[serde(deserialize_with = "steps::deserialize")]
    #[schema(value_type = Vec<RampStep>)]
    steps: Vec<RampStep>,
}

/// A change at a time as it is asked for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleBody {
    /// When; UTC if no zone is said.
    at: Timestamp,
    /// Turn it on or off then.
    enabled: Option<bool>,
    /// Set the percentage then.
    #[serde(alias = "percentage")]
    rollout_percentage: Option<Percent>,
}

/// A ramp after a change.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RampView {
    /// As it is now.
    #[serde(flatten)]
    ramp: Ramp,
}

/// A planned change after a change of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ScheduledView {
    /// As it is now.
    #[serde(flatten)]
    scheduled: Scheduled,
}

/// What is planned for a flag.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Plans {
    /// The ramp that runs or waits.
    pub ramp: Option<Ramp>,
    /// Changes at a time, at most 50, the latest time first.
    pub schedules: Vec<Scheduled>,
}

impl Plans {
    /// Of one flag.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn of(app: &qd_core::App, key: &str) -> Result<Self> {
        Ok(Self { ramp: ramp::current(app, key).await?, schedules: ramp::schedules(app, key).await? })
    }

    /// The two cards.
    pub fn cards(&self, flag: &Flag, page: &Page<'_>) -> Markup {
        html! { (self.ramp_card(flag, page)) (self.schedule_card(flag, page)) }
    }

    fn ramp_card(&self, flag: &Flag, page: &Page<'_>) -> Markup {
        let place = format!("/flags/{}/ramp", flag.key);
        let Some(ramp) = &self.ramp else {
            let may = page.may::<StartRamp>() && flag.archived_at.is_none();
            let start = html! { @if may { (Button::dialog("Start a ramp…", place).small().icon("trending-up")) } };
            return card("Ramp")
                .level3()
                .actions(start)
                .body(html! { p.quiet { "None runs. A ramp raises the percentage in steps by itself." } })
                .render();
        };
        let running = ramp.state == RampState::Running;
        let foot = html! {
            @if running && page.may::<PauseRamp>() { (button::post(&format!("{place}/pause"), &Button::submit("Pause").small().icon("pause"))) }
            @if !running && page.may::<ResumeRamp>() { (Button::dialog("Resume…", format!("{place}/resume")).small().icon("play")) }
            @if page.may::<CancelRamp>() { (button::post(&format!("{place}/cancel"), &Button::submit("Cancel the ramp").small().ghost().icon("x"))) }
        };
        let list = html! { ol.explain { @for (index, step) in ramp.steps.iter().enumerate() { (step_line(ramp, index, *step)) } } };
        let card = card("Ramp").level3().note(stands(ramp, page.now)).body(list);
        if foot.0.is_empty() { card.render() } else { card.foot(foot).render() }
    }

    fn schedule_card(&self, flag: &Flag, page: &Page<'_>) -> Markup {
        let place = format!("/flags/{}/schedule", flag.key);
        let may = page.may::<ScheduleChange>() && flag.archived_at.is_none();
        let add = html! { @if may { (Button::dialog("Plan a change…", place.clone()).small().icon("calendar-clock")) } };
        let body = html! {
            @if self.schedules.is_empty() { p.quiet { "Nothing is planned." } }
            @else { ul.stack.stack--s { @for one in self.schedules.iter().take(10) { (planned(one, &place, page)) } } }
        };
        card("Planned changes").level3().actions(add).body(body).render()
    }
}

fn step_line(ramp: &Ramp, index: usize, step: RampStep) -> Markup {
    let (tone, word) = match index.cmp(&ramp.next_step) {
        std::cmp::Ordering::Less => (Tone::Ok, "DONE"),
        std::cmp::Ordering::Equal => (if ramp.state == RampState::Running { Tone::Running } else { Tone::Paused }, "NEXT"),
        std::cmp::Ordering::Greater => (Tone::Next, "LATER"),
    };
    let last = index + 1 == ramp.steps.len();
    html! { li { (status_word(tone, word)) span { (step.percentage) @if !last { ", held for " (format::duration(step.hold_seconds)) } } } }
}

/// Where a ramp stands, in words.
pub fn stands(ramp: &Ramp, now: Timestamp) -> String {
    let next = ramp.steps.get(ramp.next_step).map(|step| step.percentage.to_string()).unwrap_or_default();
    match (ramp.state, ramp.next_at) {
        (RampState::Running, Some(at)) => format!("{next} at {} UTC", format::moment(at, now)),
        (RampState::Paused, _) => format!("paused before {next}, {} of its hold left", format::duration(ramp.wait_seconds.unwrap_or(0))),
        (state, _) => state.word().to_lowercase(),
    }
}

fn does(one: &Scheduled) -> String {
    let switch = one.enabled.map(|on| format!("turn {}", if on { "on" } else { "off" }));
    let percent = one.rollout_percentage.map(|percent| format!("set to {percent}"));
    [switch, percent].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn planned(one: &Scheduled, place: &str, page: &Page<'_>) -> Markup {
    let (tone, word) = match one.state {
        ScheduleState::Pending => (Tone::Next, "PLANNED"),
        ScheduleState::Done => (Tone::Ok, "DONE"),
        ScheduleState::Failed => (Tone::Crit, "FAILED"),
        ScheduleState::Cancelled => (Tone::Off, "CANCELLED"),
    };
    let open = one.state == ScheduleState::Pending && page.may::<CancelSchedule>();
    html! {
        li.stack.stack--xs {
            div.row.row--wrap {
                (status_word(tone, word)) span { (does(one)) " at " (format::time(one.at, page.now)) " UTC" }
                @if open { span.push { (button::post(&format!("{place}/{}/cancel", one.id), &Button::submit("Take back").small().ghost())) } }
            }
            p class="quiet small" { (say::who(&one.created_by)) @if let Some(reason) = &one.reason { ": " (reason) } }
            @if let Some(fault) = &one.fault { p.small { (fault) } }
        }
    }
}

/// The dialog of a new ramp.
pub async fn ramp_dialog(ctx: Ctx, form: Form) -> Result<Dialog> {
    let flag = live(&ctx).await?;
    let now = if flag.definition.enabled { flag.definition.rollout_percentage } else { Percent::NONE };
    let typed = form.value("steps");
    let shown = if typed.is_empty() { steps::preset(now) } else { typed.to_owned() };
    let field = Field::mono("steps", "Steps").value(shown.clone()).required().autocomplete("off").error(form.error("steps"));
    let fields = field.hint("Percent and how long it is held, with commas: 1 for 15 min, 5 for 1 h, 25 for 1 d, 100.").render();
    let dialog = Dialog::of(&StartRamp { flag: flag.key.clone(), steps: Vec::new() }, format!("Start a ramp of {}", flag.key));
    let dialog = named(dialog, &flag, &ctx).icon("trending-up").fields(fields).submit("Start the ramp");
    let all = steps::read(&shown).unwrap_or_default();
    let dialog = match all.first() {
        Some(first) => dialog.effect(format!("{} at once, {}.", first.percentage, rest(&all))),
        None => dialog,
    };
    let dialog = if flag.definition.enabled { dialog } else { dialog.effect("The flag is off: its first step turns it on.") };
    Ok(dialog.effect("Turning the flag off, or its percentage down, pauses it.").undo("You can pause or cancel it; the percentage stays."))
}

fn rest(all: &[RampStep]) -> String {
    let seconds: i64 = all.iter().rev().skip(1).map(|step| step.hold_seconds).sum();
    match (all.len(), all.last()) {
        (1, _) | (_, None) => "and that is all".to_owned(),
        (_, Some(last)) => format!("{} after {}", last.percentage, format::duration(seconds)),
    }
}

/// The dialog that lets a ramp go on.
pub async fn resume_dialog(ctx: Ctx, _: Form) -> Result<Dialog> {
    let flag = live(&ctx).await?;
    let none = || Error::Conflict(format!("No ramp of {} is paused.", flag.key));
    let ramp = ramp::current(&ctx.app, &flag.key).await?.filter(|ramp| ramp.state == RampState::Paused).ok_or_else(none)?;
    let dialog = Dialog::of(&ResumeRamp { flag: flag.key.clone() }, format!("Resume the ramp of {}", flag.key));
    let next = ramp.steps.get(ramp.next_step).map(|step| step.percentage.to_string()).unwrap_or_default();
    Ok(named(dialog, &flag, &ctx)
        .icon("play")
        .effect(format!("{next} in {}.", format::duration(ramp.wait_seconds.unwrap_or(0))))
        .submit("Resume the ramp")
        .undo("You can pause it again."))
}

/// The dialog of a change at a time.
pub async fn schedule_dialog(ctx: Ctx, form: Form) -> Result<Dialog> {
    let flag = live(&ctx).await?;
    let states = [("", "Leave it as it is"), ("true", "Turn on"), ("false", "Turn off")];
    let fields = html! {
        (Field::input("datetime-local", "at", "When (UTC)").value(form.value("at")).required().error(form.error("at")))
        div.grid-2 {
            (Field::select("enabled", "State", states).value(form.value("enabled")).error(form.error("enabled")))
            (Field::input("number", "rolloutPercentage", "Rollout in percent").value(form.value("rolloutPercentage")).range("0", "100", "0.01").hint("Empty: as it is then.").error(form.error("rolloutPercentage")))
        }
    };
    let change = NewSchedule { at: ctx.now, enabled: None, rollout_percentage: None };
    let dialog = Dialog::of(&ScheduleChange { flag: flag.key.clone(), change }, format!("Plan a change of {}", flag.key));
    Ok(named(dialog, &flag, &ctx)
        .icon("calendar-clock")
        .fields(fields)
        .effect("It is done at that time, in your name and with your reason.")
        .submit("Plan the change")
        .undo("You can take it back until then."))
}

fn of_ramp(ctx: &Ctx, done: qd_core::gate::Done<Ramp>, what: &str, undo: (&str, &str)) -> Reply<RampView> {
    let key = done.value.flag.clone();
    let toast = Toast::done(format!("The ramp of {key} {what}"));
    let toast = if undo.1.is_empty() { toast } else { toast.undo(undo.0, format!("/flags/{key}/{}", undo.1)) };
    Reply::ok(RampView { ramp: done.value }).toast(toast).recorded(done.audit_seq).go(back(ctx, &key))
}

/// Starts one.
pub async fn start(ctx: Ctx, body: RampBody) -> Result<Reply<RampView>> {
    let done = ramp::start(&ctx.app, &ctx.actor, ctx.param("key")?, body.steps, ctx.confirmation.clone()).await?;
    Ok(of_ramp(&ctx, done, "runs", ("", "")).created())
}

/// Makes it wait.
pub async fn pause(ctx: Ctx, _: Nothing) -> Result<Reply<RampView>> {
    let done = ramp::pause(&ctx.app, &ctx.actor, ctx.param("key")?, ctx.confirmation.clone()).await?;
    Ok(of_ramp(&ctx, done, "is paused", ("Resume it", "ramp/resume")))
}

/// Lets it go on.
pub async fn resume(ctx: Ctx, _: Nothing) -> Result<Reply<RampView>> {
    let done = ramp::resume(&ctx.app, &ctx.actor, ctx.param("key")?, ctx.confirmation.clone()).await?;
    Ok(of_ramp(&ctx, done, "goes on", ("", "")))
}

/// Ends it.
pub async fn cancel(ctx: Ctx, _: Nothing) -> Result<Reply<RampView>> {
    let done = ramp::cancel(&ctx.app, &ctx.actor, ctx.param("key")?, ctx.confirmation.clone()).await?;
    Ok(of_ramp(&ctx, done, "is cancelled", ("Start another", "ramp")))
}

/// Plans a change.
pub async fn schedule(ctx: Ctx, body: ScheduleBody) -> Result<Reply<ScheduledView>> {
    let new = NewSchedule { at: body.at, enabled: body.enabled, rollout_percentage: body.rollout_percentage };
    let done = ramp::schedule(&ctx.app, &ctx.actor, ctx.param("key")?, new, ctx.confirmation.clone()).await?;
    let toast = Toast::done(format!("Planned: {} {}", done.value.flag, does(&done.value)));
    let go = back(&ctx, &done.value.flag);
    Ok(Reply::ok(ScheduledView { scheduled: done.value }).created().toast(toast).recorded(done.audit_seq).go(go))
}

/// Takes one back.
pub async fn unschedule(ctx: Ctx, _: Nothing) -> Result<Reply<ScheduledView>> {
    let done = ramp::cancel_schedule(&ctx.app, &ctx.actor, ctx.param("key")?, ctx.id("id")?, ctx.confirmation.clone()).await?;
    let toast = Toast::done(format!("Taken back: {} {}", done.value.flag, does(&done.value)));
    let toast = toast.undo("Plan it again", format!("/flags/{}/schedule", done.value.flag));
    let go = back(&ctx, &done.value.flag);
    Ok(Reply::ok(ScheduledView { scheduled: done.value }).toast(toast).recorded(done.audit_seq).go(go))
}

fn told(title: &str, key: &str) -> Markup {
    let link = html! { (Button::link("Open the flag", format!("/flags/{key}"))) };
    Empty::new("flag", title, format!("Of {key}.")).actions(link).render()
}

impl View for RampView {
    fn title(&self) -> String {
        format!("Ramp of {}", self.ramp.flag)
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        told(&format!("The ramp: {}", stands(&self.ramp, page.now)), &self.ramp.flag)
    }
}

impl View for ScheduledView {
    fn title(&self) -> String {
        format!("Planned change of {}", self.scheduled.flag)
    }

    fn body(&self, _: &Page<'_>) -> Markup {
        told(&format!("{}: {}", self.scheduled.state.word(), does(&self.scheduled)), &self.scheduled.flag)
    }
}

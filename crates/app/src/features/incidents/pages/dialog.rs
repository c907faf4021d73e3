//! The dialogs of the actions.

use maud::{Markup, html};
use qd_core::Result;
use qd_core::gate::Role;
use uuid::Uuid;

use crate::features::identity::account::{self, User};
use crate::features::incidents::lifecycle::Move;
use crate::features::incidents::{Close, Incident, Mitigate, Open, Regress, Reopen, Severity, Update, verb};
use crate::ui::field::Field;
use crate::ui::format;
use crate::web::{Ctx, Dialog, Form};

/// Opens an incident.
pub async fn open(ctx: Ctx, form: Form) -> Result<Dialog> {
    let people = account::list(&ctx.app).await?;
    let action = Open {
        title: String::new(),
        severity: Severity::Sev3,
        summary: String::new(),
        affected: Vec::new(),
        tags: Vec::new(),
        owner_id: None,
        started_at: None,
        sla_mitigate_minutes: None,
        sla_close_minutes: None,
    };
    // Whoever opens it leads it until somebody else does.
    let me = ctx.actor.uuid().filter(|id| people.iter().any(|user| user.id == *id)).map_or_else(String::new, |id| id.to_string());
    let leads = if form.value("owner_id").is_empty() { me } else { form.value("owner_id").to_owned() };
    let severity = if form.value("severity").is_empty() { Severity::Sev3.word() } else { form.value("severity") };
    let fields = html! {
        (title(form.value("title"), &form).autofocus())
        div.grid-2 { (severities(severity, &form)) (owner(&people, &leads, None, &form)) }
        (labels("affected", "Affected services", form.value("affected"), &form))
        (labels("tags", "Tags", form.value("tags"), &form))
        (summary(form.value("summary"), &form))
        (Field::input("datetime-local", "started_at", "Started (UTC)").value(form.value("started_at")).hint("Now if empty. The time limits count from here.").error(form.error("started_at")))
    };
    Ok(Dialog::of(&action, "Open an incident")
        .lead(format!("In {}. Its time limits begin to run.", ctx.app.config.server.environment))
        .icon("siren")
        .fields(fields)
        .submit("Open the incident")
        .cancel("/incidents")
        .undo("You can close it again."))
}

/// Changes facts.
pub async fn edit(ctx: Ctx, form: Form) -> Result<Dialog> {
    let incident = verb::find(&ctx.app, ctx.param("id")?).await?;
    let people = account::list(&ctx.app).await?;
    let owned = incident.owner_id.map_or_else(|| "none".into(), |id| id.to_string());
    // After a conflict the person has read what changed: the next try is about the present version. After a mistake it is still about theirs.
    let mistaken = FIELDS.iter().any(|name| form.error(name).is_some());
    let version = if mistaken { form.value("version").to_owned() } else { incident.version.to_string() };
    // What they did not touch is as it is now: a save after a conflict takes nothing of somebody else's back.
    let value = |name: &str, now: String| if form.tried() && (mistaken || touched(&form, name)) { form.value(name).to_owned() } else { now };
    let present = facts(&incident, owned.clone());
    let was = present
        .map(|(name, now)| (format!("was_{name}"), now))
        .map(|(name, now)| if mistaken { (name.clone(), form.value(&name).to_owned()) } else { (name, now) });
    let fields = html! {
        input type="hidden" name="whole" value="true";
        @for (name, loaded) in &was { input type="hidden" name=(name) value=(loaded); }
        input type="hidden" name="version" value=(version);
        (title(&value("title", incident.title.clone()), &form).autofocus())
        div.grid-2 { (severities(&value("severity", incident.severity.word().into()), &form)) (owner(&people, &value("owner_id", owned), incident.owner_id, &form)) }
        (labels("affected", "Affected services", &value("affected", incident.affected.join(", ")), &form))
        (labels("tags", "Tags", &value("tags", incident.tags.join(", ")), &form))
        (summary(&value("summary", incident.summary.clone()), &form))
        div.grid-2 {
            (minutes("sla_mitigate_minutes", "Minutes to mitigate", &value("sla_mitigate_minutes", incident.sla_mitigate_minutes.to_string()), &form))
            (minutes("sla_close_minutes", "Minutes to close", &value("sla_close_minutes", incident.sla_close_minutes.to_string()), &form))
        }
    };
    let action = Update { incident: incident.reference.clone(), ..Update::default() };
    Ok(named(Dialog::of(&action, format!("Edit {}", incident.reference)), &incident).icon("pencil").fields(fields).submit("Save the changes"))
}

/// The fields as they are loaded, for the hidden `was_*`.
fn facts(incident: &Incident, owner: String) -> [(&'static str, String); 8] {
    let (mitigate, close) = (incident.sla_mitigate_minutes.to_string(), incident.sla_close_minutes.to_string());
    let (affected, tags) = (incident.affected.join(", "), incident.tags.join(", "));
    let values = [incident.title.clone(), incident.severity.word().into(), owner, affected, tags, incident.summary.clone(), mitigate, close];
    let mut values = values.into_iter();
    FIELDS.map(|name| (name, values.next().unwrap_or_default()))
}

/// Whether a person changed a field since it was loaded. Browsers send line ends of their own.
fn touched(form: &Form, name: &str) -> bool {
    let plain = |name: &str| form.value(name).replace("\r\n", "\n").trim().to_owned();
    plain(name) != plain(&format!("was_{name}"))
}

const FIELDS: [&str; 8] = ["title", "severity", "owner_id", "affected", "tags", "summary", "sla_mitigate_minutes", "sla_close_minutes"];

fn named(dialog: Dialog, incident: &Incident) -> Dialog {
    dialog.lead(incident.title.clone()).cancel(format!("/incidents/{}", incident.reference))
}

/// The dialog of a move; when it is not possible from where the incident stands, why not.
fn moving(dialog: Dialog, incident: &Incident, to: Move, ctx: &Ctx) -> Dialog {
    let dialog = named(dialog, incident);
    match to.apply(incident, ctx.now) {
        Err(why) => dialog.instead(why.to_string(), format!("/incidents/{}", incident.reference), format!("Show {}", incident.reference)),
        Ok(_) => dialog,
    }
}

/// It no longer hurts.
pub async fn mitigate(ctx: Ctx, _: Form) -> Result<Dialog> {
    let incident = verb::find(&ctx.app, ctx.param("id")?).await?;
    let name = &incident.reference;
    let dialog = Dialog::of(&Mitigate { incident: name.clone() }, format!("Mark {name} mitigated"));
    Ok(moving(dialog, &incident, Move::Mitigate, &ctx)
        .icon("shield-check")
        .effect(format!("{name} becomes MITIGATED: it no longer hurts."))
        .effect(stops("mitigate", &incident.mitigation(), &ctx))
        .effect("The reason stands in its timeline.")
        .undo("You can set it back to open."))
}

/// It is over.
pub async fn close(ctx: Ctx, _: Form) -> Result<Dialog> {
    let incident = verb::find(&ctx.app, ctx.param("id")?).await?;
    let name = &incident.reference;
    let dialog = Dialog::of(&Close { incident: name.clone() }, format!("Close {name}"));
    Ok(moving(dialog, &incident, Move::Close, &ctx)
        .icon("check")
        .effect(format!("{name} becomes CLOSED after {}.", format::duration(ctx.now.since(incident.started_at))))
        .effect(stops("close", &incident.closing(), &ctx))
        .effect("The reason stands in its timeline.")
        .undo("You can reopen it."))
}

/// It was closed too early.
pub async fn reopen(ctx: Ctx, _: Form) -> Result<Dialog> {
    let incident = verb::find(&ctx.app, ctx.param("id")?).await?;
    let name = &incident.reference;
    let dialog = Dialog::of(&Reopen { incident: name.clone() }, format!("Reopen {name}"));
    Ok(moving(dialog, &incident, Move::Reopen, &ctx)
        .icon("rotate-ccw")
        .effect(format!("{name} becomes OPEN."))
        .effect(AGAIN)
        .undo("You can close it again."))
}

/// It hurts again.
pub async fn regress(ctx: Ctx, _: Form) -> Result<Dialog> {
    let incident = verb::find(&ctx.app, ctx.param("id")?).await?;
    let name = &incident.reference;
    let dialog = Dialog::of(&Regress { incident: name.clone() }, format!("Set {name} back to open"));
    Ok(moving(dialog, &incident, Move::Regress, &ctx)
        .icon("rotate-ccw")
        .effect(format!("{name} becomes OPEN: it hurts again."))
        .effect(AGAIN)
        .undo("You can mark it mitigated again."))
}

const AGAIN: &str = "Both time limits run again, from its start. The timeline keeps what was.";

fn stops(verb: &str, timer: &crate::features::incidents::lifecycle::Timer, ctx: &Ctx) -> String {
    let limit = format::duration(timer.minutes * 60);
    match ctx.now > timer.due {
        true => format!("The limit to {verb} ({limit}) was missed by {}.", format::duration(ctx.now.since(timer.due))),
        false => format!("The limit to {verb} ({limit}) is met."),
    }
}

fn title(value: &str, form: &Form) -> Field {
    Field::text("title", "Title").value(value).required().max_length(200).placeholder("What hurts, in one line").error(form.error("title"))
}

fn severities(value: &str, form: &Form) -> Markup {
    let options = Severity::ALL.map(|severity| (severity.word(), format!("{} · {}", severity.word(), severity.meaning())));
    html! { (Field::select("severity", "Severity", options).value(value).error(form.error("severity"))) }
}

/// Those who may operate, and who leads it now.
fn owner(people: &[User], value: &str, now: Option<Uuid>, form: &Form) -> Markup {
    let can = |user: &User| user.disabled_at.is_none() && (user.role.includes(Role::Admin) || now == Some(user.id));
    let active = people.iter().filter(|user| can(user)).map(|user| (user.id.to_string(), user.name.clone()));
    let options = std::iter::once(("none".to_owned(), "Nobody yet".to_owned())).chain(active);
    html! { (Field::select("owner_id", "Owner", options).value(if value.is_empty() { "none" } else { value }).error(form.error("owner_id"))) }
}

fn labels(name: &'static str, label: &'static str, value: &str, form: &Form) -> Markup {
    html! { (Field::text(name, label).value(value).hint("Separated by commas.").error(form.error(name))) }
}

fn summary(value: &str, form: &Form) -> Markup {
    html! { (Field::area("summary", "Summary", 3).value(value).max_length(4_000).placeholder("What is known so far").error(form.error("summary"))) }
}

fn minutes(name: &'static str, label: &'static str, value: &str, form: &Form) -> Markup {
    html! { (Field::input("number", name, label).value(value).range("1", "129600", "1").hint("From its start.").error(form.error(name))) }
}

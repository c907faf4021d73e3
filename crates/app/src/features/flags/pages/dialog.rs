//! What a person reads before a flag changes.

use maud::{Markup, html};
use qd_core::{Error, Result};

use super::{revisions, say};
use crate::features::flags::definition::{self, Archive, Flag, Lower, Percent, Restore, Revert, Rollout, Toggle};
use crate::features::flags::usage;
use crate::ui::diff::before_after;
use crate::ui::field::Field;
use crate::web::{Ctx, Dialog, Form};

/// The dialog of a change of `flag`.
pub fn named(dialog: Dialog, flag: &Flag, ctx: &Ctx) -> Dialog {
    dialog.lead(format!("In {}. {}", ctx.app.config.server.environment, say::state(&flag.definition))).cancel(format!("/flags/{}", flag.key))
}

/// The version that the person saw. After a conflict they have read what changed: the next try is about the present one.
fn version(flag: &Flag, form: &Form) -> Markup {
    let mistaken = ["reason", "phrase", "rolloutPercentage", "revision"].iter().any(|name| form.error(name).is_some());
    let seen = if mistaken && !form.value("version").is_empty() { form.value("version").to_owned() } else { flag.version.to_string() };
    html! { input type="hidden" name="version" value=(seen); }
}

/// The flag of the path, if it is not archived.
pub async fn live(ctx: &Ctx) -> Result<Flag> {
    let flag = definition::find(&ctx.app, ctx.param("key")?).await?;
    match flag.archived_at {
        Some(_) => Err(Error::Conflict(format!("{} is archived. Restore it first.", flag.key))),
        None => Ok(flag),
    }
}

/// On or off; the other one than now if the address does not say.
pub async fn toggle(ctx: Ctx, form: Form) -> Result<Dialog> {
    let flag = live(&ctx).await?;
    let definition = &flag.definition;
    let enabled = form.value("enabled").parse().unwrap_or(!definition.enabled);
    let word = if enabled { "on" } else { "off" };
    let action = Toggle { flag: flag.key.clone(), enabled: Some(enabled), fields: None };
    let dialog = named(Dialog::of(&action, format!("Turn {} {word}", flag.key)), &flag, &ctx);
    let fields = html! { (version(&flag, &form)) input type="hidden" name="enabled" value=(enabled); };
    let dialog = dialog.fields(fields).icon("power").submit(format!("Turn {word}"));
    if definition.enabled == enabled {
        return Ok(dialog.effect(format!("It is {word} already: nothing changes.")));
    }
    let dialog = match enabled {
        true => dialog.effect(say::state(&crate::features::flags::definition::Definition { enabled, ..definition.clone() })),
        false => dialog.effect(format!("Everybody gets {}.", say::otherwise(definition))),
    };
    Ok(dialog.effect("Applications that listen know within a second.").undo(format!("You can turn it {} again.", if enabled { "off" } else { "on" })))
}

/// Another percentage.
pub async fn rollout(ctx: Ctx, form: Form) -> Result<Dialog> {
    let flag = live(&ctx).await?;
    let definition = &flag.definition;
    let (from, typed) = (definition.rollout_percentage, form.value("rolloutPercentage"));
    let wanted = typed.trim().trim_end_matches('%').trim().parse().ok().and_then(Percent::of_percent);
    let action = Rollout { flag: flag.key.clone(), percentage: wanted.unwrap_or(from) };
    let now = from.to_string().replace(" %", "");
    let shown = if typed.is_empty() { now } else { typed.to_owned() };
    let field = Field::input("number", "rolloutPercentage", format!("Percent of {}", say::people(definition.scope)));
    let fields = html! {
        (version(&flag, &form))
        (field.value(shown).range("0", "100", "0.01").required().error(form.error("rolloutPercentage")))
    };
    let title = wanted.filter(|to| *to != from).map_or_else(|| format!("Set the rollout of {}", flag.key), |to| format!("Set {} to {to}", flag.key));
    let dialog = match wanted.filter(|to| *to < from) {
        // Down never asks.
        Some(percentage) => Dialog::of(&Lower { flag: flag.key.clone(), percentage }, title),
        None => Dialog::of(&action, title),
    };
    let mut dialog = named(dialog, &flag, &ctx).icon("percent").fields(fields).submit("Set the rollout");
    if let Some(to) = wanted {
        dialog = dialog.effect(say::rollout(definition.scope, from, to)).submit(format!("Set to {to}"));
    }
    if !definition.enabled {
        dialog = dialog.effect("The flag is off: nobody sees it until it is turned on.");
    }
    if !say::first(definition).is_empty() {
        dialog = dialog.effect(format!("{} The percentage is for the others.", say::first(definition)));
    }
    Ok(dialog.undo(format!("You can set it back to {from}.")))
}

/// As it was at a revision; the one before if the address does not say.
pub async fn revert(ctx: Ctx, form: Form) -> Result<Dialog> {
    let flag = live(&ctx).await?;
    let number = form.value("revision").parse().unwrap_or((flag.version - 1).max(1));
    let revision = definition::revision(&ctx.app, &flag.key, number).await?;
    let action = Revert { flag: flag.key.clone(), revision: number };
    let differences = definition::differences(&flag.definition, &revision.definition)?;
    let (now, then) = (serde_json::to_value(&flag.definition)?, serde_json::to_value(&revision.definition)?);
    let fields = html! {
        (version(&flag, &form))
        input type="hidden" name="revision" value=(number);
        details { summary { "Show what changes" } (before_after("What changes", &now, &then)) }
    };
    let dialog = named(Dialog::of(&action, format!("Bring {} back to revision {number}", flag.key)), &flag, &ctx).icon("undo-2").fields(fields);
    let dialog = match differences.as_slice() {
        [] => dialog.effect("It is like that now: nothing changes."),
        some => dialog.effect(format!("{}.", revisions::said(some))).effect(say::state(&revision.definition)),
    };
    Ok(dialog.submit(format!("Back to revision {number}")).undo(format!("You can bring back revision {}.", flag.version)))
}

/// Applications no longer get it.
pub async fn archive(ctx: Ctx, _: Form) -> Result<Dialog> {
    let flag = live(&ctx).await?;
    let dialog = Dialog::of(&Archive { flag: flag.key.clone() }, format!("Archive {}", flag.key));
    let used = usage::of(&ctx.app, &flag.key, flag.created_at)?;
    let asked = match used.last_asked_at {
        Some(at) => format!("Applications last asked for it {}.", crate::ui::format::age(at, ctx.now)),
        None => "No application has asked for it by its key.".to_owned(),
    };
    Ok(named(dialog, &flag, &ctx)
        .icon("archive")
        .effect("Applications that ask for it are told that there is no such flag, and show their own default.")
        .effect(asked)
        .effect("Its key stays taken, its revisions stay.")
        .submit("Archive the flag")
        .undo("You can restore it."))
}

/// Applications get it again.
pub async fn restore(ctx: Ctx, _: Form) -> Result<Dialog> {
    let flag = definition::find(&ctx.app, ctx.param("key")?).await?;
    if flag.archived_at.is_none() {
        return Err(Error::Conflict(format!("{} is not archived.", flag.key)));
    }
    let dialog = Dialog::of(&Restore { flag: flag.key.clone() }, format!("Restore {}", flag.key));
    Ok(named(dialog, &flag, &ctx)
        .icon("archive")
        .effect("Applications get it again, as it was.")
        .submit("Restore the flag")
        .undo("You can archive it again."))
}

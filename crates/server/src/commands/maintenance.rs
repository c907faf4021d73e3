//! `maintenance status`, `maintenance enable` and `maintenance end`: for scripts on the server, such as a backup that wants nobody to write.
//! They work on our own database; a control center that runs serves the change within a second.

use std::process::ExitCode;

use app::features::maintenance::window::{self, Enable, Toggle};
use app::features::maintenance::{Kind, Terms, Window};
use qd_core::config::Config;
use qd_core::gate::{Actor, Confirmation};
use qd_core::{App, Clock, Error, Result};
use serde_json::json;

use super::print;
use crate::cli::Maintenance;
use crate::wiring;

pub(super) async fn run(config: Config, command: Maintenance, json: bool) -> Result<ExitCode> {
    let app = wiring::assemble(config, Clock::system()).await?;
    let actor = Actor::cli(std::env::var("USER").unwrap_or_else(|_| "server".into()));
    let done = match command {
        Maintenance::Status => status(&app, json).await,
        Maintenance::Enable { kind, minutes, message, vendors, reason, confirm } => {
            let zone = app.config.platform.time_zone.clone();
            let vendors = Some(vendors).filter(|vendors| !vendors.is_empty());
            let terms = Terms { message: message.unwrap_or_default(), vendors, zone, ..Terms::default() };
            let given = Confirmation { phrase: confirm, ..Confirmation::because(reason) };
            let action = Enable { kind: parse(&kind)?, minutes, terms };
            let done = window::enable(&app, &actor, action, given).await?;
            let text = format!("{} holds until {}.", done.value.kind.label(), done.value.scheduled_end.rfc3339());
            print(json, &json!({ "window": done.value, "auditSeq": done.audit_seq }), &text);
            Ok(())
        }
        Maintenance::End { kind, reason } => {
            let off = Toggle { kind: parse(&kind)?, enabled: false, minutes: None, terms: Terms::default() };
            let given = Confirmation { reason, ..Confirmation::default() };
            let done = window::toggle(&app, &actor, off, given).await?;
            let text = if done.is_some() { "It is over." } else { "It did not hold." };
            print(json, &json!({ "window": done.as_ref().map(|done| &done.value), "auditSeq": done.as_ref().map(|done| done.audit_seq) }), text);
            Ok(())
        }
    };
    app.db.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

fn parse(word: &str) -> Result<Kind> {
    let words = || Kind::ALL.map(Kind::word).join(", ");
    Kind::parse(&word.replace('-', "_")).ok_or_else(|| Error::invalid("type", format!("Use one of {}.", words())))
}

async fn status(app: &App, json: bool) -> Result<()> {
    let (active, upcoming) = (window::active(app).await?, window::upcoming(app).await?);
    let line = |window: &Window| {
        let (from, to) = (window.actual_start.unwrap_or(window.scheduled_start).rfc3339(), window.scheduled_end.rfc3339());
        format!("{:<9}  {:<20}  {from} to {to}  {}", window.status.word(), window.kind.word(), window.id)
    };
    let lines: Vec<String> = active.iter().chain(&upcoming).map(line).collect();
    let text = if lines.is_empty() { "No maintenance holds, and none is scheduled.".into() } else { lines.join("\n") };
    print(json, &json!({ "active": active, "upcoming": upcoming }), &text);
    Ok(())
}

//! `flags list`, `flags show`, `flags kill` and `flags explain`: for somebody at the server's command line. They work on our own database; a
//! control center that runs serves a change within a second.

use std::process::ExitCode;

use app::features::flags;
use app::features::flags::definition::{self, Filter, Flag, Listed, Stale};
use app::features::flags::evaluate::{Context, Explanation};
use qd_core::config::Config;
use qd_core::gate::{Actor, Confirmation};
use qd_core::{App, Clock, Error, Result};
use serde_json::json;

use super::print;
use crate::cli::Flags;
use crate::wiring;

pub(super) async fn run(config: Config, command: Flags, json: bool) -> Result<ExitCode> {
    let app = wiring::assemble(config, Clock::system()).await?;
    let actor = Actor::cli(std::env::var("USER").unwrap_or_else(|_| "server".into()));
    let done = match command {
        Flags::List => list(&app, json).await,
        Flags::Show { key } => show(&app, &key, json).await,
        Flags::Kill { key, reason } => kill(&app, &actor, &key, reason, json).await,
        Flags::Explain { key, context } => explain(&app, &key, &context, json).await,
    };
    app.db.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn list(app: &App, json: bool) -> Result<()> {
    app.published.refresh(app).await?;
    let found = all(app)?;
    let lines: Vec<String> = found.iter().map(line).collect();
    let text = if lines.is_empty() { "There is no flag.".into() } else { lines.join("\n") };
    print(json, &json!({ "flags": found }), &text);
    Ok(())
}

/// All flags, page by page.
fn all(app: &App) -> Result<Vec<Listed>> {
    let mut found: Vec<Listed> = Vec::new();
    loop {
        let after = found.last().map(|last| last.flag.key.clone());
        let (page, more) = definition::list(app, &Filter { after, limit: 500, ..Filter::default() })?;
        found.extend(page);
        if !more {
            return Ok(found);
        }
    }
}

fn line(listed: &Listed) -> String {
    let Flag { key, definition, .. } = &listed.flag;
    let state = if definition.enabled { "on" } else { "off" };
    let ramp = listed.ramp.as_ref().map(|ramp| format!("  ramp {}", ramp.state.word().to_lowercase())).unwrap_or_default();
    let stale = listed.stale.map(|stale| format!("  {}", Stale::text(stale))).unwrap_or_default();
    let percentage = definition.rollout_percentage.to_string();
    format!("{state:<3}  {percentage:>8}  {:<8}  {:<7}  {key}{ramp}{stale}", definition.scope.word(), definition.kind.word())
}

async fn show(app: &App, key: &str, json: bool) -> Result<()> {
    let flag = definition::find(app, key).await?;
    let text = serde_json::to_string_pretty(&flag)?;
    print(json, &serde_json::to_value(&flag)?, &text);
    Ok(())
}

async fn kill(app: &App, actor: &Actor, key: &str, reason: Option<String>, json: bool) -> Result<()> {
    let done = definition::kill(app, actor, key, Confirmation { reason, ..Confirmation::default() }).await?;
    let text = format!("{key} is off for everybody (audit row {}).", done.audit_seq);
    print(json, &json!({ "flag": done.value, "auditSeq": done.audit_seq }), &text);
    Ok(())
}

async fn explain(app: &App, key: &str, context: &str, json: bool) -> Result<()> {
    let wrong = |_| Error::invalid("context", r#"Give the context as JSON: --context '{"targetingKey": "user-1"}'."#);
    let context: Context = serde_json::from_str(context).map_err(wrong)?;
    app.published.refresh(app).await?;
    let told = flags::explain(app, key, &context)?;
    print(json, &serde_json::to_value(&told)?, &words(&told));
    Ok(())
}

fn words(told: &Explanation) -> String {
    let value = told.value.as_ref().map_or_else(|| "no value: the application's own default".to_owned(), ToString::to_string);
    let mut lines = vec![
        format!("{} gives {value}", told.key),
        format!("variant {:?}, reason {}, decided by {:?}", told.variant, told.reason.word(), told.decided_by),
    ];
    if let Some(missing) = &told.missing {
        lines.push(format!("the context has no {missing}"));
    }
    for needs in &told.prerequisites {
        let given = needs.given.as_deref().unwrap_or("nothing");
        lines.push(format!("needs {} to give {}: gives {given}, {}", needs.flag, needs.needed, if needs.met { "met" } else { "not met" }));
    }
    for rule in &told.rules {
        lines.push(format!("rule {} {:?}: {}", rule.index, rule.name, if rule.matched { "matched" } else { "did not match" }));
        for one in &rule.conditions {
            let given = one.given.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
            lines.push(format!(
                "  {} {} {}: {given}, {}",
                one.attribute,
                one.operator.word(),
                one.value,
                if one.holds { "holds" } else { "does not hold" }
            ));
        }
    }
    if let (Some(hashed), Some(bucket)) = (&told.hashed, told.bucket) {
        lines.push(format!("{hashed:?} hashes to {bucket}; in at {} are those below {}", told.rollout_percentage, told.threshold));
    }
    lines.join("\n")
}

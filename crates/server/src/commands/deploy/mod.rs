//! `deploy record`: tells a running control center of a deploy.

mod facts;

use std::process::ExitCode;
use std::time::Duration;

use qd_core::{Error, Result};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use super::print;
use crate::cli::DeployRecord;
use facts::Facts;

/// Something that is needed is not known.
const MISSING: u8 = 3;
/// The token was refused.
const FORBIDDEN: u8 = 4;
/// The deploy was refused.
const REFUSED: u8 = 5;
/// The control center was not reached, or is broken.
const AWAY: u8 = 6;

/// What became of it, for the exit code.
struct Told {
    code: u8,
    text: String,
    value: Value,
}

impl Told {
    fn fault(code: u8, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { code, value: json!({ "error": text }), text }
    }
}

pub(super) async fn record(options: DeployRecord, json: bool) -> Result<ExitCode> {
    let told = tell(options).await;
    if told.code == 0 || json {
        print(json, &told.value, &told.text);
    } else {
        eprintln!("quarterdeck: {}", told.text);
    }
    Ok(ExitCode::from(told.code))
}

async fn tell(options: DeployRecord) -> Told {
    let variable = |name: &str| std::env::var(name).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let facts = Facts::of_flags(&options).or(Facts::of_ci(&variable));
    let facts = facts::with_git(facts).await;
    let Some(url) = options.url.clone().filter(|url| !url.is_empty()) else {
        return Told::fault(MISSING, "Say where the control center is: --url https://ops.example, or QD_URL.");
    };
    let Some(token) = variable("QD_TOKEN") else {
        return Told::fault(MISSING, "Set QD_TOKEN to a token with the scope deploys:write.");
    };
    match body(&options, &facts) {
        Ok(body) => send(&url, &token, &body, options.timeout).await.unwrap_or_else(|fault| Told::fault(AWAY, fault.to_string())),
        Err(text) => Told::fault(MISSING, text),
    }
}

/// The request's body, or what is missing.
fn body(options: &DeployRecord, facts: &Facts) -> Result<Value, String> {
    let sha = facts.sha.clone().ok_or("Which build? Give --sha, or run this in a checkout or in a CI that sets its commit.")?;
    let service = facts.service.clone().ok_or("Which service? Give --service.")?;
    let environment = facts.environment.clone();
    // One run may deploy several services to several environments: each of them is a deploy.
    let run = facts.run.as_ref().map(|run| format!("{run}:{}:{service}", environment.as_deref().unwrap_or_default()));
    let fields = [
        ("service", Some(service)),
        ("environment", environment),
        ("sha", Some(sha)),
        ("branch", facts.branch.clone()),
        ("author", facts.author.clone()),
        ("message", facts.message.clone()),
        ("url", facts.url.clone()),
        ("status", Some(options.status.clone())),
        ("source", Some("cli".into())),
        ("externalId", options.id.clone().or(run)),
        ("startedAt", options.started_at.clone()),
        ("finishedAt", options.finished_at.clone()),
        ("commitAt", facts.commit_at.clone()),
        ("error", options.error.clone()),
    ];
    let known = fields.into_iter().filter_map(|(name, value)| value.map(|value| (name.to_owned(), Value::from(value))));
    Ok(Value::Object(known.collect::<Map<_, _>>()))
}

async fn send(base: &str, token: &str, body: &Value, timeout: u64) -> Result<Told> {
    let fault = |fault: reqwest::Error| Error::Broken(format!("no HTTP client: {fault}"));
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(timeout.clamp(1, 300)))
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("quarterdeck/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(fault)?;
    let place = format!("{}/api/admin/ops/deployments", base.trim_end_matches('/'));
    let answer = match client.post(&place).bearer_auth(token).json(body).send().await {
        Ok(answer) => answer,
        Err(fault) if fault.is_timeout() => {
            return Ok(Told::fault(AWAY, format!("{base} did not answer within {timeout} s. It may have recorded the deploy.")));
        }
        Err(fault) if fault.is_builder() => return Ok(Told::fault(MISSING, format!("{base} is no address. Give one such as https://ops.example."))),
        Err(_) => return Ok(Told::fault(AWAY, format!("{base} can't be reached. The deploy is not recorded."))),
    };
    let status = answer.status();
    let value: Value = answer.json().await.unwrap_or_default();
    Ok(read(status, value, base))
}

fn read(status: StatusCode, value: Value, base: &str) -> Told {
    let said = value.get("detail").and_then(Value::as_str).unwrap_or("It gave no reason.").to_owned();
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or("?");
    match status {
        StatusCode::OK | StatusCode::CREATED => {
            let new = if status == StatusCode::CREATED { "recorded" } else { "known, and up to date" };
            let line = format!(
                "{} of {} in {} is {new}: {}. {}/deployments/{}",
                text("sha"),
                text("service"),
                text("environment"),
                text("status"),
                base.trim_end_matches('/'),
                text("id")
            );
            Told { code: 0, text: line, value }
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Told::fault(FORBIDDEN, format!("The token was refused: {said} The deploy is not recorded."))
        }
        status if status.is_client_error() => Told::fault(REFUSED, format!("The deploy was refused: {said}")),
        status => Told::fault(AWAY, format!("{base} answered {status}. The deploy is not recorded.")),
    }
}

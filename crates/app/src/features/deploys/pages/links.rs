//! Words, states and links that several pages share.

use maud::{Markup, html};
use qd_core::{App, Timestamp};

use crate::features::deploys::Figures;
use crate::features::deploys::record::{Deploy, Status, is_commit};
use crate::ui::chart::Mark;
use crate::ui::status::{Tone, status_word};
use crate::ui::{code, format};

/// A deploy of which nobody said for so many seconds how it ended.
const FORGOTTEN: i64 = 2 * 3_600;

/// How a deploy stands, as shape and word. `live` says whether its build is the one that is live now.
pub fn state(deploy: &Deploy, live: bool, now: Timestamp) -> Markup {
    let (tone, word) = tone(deploy, live, now);
    status_word(tone, word)
}

/// Tone and word of [`state`].
pub fn tone(deploy: &Deploy, live: bool, now: Timestamp) -> (Tone, &'static str) {
    match deploy.status {
        Status::InProgress if now.since(deploy.started_at) > FORGOTTEN => (Tone::Stale, "NO END TOLD"),
        Status::InProgress => (Tone::Running, "IN PROGRESS"),
        Status::Failed => (Tone::Crit, "FAILED"),
        Status::Canceled => (Tone::Off, "CANCELED"),
        Status::Live if deploy.rolled_back_at.is_some() => (Tone::Warn, "ROLLED BACK"),
        Status::Live if live => (Tone::Ok, "LIVE"),
        Status::Live => (Tone::Ok, "OK"),
    }
}

/// How long it took: `3 min`; a dash while it runs or when it was only seen at its end.
pub fn took(deploy: &Deploy) -> String {
    let seconds = deploy.finished_at.map(|at| at.since(deploy.started_at)).filter(|seconds| *seconds > 0);
    seconds.map_or_else(|| format::NONE.into(), format::duration)
}

/// The commit in the repository, when one is configured and the build is a commit.
pub fn commit(app: &App, sha: &str) -> Option<String> {
    let base = app.config.deploys.repository_url.trim_end_matches('/');
    (!base.is_empty() && is_commit(sha)).then(|| format!("{base}/commit/{sha}"))
}

/// What changed between two builds, in the repository.
pub fn changes(app: &App, from: &str, to: &str) -> Option<String> {
    let base = app.config.deploys.repository_url.trim_end_matches('/');
    let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    (!base.is_empty() && from != to).then(|| format!("{base}/compare/{}...{}", part(from), part(to)))
}

/// A build: linked to its commit when there is a repository.
pub fn build(app: &App, deploy: &Deploy) -> Markup {
    match commit(app, &deploy.sha) {
        Some(href) => html! { a.mono href=(href) rel="noreferrer" { (deploy.build()) } },
        None => html! { span.mono { (deploy.build()) } },
    }
}

/// Deploys between two moments as marks of a chart, the oldest first; from memory. `service` names one, or all.
pub fn marks(app: &App, service: Option<&str>, from: Timestamp, to: Timestamp) -> Vec<Mark> {
    let recent = app.state::<Figures>().map(|figures| figures.recent()).unwrap_or_default();
    let environment = &app.config.server.environment;
    let inside = |deploy: &&Deploy| deploy.live_at().is_some_and(|at| at >= from && at <= to);
    let fits = |deploy: &&Deploy| deploy.environment == *environment && service.is_none_or(|name| name == deploy.service);
    let mut found: Vec<&Deploy> = recent.iter().filter(inside).filter(fits).collect();
    found.sort_by_key(|deploy| deploy.live_at());
    let name = |deploy: &Deploy| if service.is_some() { deploy.build().to_owned() } else { format!("{} {}", deploy.service, deploy.build()) };
    let mark = |(place, deploy): (usize, &&Deploy)| Mark {
        x: deploy.live_at().unwrap_or(deploy.started_at).seconds(),
        label: name(deploy),
        // Names of neighbours stand on two lines.
        row: u8::from(place % 2 == 1),
    };
    found.iter().enumerate().map(mark).collect()
}

/// Where this installation is reached.
fn address(app: &App) -> String {
    let server = &app.config.server;
    let base = if server.public_url.is_empty() { format!("http://{}", server.listen) } else { server.public_url.clone() };
    base.trim_end_matches('/').to_owned()
}

/// How deploys get here: the line for the shell, and the one for curl.
pub fn how_to_record(app: &App) -> Markup {
    let base = address(app);
    let cli = format!("QD_TOKEN=… quarterdeck deploy record --url {base} --service web --status live");
    let curl = format!(
        "curl -X POST {base}/api/admin/ops/deployments -H \"Authorization: Bearer $QD_TOKEN\" \\\n  -H \"Content-Type: application/json\" -d '{{\"service\":\"web\",\"sha\":\"4d7c3a9\",\"status\":\"live\"}}'"
    );
    html! {
        div class="stack stack--s connect" {
            p.small { "At the end of a CI run, with a token of scope " code { "deploys:write" } " (" a href="/settings/tokens" { "make one" } "):" }
            (code::wrapped("With the command line", &cli))
            (code::wrapped("With curl", &curl))
            p class="small quiet" { "Render is asked once a minute when " code { "deploys.render_api_key" } " and " code { "deploys.render_services" } " are set, and at once when its webhook calls " code { "POST /hooks/render" } ". GitHub tells at " code { "POST /hooks/github" } " once the secret of its webhook is set." }
        }
    }
}

/// How instances get here.
pub fn how_to_beat(app: &App) -> Markup {
    let base = address(app);
    let curl = format!(
        "curl -X POST {base}/api/v1/instances -H \"Authorization: Bearer $QD_TOKEN\" \\\n  -d '{{\"instance\":\"web-1\",\"service\":\"web\",\"sha\":\"4d7c3a9\",\"config\":{{\"NODE_ENV\":{{\"set\":true,\"value\":\"production\"}}}}}}'"
    );
    html! {
        div class="stack stack--s connect" {
            p.small { "Every process says every 15 s that it runs, with a token of scope " code { "instances:write" } ":" }
            (code::wrapped("A beat with curl", &curl))
        }
    }
}

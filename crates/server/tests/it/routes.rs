//! Every route × every role: who is not admitted by the declaration gets 401 or 403, and nobody else does.

use app::web::RouteEntry;
use qd_core::gate::{Access, Role};
use reqwest::Method;

use crate::support::{Client, World};

/// Who tries.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Anonymous,
    Person(Role),
    /// A token without any scope of the route.
    Machine,
}

fn admitted(access: Access, who: Who) -> bool {
    match (access, who) {
        (Access::Anyone, _) => true,
        (Access::SignedIn, Who::Person(_)) => true,
        (Access::Role(lowest) | Access::RoleOrScope(lowest, _), Who::Person(role)) => role.includes(lowest),
        (Access::Audit, Who::Person(_)) => true,
        _ => false,
    }
}

/// A path of the table with its parameters filled in.
fn concrete(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "00000000-0000-7000-8000-000000000000".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

async fn try_route(client: &Client, entry: &RouteEntry, who: Who, wrong: &mut Vec<String>) {
    let mut tries = Vec::new();
    if let Some(path) = &entry.api {
        tries.push((entry.method.clone(), path.clone()));
    }
    if let Some(path) = entry.html.filter(|_| entry.has_page()) {
        tries.push((Method::GET, path.to_owned()));
    }
    if let Some(path) = entry.html.filter(|_| entry.action.is_some()) {
        tries.push((Method::POST, path.to_owned()));
    }
    for (method, path) in tries {
        let signs_out = path.ends_with("/logout") || (method == Method::DELETE && path.ends_with("/session"));
        // Signing out would end the session that the other tries need; what anybody may do answers 401 to a wrong password.
        if signs_out || entry.access == Access::Anyone {
            continue;
        }
        if path == "/events" {
            let answer = client.request(method, &path).send().await.unwrap();
            assert_eq!(answer.status() == 200, admitted(entry.access, who), "{who:?} /events");
            continue;
        }
        let mut request = client.request(method.clone(), &concrete(&path)).header("sec-fetch-site", "same-origin");
        if method != Method::GET {
            request = request.header("content-type", "application/json").body("{}");
        }
        let answer = client.send(request).await;
        let status = answer.status.as_u16();
        let sent_away = answer.location().is_some_and(|place| place.starts_with("/login"));
        let refused = matches!(status, 401 | 403) || sent_away;
        if refused == admitted(entry.access, who) {
            wrong.push(format!("{who:?} {method} {path} ({}): {status} {}", entry.access.words(), answer.text.chars().take(120).collect::<String>()));
        }
        if status >= 500 && !matches!(status, 501..=503) {
            wrong.push(format!("{who:?} {method} {path}: {status}"));
        }
    }
}

async fn every_route_keeps_its_word(world: &World) {
    let routes = server::running::routes();
    let mut wrong = Vec::new();
    for who in [Who::Anonymous, Who::Machine].into_iter().chain(Role::ALL.map(Who::Person)) {
        let client = match who {
            Who::Anonymous => world.anonymous(),
            Who::Machine => world.machine(&["flags:read"]).await,
            Who::Person(role) => world.signed_in(role).await,
        };
        for entry in routes.entries() {
            try_route(&client, entry, who, &mut wrong).await;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn a_cross_site_post_is_refused(world: &World) {
    let client = world.super_admin().await;
    let request = client.request(Method::POST, "/incidents/new").header("sec-fetch-site", "cross-site");
    let request = request.header("origin", "https://evil.example").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(client.send(request.body("title=x&severity=SEV1")).await.status, 403);
}

async fn unknown_methods_and_paths_answer_with_a_problem(world: &World) {
    let client = world.super_admin().await;
    client.send(client.request(Method::TRACE, "/api/admin/ops/health")).await.expect(405);
    let missing = client.get("/api/admin/ops/nothing").await.expect(404);
    assert_eq!(missing.header("content-type"), Some("application/problem+json"));
    let page = client.get("/nothing").await.expect(404);
    assert!(page.text.contains("<main"), "a person gets a page");
}

crate::both!(every_route_keeps_its_word, a_cross_site_post_is_refused, unknown_methods_and_paths_answer_with_a_problem);

/// The table, as a reviewer sees it change.
#[test]
fn the_table_is_as_reviewed() {
    let routes = server::running::routes();
    let mut lines: Vec<String> = routes
        .entries()
        .iter()
        .map(|entry| {
            let action = entry.action.map_or(String::new(), |action| format!("  {} {:?}", action.name, action.danger));
            format!("{:6} {:52} {:32} {}{action}", entry.method, entry.api.as_deref().unwrap_or("-"), entry.html.unwrap_or("-"), entry.access.words())
        })
        .collect();
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"));
}

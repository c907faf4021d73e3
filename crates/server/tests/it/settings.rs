//! The settings: own account, people, tokens, configuration.

use app::features::identity;
use qd_core::gate::Role;
use reqwest::Method;
use serde_json::json;

use crate::both;
use crate::support::{PASSWORD, World, email};

both!(
    everybody_sees_their_own_account_and_no_more_than_they_may,
    a_session_elsewhere_is_ended_by_a_button,
    an_account_is_created_with_a_link_shown_once,
    the_form_comes_back_with_its_faults,
    a_password_is_changed_by_its_owner,
    a_token_is_created_used_and_revoked,
    the_matrix_names_every_action,
    the_configuration_is_masked_and_says_where_from,
);

const REASON: &str = "asked for in the weekly review";

async fn everybody_sees_their_own_account_and_no_more_than_they_may(world: &World) {
    for role in Role::ALL {
        let client = world.signed_in(role).await;
        let page = client.get("/settings").await.expect(200).text;
        assert!(page.contains(&email(role)) && page.contains("this browser"), "{role:?}");
        let reads = role != Role::Auditor;
        assert_eq!(page.contains("/settings/users"), reads, "{role:?}");
        for path in ["/settings/users", "/settings/tokens", "/settings/configuration"] {
            let page = client.get(path).await.expect(if reads { 200 } else { 403 }).text;
            let acts = page.contains("/settings/users/new") || page.contains("/settings/tokens/new");
            assert!(!acts || role == Role::SuperAdmin, "{role:?} {path}");
        }
        client.get("/settings/users/new").await.expect(if role == Role::SuperAdmin { 200 } else { 403 });
    }
}

async fn a_session_elsewhere_is_ended_by_a_button(world: &World) {
    let (here, there) = (world.admin().await, world.admin().await);
    let sessions = here.get("/api/admin/ops/sessions").await.expect(200).json();
    let other = sessions["sessions"].as_array().unwrap().iter().find(|session| session["current"] == false).unwrap()["id"].clone();
    let path = format!("/settings/sessions/{}/end", other.as_str().unwrap());
    assert!(here.get("/settings").await.text.contains(&path));
    world.staff().await.form(&path, &[]).await.expect(404);
    here.form(&path, &[]).await.expect(303);
    there.get("/settings").await.expect(303);
    here.get("/settings").await.expect(200);
}

async fn an_account_is_created_with_a_link_shown_once(world: &World) {
    let ruler = world.super_admin().await;
    let form = [("email", "new@test.example"), ("name", "New Person"), ("role", "ADMIN"), ("reason", REASON), ("idempotency_key", "one")];
    let shown = ruler.form("/settings/users/new", &form).await.expect(200).text;
    let start = shown.find("/login/ticket?t=").unwrap();
    let link: String = shown[start..].chars().take_while(|c| !matches!(c, '<' | '"' | '\n')).collect::<String>().replace("&amp;", "&");
    let again = ruler.form("/settings/users/new", &form).await.expect(200).text;
    assert!(!again.contains("/login/ticket?t=") && again.contains("can't be shown again") || again.contains("can&#39;t be shown again"));
    let guest = world.anonymous();
    guest.get(&link).await.expect(200);
    let ticket = link.split(['=', '&']).nth(1).unwrap().to_owned();
    let landed = guest.form("/login/ticket", &[("t", &ticket), ("next", "/settings/password")]).await.expect(303);
    assert_eq!(landed.location(), Some("/settings/password"));
    let page = guest.get("/settings/password").await.expect(200).text;
    assert!(page.contains("one-time link") && !page.contains(r#"name="current""#));
    let new = "copper kettle north";
    guest.form("/settings/password", &[("new", new), ("again", "something else entirely")]).await.expect(422);
    guest.form("/settings/password", &[("new", new), ("again", new)]).await.expect(303);
    world.anonymous().sign_in("new@test.example", new).await;
}

async fn the_form_comes_back_with_its_faults(world: &World) {
    let ruler = world.super_admin().await;
    let page = ruler.form("/settings/users/new", &[("email", "nonsense"), ("name", "Kept Name"), ("role", "ADMIN"), ("reason", REASON)]).await;
    let page = page.expect(422).text;
    assert!(page.contains("Give an email such as") && page.contains("Kept Name") && page.contains(REASON));
    let taken = ruler.post("/api/admin/ops/users", json!({ "email": email(Role::Admin), "name": "x", "role": "ADMIN", "reason": REASON })).await;
    assert_eq!(taken.expect(422).json()["errors"][0]["field"], "email");
    let short = ruler.post("/api/admin/ops/users", json!({ "email": "b@test.example", "name": "x", "role": "ADMIN", "reason": "no" })).await;
    assert_eq!(short.expect(422).json()["errors"][0]["field"], "reason");
    let me = identity::by_email(&world.app, &email(Role::SuperAdmin)).await.unwrap().unwrap();
    let last = ruler.form(&format!("/settings/users/{}/role", me.id), &[("role", "ADMIN"), ("reason", REASON)]).await.expect(409).text;
    assert!(last.contains("last active SUPER_ADMIN"));
}

async fn a_password_is_changed_by_its_owner(world: &World) {
    let staff = world.staff().await;
    let new = "copper kettle north";
    let page = staff.form("/settings/password", &[("current", "not this one at all"), ("new", new), ("again", new)]).await.expect(422).text;
    assert!(page.contains("This is not your current password.") && !page.contains(new) && !page.contains("not this one at all"));
    let weak = staff.post("/api/admin/ops/profile/password", json!({ "current": PASSWORD, "new": "short" })).await.expect(422);
    assert_eq!(weak.json()["errors"][0]["field"], "new");
    staff.post("/api/admin/ops/profile/password", json!({ "current": PASSWORD, "new": new })).await.expect(200);
    staff.get("/settings").await.expect(200);
    world.anonymous().sign_in(&email(Role::StaffAdmin), new).await;
}

async fn a_token_is_created_used_and_revoked(world: &World) {
    let ruler = world.super_admin().await;
    let form = [("name", "scraper"), ("scopes", "metrics:read"), ("scopes", "ingest"), ("days", "30"), ("reason", REASON)];
    let shown = ruler.form("/settings/tokens/new", &form).await.expect(200).text;
    let start = shown.find("qd_").unwrap();
    let secret: String = shown[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let machine = world.anonymous().bearer(&secret);
    machine.get("/metrics").await.expect(200);
    let listed = ruler.get("/settings/tokens").await.expect(200).text;
    assert!(listed.contains("scraper") && !listed.contains(&secret));
    let id = ruler.get("/api/admin/ops/tokens").await.json()["tokens"][0]["id"].as_str().unwrap().to_owned();
    let revoke = ruler.request(Method::DELETE, &format!("/api/admin/ops/tokens/{id}")).json(&json!({ "reason": REASON }));
    ruler.send(revoke).await.expect(200);
    machine.get("/metrics").await.expect(401);
    let bad = ruler.post("/api/admin/ops/tokens", json!({ "name": "x", "scopes": ["everything"], "reason": REASON })).await.expect(422);
    assert_eq!(bad.json()["errors"][0]["field"], "scopes");
}

async fn the_matrix_names_every_action(world: &World) {
    let answer = world.staff().await.get("/api/admin/ops/users").await.expect(200).json();
    let rights = answer["rights"].as_array().unwrap();
    let find = |name: &str| rights.iter().find(|right| right["action"] == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(find("user.role")["roles"], json!(["SUPER_ADMIN"]));
    assert_eq!(find("session.revoke")["roles"], json!(["SUPER_ADMIN", "ADMIN", "STAFF_ADMIN", "AUDITOR"]));
    assert_eq!(find("incident.open")["roles"], json!(["SUPER_ADMIN", "ADMIN"]));
}

async fn the_configuration_is_masked_and_says_where_from(world: &World) {
    let answer = world.staff().await.get("/api/admin/ops/settings/config").await.expect(200).json();
    let settings = answer["settings"].as_array().unwrap();
    let find = |key: &str| settings.iter().find(|setting| setting["key"] == key).unwrap();
    assert_eq!((&find("platform.name")["value"], &find("platform.name")["origin"]), (&json!("Testmarket"), &json!("set")));
    assert_eq!(find("security.login_attempts")["origin"], "default");
    let own = find("storage.database_url")["value"].as_str().unwrap();
    assert!(own == "not set" || !own.contains("secret"), "{own}");
}

/// Who checks in the wrong directory must not be told that their file is fine.
#[test]
fn a_check_without_a_file_says_so() {
    let directory = tempfile::TempDir::new().unwrap();
    let check = |more: &[&str]| {
        let program = std::process::Command::new(env!("CARGO_BIN_EXE_quarterdeck"))
            .args(["config", "check"])
            .args(more)
            .current_dir(directory.path())
            .env_remove("QD_CONFIG")
            .output();
        let output = program.unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
    };
    let (fine, said) = check(&[]);
    assert!(fine && said.contains("There is no quarterdeck.toml in "), "{said}");
    assert!(check(&["--json"]).1.contains("\"file\": null") || check(&["--json"]).1.contains("\"file\":null"));
    std::fs::write(directory.path().join("quarterdeck.toml"), "[server]\nenvironment = \"staging\"\n").unwrap();
    let (fine, said) = check(&[]);
    assert!(fine && said.contains("is valid: quarterdeck.toml"), "{said}");
    let (fine, said) = check(&["--config", "other.toml"]);
    assert!(!fine && said.contains("other.toml"), "{said}");
}

//! Signing in and out as a browser and as a machine see it.

use qd_core::audit;
use qd_core::gate::Role;
use serde_json::json;

use app::features::identity;

use crate::both;
use crate::support::{PASSWORD, World, email};

both!(
    a_browser_signs_in_goes_on_and_signs_out,
    a_refused_sign_in_says_why_and_keeps_the_email,
    a_client_signs_in_by_json,
    a_stale_cookie_leads_to_the_sign_in_page_and_back,
    a_one_time_link_takes_a_click,
    a_role_change_and_a_disabled_account_count_at_once,
    a_bearer_token_opens_what_its_scope_says,
    nothing_secret_is_in_any_answer,
);

async fn a_browser_signs_in_goes_on_and_signs_out(world: &World) {
    let page = world.anonymous().get("/login?next=/settings").await.expect(200);
    assert!(page.text.contains("Sign in to Testmarket") && page.text.contains(r#"name="next" value="/settings""#));
    let browser = world.anonymous();
    let answer = browser.form("/login", &[("email", &email(Role::Admin)), ("password", PASSWORD), ("next", "/settings")]).await.expect(303);
    assert_eq!(answer.location(), Some("/settings"));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("qd_session=") && cookie.contains("; Path=/; HttpOnly; SameSite=Lax; Max-Age=604800") && !cookie.contains("Secure"),
        "{cookie}"
    );
    assert!(browser.get("/settings").await.expect(200).text.contains("Your account"));
    // Another site can't sign anybody out.
    let foreign = browser.request(reqwest::Method::POST, "/logout").header("sec-fetch-site", "cross-site");
    browser.send(foreign).await.expect(403);
    let out = browser.form("/logout", &[]).await.expect(303);
    assert_eq!(out.location(), Some("/login"));
    for line in ["__Host-qd_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure", "qd_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"] {
        assert!(out.headers.get_all("set-cookie").iter().any(|given| given == line), "{line}");
    }
    assert_eq!(browser.get("/settings").await.expect(303).location(), Some("/login?next=%2Fsettings"));
    let evil = world.anonymous().form("/login", &[("email", &email(Role::Admin)), ("password", PASSWORD), ("next", "//evil.example")]).await;
    assert_eq!(evil.expect(303).location(), Some("/"));
}

async fn a_refused_sign_in_says_why_and_keeps_the_email(world: &World) {
    let browser = world.anonymous();
    let wrong = [("email", "admin@test.example"), ("password", "wrong wrong wrong")];
    let page = browser.form("/login", &wrong).await.expect(401).text;
    assert!(
        page.contains("Email or password is wrong.") && page.contains("4 tries left before a 15 min pause.") && page.contains("admin@test.example")
    );
    assert!(!page.contains("wrong wrong wrong"));
    for _ in 0..4 {
        browser.form("/login", &wrong).await.expect(401);
    }
    let paused = browser.form("/login", &[("email", "admin@test.example"), ("password", PASSWORD)]).await.expect(429);
    assert!(paused.text.contains("Sign-in is paused.") && paused.text.contains("15 min"));
    // The others are not held up.
    world.super_admin().await;
}

async fn a_client_signs_in_by_json(world: &World) {
    let client = world.anonymous();
    let path = "/api/admin/ops/session";
    let refused = client.post(path, json!({ "email": email(Role::Admin), "password": "wrong wrong wrong" })).await.expect(401);
    assert_eq!(refused.json()["type"], "urn:quarterdeck:error:unauthenticated");
    let answer = client.post(path, json!({ "email": email(Role::Admin), "password": PASSWORD })).await.expect(200);
    assert_eq!(answer.json()["role"], "ADMIN");
    assert_eq!(client.get(path).await.expect(200).json()["role"], "ADMIN");
    client.post("/api/admin/ops/session/end", json!({})).await.expect(204);
    assert_eq!(client.get(path).await.expect(200).json()["role"], serde_json::Value::Null);
}

async fn a_stale_cookie_leads_to_the_sign_in_page_and_back(world: &World) {
    let browser = world.anonymous().with("cookie", "qd_session=invented");
    assert_eq!(browser.get("/settings?x=1").await.expect(303).location(), Some("/login?next=%2Fsettings%3Fx%3D1"));
    browser.get("/login").await.expect(200);
    browser.get("/api/admin/ops/sessions").await.expect(401);
}

async fn a_one_time_link_takes_a_click(world: &World) {
    let user = identity::by_email(&world.app, &email(Role::StaffAdmin)).await.unwrap().unwrap();
    let ticket = identity::make_ticket(&world.app, user.id, 10).await.unwrap();
    let browser = world.anonymous();
    for _ in 0..2 {
        let page = browser.get(&identity::ticket_path(&ticket)).await.expect(200);
        assert!(page.text.contains("This link signs you in once") && page.header("set-cookie").is_none());
    }
    browser.form("/login/ticket", &[("t", ticket.expose())]).await.expect(303);
    browser.get("/settings").await.expect(200);
    let late = world.anonymous();
    let refused = late.form("/login/ticket", &[("t", ticket.expose())]).await.expect(401);
    assert!(refused.text.contains("does not work any more"));
    assert!(late.get(&identity::ticket_path(&ticket)).await.expect(200).text.contains("does not work any more"));
}

async fn a_role_change_and_a_disabled_account_count_at_once(world: &World) {
    let (ruler, staff) = (world.super_admin().await, world.staff().await);
    let user = identity::by_email(&world.app, &email(Role::StaffAdmin)).await.unwrap().unwrap();
    staff.get("/settings/users").await.expect(200);
    let path = |act: &str| format!("/api/admin/ops/users/{}/{act}", user.id);
    let reason = "they moved to another team";
    ruler.post(&path("role"), json!({ "role": "AUDITOR", "reason": reason })).await.expect(200);
    staff.get("/settings/users").await.expect(403);
    ruler.post(&path("disable"), json!({ "reason": reason })).await.expect(200);
    staff.get("/settings").await.expect(303);
    world.anonymous().form("/login", &[("email", &user.email), ("password", PASSWORD)]).await.expect(401);
    ruler.post(&path("disable"), json!({ "reason": reason })).await.expect(409);
}

async fn a_bearer_token_opens_what_its_scope_says(world: &World) {
    world.machine(&["metrics:read"]).await.get("/metrics").await.expect(200);
    world.machine(&["ingest"]).await.get("/metrics").await.expect(403);
    world.machine(&["metrics:read"]).await.get("/api/admin/ops/users").await.expect(403);
    world.anonymous().bearer("qd_invented").get("/metrics").await.expect(401);
}

async fn nothing_secret_is_in_any_answer(world: &World) {
    let ruler = world.super_admin().await;
    let minted = identity::create_token(&world.app, "shop", vec!["ingest".into()], 1).await.unwrap();
    world.anonymous().form("/login", &[("email", "ghost@nowhere.example"), ("password", "a very wrong password")]).await.expect(401);
    let mut all = String::new();
    for path in ["users", "tokens", "sessions", "settings/config"] {
        all += &ruler.get(&format!("/api/admin/ops/{path}")).await.expect(200).text;
    }
    for path in ["/settings", "/settings/users", "/settings/tokens", "/settings/configuration"] {
        all += &ruler.get(path).await.expect(200).text;
    }
    all += &serde_json::to_string(&audit::export_page(&world.app.db, 0, 5_000).await.unwrap()).unwrap();
    for secret in [PASSWORD, minted.expose(), "ghost@nowhere.example", "a very wrong password", "$argon2", "password_hash", "token_hash"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

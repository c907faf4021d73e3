//! Maintenance by hand: by plain forms, with and without script, and as clients know it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PHRASE, REASON, turn_on};
use crate::support::World;

crate::both!(enabled_by_forms_and_ended_with_one_press, scheduled_changed_and_cancelled, clients_find_what_they_know, roles_are_kept);

async fn enabled_by_forms_and_ended_with_one_press(world: &World) {
    let sam = world.super_admin().await;
    assert!(sam.get("/maintenance").await.expect(200).text.contains("No maintenance yet"));
    let blank = sam.get("/maintenance/enable?type=GLOBAL_READONLY").await.expect(200).text;
    assert!(blank.contains("Turn on global read-only") && blank.contains(PHRASE) && blank.contains("answers 503"), "{blank}");
    let fields = [("type", "GLOBAL_READONLY"), ("minutes", "20"), ("message", "Back <soon>"), ("reason", REASON)];
    let mut wrong = fields.to_vec();
    wrong.push(("phrase", "enable maintenance"));
    let refused = sam.form("/maintenance/enable", &wrong).await.expect(422).text;
    assert!(refused.contains("Back &lt;soon&gt;") && refused.contains(REASON) && refused.contains("value=\"20\""), "{refused}");
    assert_eq!(sam.get("/api/admin/ops/maintenance/status").await.json()["globalReadonly"], false);
    let mut right = fields.to_vec();
    right.push(("phrase", PHRASE));
    let place = sam.form("/maintenance/enable", &right).await.expect(303).location().unwrap().to_owned();
    let record = sam.get(&place).await.expect(200).text;
    assert!(record.contains("ACTIVE") && record.contains("Back &lt;soon&gt;") && record.contains(REASON), "{record}");
    let everywhere = sam.get("/incidents").await.expect(200).text;
    assert!(everywhere.contains("Global read-only is on"), "the banner of every page");
    let listed = sam.get("/maintenance").await.expect(200).text;
    assert!(listed.contains("mode-global_readonly") && listed.contains("data-live=\"maintenance\"") && listed.contains("End now"));
    assert!(sam.get("/deploys").await.expect(200).text.contains("Maintenance modes"));
    let short = sam.form(&format!("{place}/extend"), &[("minutes", "30"), ("reason", "no")]).await.expect(422).text;
    assert!(short.contains("value=\"30\""));
    let mara = world.admin().await;
    mara.form(&format!("{place}/extend"), &[("minutes", "30"), ("reason", REASON)]).await.expect(303);
    mara.form(&format!("{place}/text"), &[("message", "Almost there"), ("audience", "all")]).await.expect(303);
    assert!(sam.get(&place).await.text.contains("Almost there"));
    // One press: no reason, no phrase.
    mara.form(&format!("{place}/end"), &[]).await.expect(303);
    mara.form(&format!("{place}/end"), &[]).await.expect(409);
    let over = sam.get("/maintenance").await.expect(200).text;
    assert!(over.contains("COMPLETED") && !over.contains("Global read-only is on") && over.contains("Turn on…"));
    assert!(sam.get("/maintenance?status=CANCELLED").await.text.contains("No window fits the filter"));
}

async fn scheduled_changed_and_cancelled(world: &World) {
    let sam = world.super_admin().await;
    assert!(sam.get("/maintenance/schedule").await.expect(200).text.contains("Again and again"));
    let fields = [
        ("type", "VENDOR_READONLY"),
        ("startsAt", "2027-03-13T23:30"),
        ("minutes", "240"),
        ("zone", "America/New_York"),
        ("concerns", "some"),
        ("reason", REASON),
        ("phrase", PHRASE),
    ];
    let nobody = sam.form("/maintenance/schedule", &fields).await.expect(422).text;
    assert!(nobody.contains("Name at least one vendor") && nobody.contains("2027-03-13T23:30"), "{nobody}");
    let mut whole = fields.to_vec();
    whole.push(("vendors", "v1\r\nv2"));
    let place = sam.form("/maintenance/schedule", &whole).await.expect(303).location().unwrap().to_owned();
    let id = place.rsplit('/').next().unwrap().to_owned();
    let path = format!("/api/admin/ops/maintenance/windows/{id}");
    let window = sam.get(&path).await.expect(200);
    // Over midnight and over the change of the clocks.
    assert_eq!(
        (window.json()["scheduledStart"].as_str(), window.json()["scheduledEnd"].as_str()),
        (Some("2027-03-14T04:30:00Z"), Some("2027-03-14T07:30:00Z"))
    );
    assert_eq!(window.json()["vendors"], json!(["v1", "v2"]));
    let form = sam.get(&format!("{place}/edit")).await.expect(200).text;
    assert!(form.contains("value=\"2027-03-13T23:30\"") && form.contains("v1\nv2") && form.contains("name=\"version\" value=\"1\""), "{form}");
    let changes = json!({ "message": "In the night", "reason": REASON });
    sam.send(sam.request(Method::PATCH, &path).header("if-match", "\"7\"").json(&changes)).await.expect(409);
    let changed =
        sam.send(sam.request(Method::PATCH, &path).header("if-match", window.header("etag").unwrap()).json(&changes)).await.expect(200).json();
    assert_eq!((changed["message"].as_str(), &changed["vendors"]), (Some("In the night"), &json!(["v1", "v2"])), "what is not given stays");
    sam.form(&format!("{place}/cancel"), &[]).await.expect(303);
    assert_eq!(sam.get(&path).await.json()["status"], "CANCELLED");
    let rule =
        [("type", "DEPLOYMENT"), ("cron", "0 2 * * SUN"), ("minutes", "15"), ("zone", "America/New_York"), ("reason", REASON), ("phrase", PHRASE)];
    let place = sam.form("/maintenance/schedule", &rule).await.expect(303).location().unwrap().to_owned();
    assert!(sam.get("/maintenance").await.text.contains("0 2 * * SUN"));
    sam.form(&format!("{place}/cancel"), &[("series", "true")]).await.expect(303);
    assert!(!sam.get("/maintenance").await.text.contains("0 2 * * SUN"), "the rule has ended");
}

async fn clients_find_what_they_know(world: &World) {
    let sam = world.super_admin().await;
    let toggle = "/api/admin/ops/maintenance/toggle";
    let body = |phrase: &str| json!({ "type": "QUEUE_DRAIN", "enabled": true, "reason": REASON, "phrase": phrase });
    let problem = sam.post(toggle, body("yes")).await.expect(422).json();
    assert_eq!(problem["errors"][0]["field"], "phrase");
    sam.post(toggle, json!({ "type": "QUEUE_DRAIN", "enabled": true, "phrase": PHRASE })).await.expect(422);
    sam.post(toggle, json!({ "type": "LUNCH", "enabled": true })).await.expect(422);
    let window = sam.post(toggle, body(PHRASE)).await.expect(200);
    assert!(window.header("quarterdeck-audit-seq").is_some());
    let again = sam.post(toggle, body(PHRASE)).await.expect(200).json();
    assert_eq!(again["id"], window.json()["id"], "one mode is one state");
    let status = sam.get("/api/admin/ops/maintenance/status").await.expect(200).json();
    assert_eq!(
        (status["queueDrain"].as_bool(), status["globalReadonly"].as_bool(), status["vendorReadonly"].as_bool()),
        (Some(true), Some(false), Some(false))
    );
    assert_eq!((status["activeWindows"].as_array().unwrap().len(), status["blocksWrites"].as_str()), (1, Some("none")));
    let off = json!({ "type": "QUEUE_DRAIN", "enabled": false });
    assert_eq!(sam.post(toggle, off.clone()).await.expect(200).json()["status"], "COMPLETED");
    assert_eq!(sam.post(toggle, off).await.expect(200).json(), Value::Null);
    for _ in 0..3 {
        turn_on(&sam, "DEPLOYMENT", json!({})).await;
        super::turn_off(&sam, "DEPLOYMENT").await;
    }
    let first = sam.get("/api/admin/ops/maintenance/windows?limit=2&type=DEPLOYMENT").await.expect(200).json();
    let rest = sam
        .get(&format!("/api/admin/ops/maintenance/windows?limit=2&type=DEPLOYMENT&after={}", first["next"].as_str().unwrap()))
        .await
        .expect(200)
        .json();
    assert_eq!((first["windows"].as_array().unwrap().len(), rest["windows"].as_array().unwrap().len()), (2, 1));
    assert!(rest["next"].is_null() && rest["windows"][0]["id"] != first["windows"][1]["id"]);
    sam.get("/api/admin/ops/maintenance/windows?status=LATE").await.expect(422);
}

async fn roles_are_kept(world: &World) {
    let (sam, mara, stef) = (world.super_admin().await, world.admin().await, world.staff().await);
    let on = json!({ "type": "GLOBAL_READONLY", "enabled": true, "reason": REASON, "phrase": PHRASE });
    for client in [&mara, &stef] {
        client.post("/api/admin/ops/maintenance/toggle", on.clone()).await.expect(403);
        client.post("/api/admin/ops/maintenance/enable", on.clone()).await.expect(403);
    }
    let window = turn_on(&sam, "GLOBAL_READONLY", json!({})).await;
    let page = format!("/maintenance/{}", window["id"].as_str().unwrap());
    assert!(!stef.get(&page).await.expect(200).text.contains("End now"));
    assert!(mara.get(&page).await.expect(200).text.contains("End now"));
    stef.form(&format!("{page}/end"), &[]).await.expect(403);
    mara.post("/api/admin/ops/maintenance/toggle", json!({ "type": "GLOBAL_READONLY", "enabled": false })).await.expect(200);
    // Without a secret there is no bypass, and the page says so.
    sam.post("/api/admin/ops/maintenance/bypass", json!({ "note": "x", "reason": REASON })).await.expect(501);
    assert!(sam.get("/maintenance/bypass").await.expect(200).text.contains("No secret is configured"));
    world.auditor().await.get("/maintenance").await.expect(403);
}

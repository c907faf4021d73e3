//! The marketplace obeys: the real shop and the real control center meet over HTTP only, by the crate `client`.

use std::time::{Duration, Instant};

use engine::args;
use engine::job::{QueueCounts, counts};
use marketplace::{BypassKey, Endpoint, Marketplace, MarketplaceOptions, Scenario};
use qd_core::config::QueueConfig;
use qd_core::secret::Secret;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Client, World, until, until_within};

const SECRET: &str = "a secret that both sides have";
/// What a change may take until it is seen.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A control center, and a shop that obeys it.
struct Street {
    world: World,
    market: Marketplace,
    options: MarketplaceOptions,
    shop: String,
    admin: Client,
    _directory: TempDir,
}

impl Street {
    async fn open() -> Self {
        let directory = TempDir::new().unwrap();
        let database = format!("sqlite:{}", directory.path().join("market.db").display());
        let watched = Secret::new(database.clone());
        let world = World::with(move |config| {
            config.maintenance.bypass_secret = Secret::new(SECRET);
            config.queues = vec![QueueConfig { name: "marketplace".into(), driver: "embedded".into(), url: watched, prefix: String::new() }];
        })
        .await;
        let scopes = ["flags:read", "instances:write", "deploys:write"].map(str::to_owned).to_vec();
        let token = app::features::identity::create_token(&world.app, "shop", scopes, 1).await.unwrap();
        let mut options = MarketplaceOptions::new(database, ([127, 0, 0, 1], 0).into(), directory.path().join("shop"));
        options.traffic = false;
        options.control = Some(Endpoint::new(&world.url).unwrap().bearer(token.expose()).unwrap());
        options.bypass = BypassKey::new(SECRET).unwrap();
        let market = Marketplace::start(options.clone()).await.unwrap();
        let shop = format!("http://{}", market.address);
        let admin = world.admin().await;
        let street = Self { world, market, options, shop, admin, _directory: directory };
        // It listens; what follows is about changes.
        until("the shop is in touch", || async { street.mode().await == "none" && !street.instances().await.is_empty() }).await;
        street
    }

    /// A visitor who keeps cookies.
    fn visitor(&self) -> Client {
        Client::new(&self.shop)
    }

    async fn signed_in(&self, email: &str) -> Client {
        let visitor = self.visitor();
        visitor.form("/sign-in", &[("account", email), ("next", "/cart")]).await.expect(303);
        visitor
    }

    async fn mode(&self) -> String {
        self.visitor().get("/healthz").await.header("x-maintenance-mode").unwrap().to_owned()
    }

    async fn instances(&self) -> Vec<Value> {
        let answer = self.admin.get("/api/admin/ops/instances").await.expect(200).json();
        answer["instances"].as_array().cloned().unwrap_or_default()
    }

    /// A vendor: address, id, and a product with its price and stock.
    async fn vendor(&self) -> (String, String, uuid::Uuid, i64) {
        let sql = "SELECT u.email, v.id, p.id, p.stock FROM users u JOIN vendor_profiles v ON v.user_id = u.id
            JOIN products p ON p.vendor_profile_id = v.id
            WHERE u.password IS NULL AND u.status = 'ACTIVE' AND p.active ORDER BY p.id LIMIT 1";
        let (email, vendor, product, stock): (String, uuid::Uuid, uuid::Uuid, i64) = self.market.db.one(sql, args![]).await.unwrap();
        (email, vendor.to_string(), product, stock)
    }

    async fn customer(&self, skip: i64) -> String {
        let sql = "SELECT u.email FROM users u JOIN user_roles r ON r.user_id = u.id WHERE r.role = 'CUSTOMER'
            AND u.password IS NULL AND u.status = 'ACTIVE' AND u.zip_code NOT LIKE '0%' ORDER BY u.id LIMIT 1 OFFSET $1";
        self.market.db.one::<(String,)>(sql, args![skip]).await.unwrap().0
    }

    /// Buys one piece; where the shop leads afterwards, or its refusal.
    async fn buy(&self, customer: &Client) -> crate::support::client::Answer {
        let sql = "SELECT id FROM products WHERE active AND stock > 5 ORDER BY id LIMIT 1";
        let (product,): (uuid::Uuid,) = self.market.db.one(sql, args![]).await.unwrap();
        let put = customer.form("/cart", &[("product", &product.to_string()), ("quantity", "1")]).await;
        if put.status == 503 {
            return put;
        }
        let form = customer.get("/checkout").await.expect(200).text;
        let field = |name: &str| {
            let (_, rest) = form.split_once(&format!("name=\"{name}\"")).unwrap();
            rest.split_once("value=\"").unwrap().1.split('"').next().unwrap().to_owned()
        };
        customer.form("/checkout", &[("key", &field("key")), ("total", &field("total"))]).await
    }

    /// Turns a type on and waits until the shop obeys.
    async fn maintenance(&self, more: Value, mode: &str) {
        let mut body = json!({ "enabled": true, "reason": "Moving the vendors to another host", "phrase": "ENABLE MAINTENANCE", "minutes": 30 });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.world.super_admin().await.post("/api/admin/ops/maintenance/toggle", body).await.expect(200);
        until_within(AT_ONCE, mode, || async { self.mode().await == mode }).await;
    }

    async fn close(self) {
        self.market.stop().await;
        self.world.finish().await;
    }
}

async fn edit(vendor: &Client, product: uuid::Uuid, stock: i64, accept: &str) -> crate::support::client::Answer {
    let request = vendor.request(reqwest::Method::POST, &format!("/vendor/products/{product}")).header("accept", accept);
    let request = request.header("content-type", "application/x-www-form-urlencoded").header("sec-fetch-site", "same-origin");
    vendor.send(request.body(format!("price=12.50&stock={stock}&active=yes"))).await
}

/// `POST /api/admin/ops/feature-flags/marketplace_v2/{verb}`.
async fn flag(admin: &Client, verb: &str, body: Value) {
    let mut body = body;
    body["reason"] = json!("The new front is ready");
    admin.post(&format!("/api/admin/ops/feature-flags/marketplace_v2/{verb}"), body).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_changes_the_shop_within_a_second() {
    let street = Street::open().await;
    let (admin, visitor) = (&street.admin, street.visitor());
    let renewed = || async { visitor.get("/").await.expect(200).text.contains("What are you looking for?") };
    flag(admin, "rollout", json!({ "rolloutPercentage": 100 })).await;
    assert!(!renewed().await, "a percentage of a flag that is off changes nothing");
    let classic = visitor.get("/").await.text;
    assert!(classic.contains("The market that is open all night"));
    flag(admin, "toggle", json!({ "enabled": true })).await;
    until_within(AT_ONCE, "the new front", renewed).await;
    let new = visitor.get("/").await.text;
    assert!(new.contains("id=\"find-in\"") && new.contains("aria-labelledby=\"shelf-bakery\"") && !new.contains("class=\"hero\""));
    let found = visitor.get("/search?q=&in=pottery").await.expect(200).text;
    assert!(found.contains("found in Pottery"), "the new search looks into a department");
    flag(admin, "kill", json!({})).await;
    until_within(AT_ONCE, "the old front", || async { !renewed().await }).await;
    street.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_only_adds() {
    let street = Street::open().await;
    let admin = &street.admin;
    let visitors: Vec<Client> = (0..120).map(|_| street.visitor()).collect();
    flag(admin, "toggle", json!({ "enabled": true })).await;
    let mut before: Vec<usize> = Vec::new();
    for (percentage, least, most) in [(0, 0, 0), (5, 0, 20), (25, 12, 52), (100, 120, 120)] {
        if percentage > 0 {
            flag(admin, "rollout", json!({ "rolloutPercentage": percentage })).await;
        }
        // The shop says what it has heard of: all pages after that are of the new state.
        let served = json!(street.world.app.published.revision());
        until("the shop has heard of it", || async { street.instances().await[0]["revision"] == served }).await;
        let mut inside = Vec::new();
        for (number, visitor) in visitors.iter().enumerate() {
            if visitor.get("/").await.expect(200).text.contains("What are you looking for?") {
                inside.push(number);
            }
        }
        assert!((least..=most).contains(&inside.len()), "{} of 120 at {percentage} %", inside.len());
        assert!(before.iter().all(|number| inside.contains(number)), "somebody fell out at {percentage} %");
        before = inside;
    }
    street.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vendors_are_held_while_customers_buy() {
    let street = Street::open().await;
    let (email, _, product, stock) = street.vendor().await;
    let (vendor, customer) = (street.signed_in(&email).await, street.signed_in(&street.customer(3).await).await);
    edit(&vendor, product, stock + 1, "text/html").await.expect(303);
    street.maintenance(json!({ "type": "VENDOR_READONLY", "message": "We move your shelves" }), "vendor_readonly").await;

    let refused = edit(&vendor, product, stock + 2, "application/json").await.expect(503);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1_700..=1_800).contains(&wait), "{wait}");
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert_eq!((refused.json()["status"].as_i64(), refused.json()["mode"].as_str()), (Some(503), Some("vendor_readonly")));
    let page = edit(&vendor, product, stock + 2, "text/html,*/*").await.expect(503);
    assert!(page.text.contains("We move your shelves") && page.text.contains("shop.css"), "a page of the shop's own: {}", page.text);
    let (kept,): (i64,) = street.market.db.one("SELECT stock FROM products WHERE id = $1", args![product]).await.unwrap();
    assert_eq!(kept, stock + 1, "nothing was changed");

    let seen = vendor.get("/vendor").await.expect(200);
    assert!(seen.text.contains("We move your shelves"), "the banner: {}", seen.text);
    let bought = street.buy(&customer).await.expect(303);
    assert!(bought.location().unwrap().starts_with("/orders/FM-"), "a customer's checkout works");
    vendor.form("/sign-out", &[]).await.expect(303);
    let vendor = street.signed_in(&email).await;

    let body = json!({ "hours": 1, "note": "Check the portal after the move", "reason": "Check the portal after the move" });
    let bypass = street.world.super_admin().await.post("/api/admin/ops/maintenance/bypass", body).await.expect(201).json();
    let passes = vendor.with(bypass["header"].as_str().unwrap(), bypass["token"].as_str().unwrap());
    edit(&passes, product, stock + 3, "text/html").await.expect(303);

    let audit = street.world.auditor().await.get("/api/admin/ops/audit?event=CONFIG_MAINTENANCE_MODE_TOGGLED").await.expect(200).json();
    let seq = audit["events"][0]["seq"].as_i64().unwrap();
    let row = street.world.auditor().await.get(&format!("/api/admin/ops/audit/{seq}")).await.expect(200).text;
    assert!(row.contains("Moving the vendors to another host") && row.contains("\"before\"") && row.contains("VENDOR_READONLY"), "{row}");
    let held = street.instances().await;
    assert_eq!(held[0]["revision"], json!(street.world.app.published.revision()), "the shop says what it obeys: {held:?}");

    let off = json!({ "type": "VENDOR_READONLY", "enabled": false, "reason": "The move is done" });
    street.admin.post("/api/admin/ops/maintenance/toggle", off).await.expect(200);
    let vendor = street.signed_in(&email).await;
    let begun = Instant::now();
    while edit(&vendor, product, stock + 4, "text/html").await.status == 503 {
        assert!(begun.elapsed() < AT_ONCE, "still refused");
    }
    street.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_vendor_can_be_held_alone() {
    let street = Street::open().await;
    let (email, id, product, stock) = street.vendor().await;
    street.maintenance(json!({ "type": "VENDOR_READONLY", "vendors": [id] }), "vendor_readonly").await;
    edit(&street.signed_in(&email).await, product, stock, "*/*").await.expect(503);
    let sql = "SELECT u.email, p.id FROM users u JOIN vendor_profiles v ON v.user_id = u.id JOIN products p ON p.vendor_profile_id = v.id
        WHERE u.password IS NULL AND u.status = 'ACTIVE' AND p.active AND u.email <> $1 ORDER BY p.id LIMIT 1";
    let (other, product): (String, uuid::Uuid) = street.market.db.one(sql, args![email]).await.unwrap();
    edit(&street.signed_in(&other).await, product, 50, "*/*").await.expect(303);
    street.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_known_state_outlives_the_control_center_and_the_shop() {
    let street = Street::open().await;
    let admin = &street.admin;
    flag(admin, "rollout", json!({ "rolloutPercentage": 100 })).await;
    flag(admin, "toggle", json!({ "enabled": true })).await;
    let email = street.customer(5).await;
    let customer = street.signed_in(&email).await;
    let renewed = |page: String| page.contains("What are you looking for?");
    until_within(AT_ONCE, "the new front", || async { renewed(customer.get("/").await.text) }).await;
    street.maintenance(json!({ "type": "GLOBAL_READONLY" }), "global_readonly").await;
    assert!(renewed(customer.get("/").await.text), "asked once since the last change");
    let Street { world, market, options, _directory, .. } = street;
    world.finish().await;

    let add = [("product", "00000000-0000-7000-8000-000000000000"), ("quantity", "1")];
    let held = customer.form("/cart", &add).await.expect(503);
    assert_eq!(held.header("x-maintenance-mode"), Some("global_readonly"));
    assert!(renewed(customer.get("/").await.expect(200).text));
    market.stop().await;

    let market = Marketplace::start(options).await.unwrap();
    let again = Client::new(&format!("http://{}", market.address));
    assert_eq!(again.form("/cart", &add).await.expect(503).header("x-maintenance-mode"), Some("global_readonly"), "from the first request on");
    again.form("/sign-in", &[("account", &email), ("next", "/cart")]).await.expect(303);
    assert!(renewed(again.get("/").await.expect(200).text), "the customer sees the shop that they knew");
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_holds_the_work_and_gives_it_back() {
    let street = Street::open().await;
    street.maintenance(json!({ "type": "QUEUE_DRAIN" }), "queue_drain").await;
    let state = || async { counts(&street.market.db).await.unwrap() };
    until("all queues of the shop are paused", || async {
        let queues = state().await;
        queues.len() >= 4 && queues.iter().all(|queue| queue.paused && queue.active == 0)
    })
    .await;
    let customer = street.signed_in(&street.customer(7).await).await;
    street.buy(&customer).await.expect(303);
    let waiting = |queues: &[QueueCounts]| queues.iter().find(|queue| queue.queue == "email").map_or(0, |queue| queue.waiting);
    assert_eq!(waiting(&state().await), 1, "the letter waits");
    let off = json!({ "type": "QUEUE_DRAIN", "enabled": false, "reason": "The host is back" });
    street.admin.post("/api/admin/ops/maintenance/toggle", off).await.expect(200);
    until("the letter is sent", || async {
        let queues = state().await;
        waiting(&queues) == 0 && queues.iter().all(|queue| !queue.paused)
    })
    .await;
    until("it is in the outbox", || async {
        std::fs::read_dir(street.options.data_dir.join("outbox")).is_ok_and(|mut letters| letters.next().is_some())
    })
    .await;
    street.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_recorded_as_a_deploy_and_runs() {
    let street = Street::open().await;
    let history = || async { street.admin.get("/api/admin/ops/deployment/history").await.expect(200).text };
    until("the release of the start is recorded", || async { history().await.contains("2.4.3") }).await;
    assert!(!history().await.contains("2.5.0"));
    street.market.switch.set(Scenario::DeployRegression);
    until("the bad release is recorded", || async { history().await.contains("2.5.0") }).await;
    until("and runs", || async { street.instances().await.iter().any(|one| one["sha"] == "2.5.0") }).await;
    let config = street.admin.get("/api/admin/ops/config/env").await.expect(200).text;
    assert!(config.contains("DATABASE_URL") && config.contains("America/New_York"), "{config}");
    assert!(!config.contains("market.db"), "a database's address is told by its fingerprint only: {config}");
    street.close().await;
}

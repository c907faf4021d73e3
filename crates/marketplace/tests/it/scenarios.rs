//! Each scenario really causes what it says, and calm really ends it.

use engine::args;
use engine::job::{State, counts, list};
use marketplace::Scenario;
use reqwest::StatusCode;

use crate::support::{Browser, Place, customer, eventually, product};

crate::both!(
    a_regression_fails_and_asks_a_thousand_times,
    a_backlog_grows_and_drains,
    an_outage_refuses_and_heals,
    a_slow_query_is_slow_in_the_database,
    the_switch_needs_its_token,
);

async fn a_regression_fails_and_asks_a_thousand_times(t: &Place) {
    let market = t.market().await;
    let mut browser = Browser::new(&market);
    let (_, slug, ..) = product(&market.db, 3).await;
    let (bare,): (String,) = market.db.one("SELECT slug FROM products WHERE active AND tags IS NULL ORDER BY id LIMIT 1", args![]).await.unwrap();
    for calm in [&slug, &bare] {
        assert_eq!(browser.get(&format!("/product/{calm}")).await.status, StatusCode::OK);
    }
    assert_eq!(market.recommender_queries(), 0);
    market.switch.set(Scenario::DeployRegression);
    let page = browser.get(&format!("/product/{slug}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("Others also bought"));
    assert!(market.recommender_queries() > 5_000, "{}", market.recommender_queries());
    assert_eq!(browser.get(&format!("/product/{bare}")).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    // At least one product in eight fails: far more than one request in a hundred.
    let (all, failing): (i64, i64) =
        market.db.one("SELECT count(*), count(CASE WHEN tags IS NULL THEN 1 END) FROM products WHERE active", args![]).await.unwrap();
    assert!(failing * 8 > all, "{failing} of {all}");
    market.stop().await;
}

async fn a_backlog_grows_and_drains(t: &Place) {
    let market = t.market().await;
    let waiting = |queue: &'static str| {
        let db = market.db.clone();
        async move { counts(&db).await.unwrap().into_iter().find(|row| row.queue == queue).map_or(0, |row| row.waiting) }
    };
    assert_eq!(waiting("notifications").await, 0);
    market.switch.set(Scenario::QueueBacklog);
    // Past the threshold of CRIT.
    eventually("a backlog", || async { (waiting("notifications").await > 100 && waiting("labels").await > 50).then_some(()) }).await;
    market.switch.set(Scenario::Calm);
    eventually("an empty queue", || async { (waiting("notifications").await + waiting("labels").await == 0).then_some(()) }).await;
    market.stop().await;
}

async fn an_outage_refuses_and_heals(t: &Place) {
    let market = t.market().await;
    market.switch.set(Scenario::EmailOutage);
    let mut browser = Browser::new(&market);
    browser.sign_in(&customer(&market.db, 0).await).await;
    browser.add(product(&market.db, 3).await.0, 1).await;
    let (key, total) = browser.checkout().await;
    assert_eq!(browser.post("/checkout", &[("key", &key), ("total", &total)]).await.location(), "/orders/FM-1005001");
    let error = eventually("a failed attempt", || async {
        let delayed = list(&market.db, "email", State::Delayed, None, 10).await.unwrap();
        delayed.into_iter().find_map(|job| job.error)
    })
    .await;
    assert!(error.contains("Connection refused"), "{error}");
    let letter = t.dir.path().join("outbox/FM-1005001.eml");
    assert!(!letter.exists());
    market.switch.set(Scenario::Calm);
    eventually("the letter", || async { letter.exists().then_some(()) }).await;
    market.stop().await;
}

async fn a_slow_query_is_slow_in_the_database(t: &Place) {
    let market = t.market().await;
    let mut browser = Browser::new(&market);
    assert!(!browser.get("/category/bakery").await.text.contains("evening minutes"));
    market.switch.set(Scenario::DbSlow);
    let text = browser.get("/category/bakery").await.text;
    // Four hours of each day of at least five years: the database really walked millions of minutes.
    let (before, _) = text.split_once(" evening minutes").expect("the busiest minutes");
    let minutes: i64 = before.rsplit(' ').next().unwrap().replace(',', "").parse().unwrap();
    assert!(minutes >= 437_000, "{minutes}");
    market.stop().await;
}

async fn the_switch_needs_its_token(t: &Place) {
    let mut options = t.options();
    options.demo_token = Some("correct horse".to_owned());
    let market = marketplace::Marketplace::start(options).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = |token: &'static str, scenario: &'static str| {
        let request = client.post(format!("http://{}/_demo/scenario", market.address)).bearer_auth(token);
        request.header("content-type", "application/x-www-form-urlencoded").body(format!("scenario={scenario}")).send()
    };
    assert_eq!(ask("wrong", "db-slow").await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(ask("", "db-slow").await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(ask("correct horse", "nonsense").await.unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(market.switch.now(), Scenario::Calm);
    assert_eq!(ask("correct horse", "db-slow").await.unwrap().status(), StatusCode::OK);
    assert_eq!(market.switch.now(), Scenario::DbSlow);
    market.stop().await;
}

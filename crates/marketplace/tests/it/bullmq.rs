//! The shop's queues on BullMQ: written with the order, worked off by Node, done in the shop.

use std::path::Path;

use marketplace::{Bull, Marketplace, Scenario};
use uuid::Uuid;

use crate::support::{Browser, Place, customer, eventually, number};

/// A shop whose queues have a prefix of their own, so that tests don't meet on one Redis.
async fn market(place: &Place) -> (Marketplace, Bull) {
    let url = std::env::var("QD_TEST_REDIS").expect("QD_TEST_REDIS names a Redis server");
    let bull = Bull { url, prefix: format!("fernmarket-{}", Uuid::now_v7().simple()) };
    let mut options = place.options();
    options.bull = Some(bull.clone());
    (Marketplace::start(options).await.unwrap(), bull)
}

async fn buy(market: &Marketplace) {
    let mut browser = Browser::new(market);
    browser.sign_in(&customer(&market.db, 0).await).await;
    let (product,): (Uuid,) = market.db.one("SELECT id FROM products WHERE active AND stock > 5 ORDER BY id LIMIT 1", engine::args![]).await.unwrap();
    browser.add(product, 1).await;
    let (key, total) = browser.checkout().await;
    assert!(browser.post("/checkout", &[("key", &key), ("total", &total)]).await.location().starts_with("/orders/"));
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs QD_TEST_REDIS and Node.js; run by cargo xtask test"]
async fn an_order_is_worked_off_by_node() {
    let place = Place::sqlite().await;
    let (market, bull) = market(&place).await;
    let told = number(&market.db, "SELECT count(*) FROM notifications").await;
    buy(&market).await;
    let (letters, labels) = (place.dir.path().join("outbox"), place.dir.path().join("labels"));
    eventually("the letter is sent and the label printed", || async { (files(&letters) == 1 && files(&labels) == 1).then_some(()) }).await;
    eventually("the vendor is told", || async { (number(&market.db, "SELECT count(*) FROM notifications").await > told).then_some(()) }).await;
    market.stop().await;
    bull.forget().await.unwrap();
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs QD_TEST_REDIS and Node.js; run by cargo xtask test"]
async fn a_letter_waits_for_the_end_of_an_outage() {
    let place = Place::sqlite().await;
    let (market, bull) = market(&place).await;
    market.switch.set(Scenario::EmailOutage);
    buy(&market).await;
    let labels = place.dir.path().join("labels");
    eventually("the label is printed in spite of it", || async { (files(&labels) == 1).then_some(()) }).await;
    assert_eq!(files(&place.dir.path().join("outbox")), 0, "no letter goes out");
    market.switch.set(Scenario::Calm);
    let letters = place.dir.path().join("outbox");
    eventually("the letter is sent at a later attempt", || async { (files(&letters) >= 1).then_some(()) }).await;
    market.stop().await;
    bull.forget().await.unwrap();
    place.remove().await;
}

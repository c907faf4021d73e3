//! Vendors: their own products and orders, and nobody else's.

use engine::args;
use reqwest::StatusCode;
use uuid::Uuid;

use crate::support::{Browser, Place, customer, number_of};

crate::both!(a_vendor_edits_only_their_own, a_vendor_makes_an_order);

/// A vendor's address and id.
async fn vendor(db: &engine::Db, skip: i64) -> (String, Uuid) {
    let sql = "SELECT u.email, v.id FROM vendor_profiles v JOIN users u ON u.id = v.user_id ORDER BY v.id LIMIT 1 OFFSET $1";
    db.one(sql, args![skip]).await.unwrap()
}

async fn product_of(db: &engine::Db, vendor: Uuid) -> Uuid {
    db.one::<(Uuid,)>("SELECT id FROM products WHERE vendor_profile_id = $1 ORDER BY id LIMIT 1", args![vendor]).await.unwrap().0
}

async fn a_vendor_edits_only_their_own(t: &Place) {
    let market = t.market().await;
    let (email, own) = vendor(&market.db, 0).await;
    let (_, other) = vendor(&market.db, 1).await;
    let (mine, theirs) = (product_of(&market.db, own).await, product_of(&market.db, other).await);
    let mut browser = Browser::new(&market);
    browser.sign_in(&email).await;
    let price = "SELECT price_cents FROM products WHERE id = $1";
    let form = [("price", "12.34"), ("stock", "56"), ("active", "yes")];
    let saved = browser.post(&format!("/vendor/products/{mine}"), &form).await;
    assert_eq!(saved.location(), "/vendor?saved=1");
    assert!(browser.get(saved.location()).await.text.contains("value=\"12.34\""));
    assert_eq!(number_of(&market.db, price, args![mine]).await, 1_234);
    assert_eq!(number_of(&market.db, "SELECT stock FROM products WHERE id = $1", args![mine]).await, 56);

    let before = number_of(&market.db, price, args![theirs]).await;
    assert_eq!(browser.post(&format!("/vendor/products/{theirs}"), &form).await.status, StatusCode::NOT_FOUND);
    assert_eq!(number_of(&market.db, price, args![theirs]).await, before);
    for (wrong, stock) in [("0", "1"), ("-3", "1"), ("1e9", "1"), ("free", "1"), ("5", "-1"), ("5", "100001")] {
        let view = browser.post(&format!("/vendor/products/{mine}"), &[("price", wrong), ("stock", stock)]).await;
        assert_eq!(view.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong} {stock}");
    }
    // Taken off the shelf: nobody buys it any more.
    browser.post(&format!("/vendor/products/{mine}"), &[("price", "12.34"), ("stock", "56")]).await;
    browser.sign_in(&customer(&market.db, 0).await).await;
    browser.add(mine, 1).await;
    assert!(browser.get("/cart").await.text.contains("Not for sale any more"));
    let view = browser.post("/checkout", &[("key", &Uuid::now_v7().to_string()), ("total", "1234")]).await;
    assert_eq!(view.status, StatusCode::CONFLICT);
    assert_eq!(browser.post(&format!("/vendor/products/{mine}"), &form).await.status, StatusCode::FORBIDDEN);
    market.stop().await;
}

async fn a_vendor_makes_an_order(t: &Place) {
    let market = t.market().await;
    let (email, own) = vendor(&market.db, 0).await;
    let mut browser = Browser::new(&market);
    browser.sign_in(&customer(&market.db, 0).await).await;
    browser.add(product_of(&market.db, own).await, 1).await;
    let (key, total) = browser.checkout().await;
    assert_eq!(browser.post("/checkout", &[("key", &key), ("total", &total)]).await.location(), "/orders/FM-1005001");
    let (item,): (Uuid,) = market
        .db
        .one("SELECT i.id FROM order_items i JOIN orders o ON o.id = i.order_id WHERE o.order_number = 'FM-1005001'", args![])
        .await
        .unwrap();
    let (stranger, _) = vendor(&market.db, 1).await;
    browser.sign_in(&stranger).await;
    assert_eq!(browser.post(&format!("/vendor/items/{item}/done"), &[]).await.status, StatusCode::NOT_FOUND);
    browser.sign_in(&email).await;
    assert!(browser.get("/vendor/orders").await.text.contains("FM-1005001"));
    assert_eq!(browser.post(&format!("/vendor/items/{item}/done"), &[]).await.location(), "/vendor/orders");
    let (status,): (String,) = market.db.one("SELECT status FROM orders WHERE order_number = 'FM-1005001'", args![]).await.unwrap();
    assert_eq!(status, "COMPLETED");
    assert_eq!(browser.post(&format!("/vendor/items/{item}/done"), &[]).await.status, StatusCode::NOT_FOUND);
    market.stop().await;
}

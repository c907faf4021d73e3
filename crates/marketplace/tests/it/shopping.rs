//! Customers: from the front window to the confirmation.

use engine::args;
use engine::job::State;
use reqwest::StatusCode;

use crate::support::{Browser, Place, customer, eventually, number, number_of, product};

crate::both!(
    a_person_buys,
    a_second_click_makes_no_second_order,
    the_last_piece_is_sold_once,
    a_changed_price_is_asked_about,
    search_and_lists,
    strangers_see_nothing,
);

async fn a_person_buys(t: &Place) {
    let market = t.market().await;
    let (mut browser, db) = (Browser::new(&market), market.db.clone());
    let (one, slug, price, stock) = product(&db, 3).await;
    let (two, _, other_price, _) = product(&db, 60).await;
    let page = browser.get(&format!("/product/{slug}")).await;
    assert_eq!(page.field("product"), one.to_string());
    browser.add(one, 2).await;
    browser.add(two, 1).await;
    assert!(browser.get("/cart").await.text.contains("aria-label=\"Cart, 3 pieces\""));
    assert_eq!(browser.get("/checkout").await.location(), "/sign-in?next=/checkout");

    let email = customer(&db, 0).await;
    browser.sign_in(&email).await;
    let (key, total) = browser.checkout().await;
    let placed = browser.post("/checkout", &[("key", &key), ("total", &total)]).await;
    assert_eq!((placed.status, placed.location()), (StatusCode::SEE_OTHER, "/orders/FM-1005001"));
    let order = browser.get(placed.location()).await;
    assert!(order.text.contains("Order FM-1005001") && order.text.contains(&email));
    assert!(browser.get("/cart").await.text.contains("Nothing in it yet."));

    let left = number_of(&db, "SELECT stock FROM products WHERE id = $1", args![one]).await;
    assert_eq!(left, stock - 2);
    let sum = number(&db, "SELECT total_cents FROM orders WHERE order_number = 'FM-1005001'").await;
    assert_eq!(sum.to_string(), total);
    let of = "SELECT CAST(sum(amount_cents) AS BIGINT) FROM ledger_entries l JOIN orders o ON o.id = l.order_id
        WHERE o.order_number = 'FM-1005001' AND l.type = $1";
    let fee = (2 * price * 1_000 + 5_000) / 10_000 + (other_price * 1_000 + 5_000) / 10_000;
    assert_eq!(number_of(&db, of, args!["ORDER_FEE"]).await, fee);
    assert_eq!(number_of(&db, of, args!["PROCESSING_FEE"]).await, -((sum * 290 + 5_000) / 10_000 + 30));
    let tax = number(&db, "SELECT tax_cents FROM orders WHERE order_number = 'FM-1005001'").await;
    assert_eq!(number_of(&db, of, args!["TAX_COLLECTED"]).await, tax);
    follow_up(t, &db, &email).await;
    market.stop().await;
}

/// The letter, two labels, two notices and the clicks.
async fn follow_up(t: &Place, db: &engine::Db, email: &str) {
    let letter = t.dir.path().join("outbox/FM-1005001.eml");
    let text = eventually("the letter", || async {
        std::fs::read_to_string(&letter).ok().filter(|text| text.ends_with("Fernmarket\r\n") || text.ends_with("Fernmarket\n"))
    })
    .await;
    assert!(text.contains(&format!("To: {email}")) && text.contains("FM-1005001"));
    let labels = t.dir.path().join("labels");
    eventually("the labels", || async { (std::fs::read_dir(&labels).unwrap().count() == 2).then_some(()) }).await;
    let notices = "SELECT count(*) FROM notifications WHERE title LIKE 'New order FM-1005001%'";
    eventually("the notices", || async { (number(db, notices).await == 2).then_some(()) }).await;
    let clicks = "SELECT count(*) FROM analytics_events e JOIN orders o ON o.id = e.order_id
        WHERE e.event_type = 'purchase' AND o.order_number = 'FM-1005001'";
    eventually("the purchases", || async { (number(db, clicks).await == 2).then_some(()) }).await;
    for queue in ["email", "labels", "notifications"] {
        let failed = engine::job::list(db, queue, State::Failed, None, 10).await.unwrap();
        assert!(failed.is_empty(), "{queue}: {failed:?}");
    }
}

async fn a_second_click_makes_no_second_order(t: &Place) {
    let market = t.market().await;
    let mut browser = Browser::new(&market);
    browser.sign_in(&customer(&market.db, 1).await).await;
    let (id, _, _, stock) = product(&market.db, 8).await;
    browser.add(id, 1).await;
    let (key, total) = browser.checkout().await;
    let form = [("key", key.as_str()), ("total", total.as_str())];
    let (mut left, mut right) = (browser.clone(), browser.clone());
    let (a, b) = tokio::join!(left.post("/checkout", &form), right.post("/checkout", &form));
    let again = left.post("/checkout", &form).await;
    assert!(a.location().starts_with("/orders/FM-"), "{}", a.text);
    assert_eq!([b.location(), again.location()], [a.location(); 2]);
    assert_eq!(number(&market.db, "SELECT count(*) FROM orders").await, 5_001);
    assert_eq!(number_of(&market.db, "SELECT stock FROM products WHERE id = $1", args![id]).await, stock - 1);
    // Another customer cannot learn of the order by its key.
    let mut other = Browser::new(&market);
    other.sign_in(&customer(&market.db, 2).await).await;
    assert_eq!(other.post("/checkout", &form).await.location(), "/cart");
    market.stop().await;
}

async fn the_last_piece_is_sold_once(t: &Place) {
    let market = t.market().await;
    let (id, ..) = product(&market.db, 5).await;
    let one_left = "UPDATE products SET stock = 1 WHERE id = $1";
    market.db.write(move |tx| Box::pin(async move { tx.exec(one_left, args![id]).await })).await.unwrap();
    let mut buyers = Vec::new();
    for skip in 0..6 {
        let mut browser = Browser::new(&market);
        browser.sign_in(&customer(&market.db, skip).await).await;
        browser.add(id, 1).await;
        let (key, total) = browser.checkout().await;
        buyers.push((browser, key, total));
    }
    let clicks = buyers.iter_mut().map(|(browser, key, total)| browser.post_pair(key, total));
    let views = futures::future::join_all(clicks).await;
    let sold = views.iter().filter(|view| view.status == StatusCode::SEE_OTHER).count();
    let refused: Vec<_> = views.iter().filter(|view| view.status == StatusCode::CONFLICT).collect();
    assert_eq!((sold, refused.len()), (1, 5), "{:?}", views.iter().map(|view| view.status).collect::<Vec<_>>());
    assert!(refused[0].text.contains("Somebody was faster"));
    assert_eq!(number_of(&market.db, "SELECT stock FROM products WHERE id = $1", args![id]).await, 0);
    assert_eq!(number(&market.db, "SELECT count(*) FROM orders").await, 5_001);
    market.stop().await;
}

impl Browser {
    async fn post_pair(&mut self, key: &str, total: &str) -> crate::support::View {
        self.post("/checkout", &[("key", key), ("total", total)]).await
    }
}

async fn a_changed_price_is_asked_about(t: &Place) {
    let market = t.market().await;
    let mut browser = Browser::new(&market);
    browser.sign_in(&customer(&market.db, 1).await).await;
    let (id, ..) = product(&market.db, 8).await;
    browser.add(id, 1).await;
    let (key, total) = browser.checkout().await;
    let dearer = "UPDATE products SET price_cents = price_cents + 500 WHERE id = $1";
    market.db.write(move |tx| Box::pin(async move { tx.exec(dearer, args![id]).await })).await.unwrap();
    let asked = browser.post("/checkout", &[("key", &key), ("total", &total)]).await;
    assert_eq!(asked.status, StatusCode::CONFLICT);
    assert!(asked.text.contains("A price changed meanwhile"));
    let placed = browser.post("/checkout", &[("key", &asked.field("key")), ("total", &asked.field("total"))]).await;
    assert_eq!(placed.status, StatusCode::SEE_OTHER);
    assert_eq!(number(&market.db, "SELECT count(*) FROM orders").await, 5_001);
    market.stop().await;
}

async fn search_and_lists(t: &Place) {
    let market = t.market().await;
    let mut browser = Browser::new(&market);
    let honey = browser.get("/search?q=Honey%20wildflower&sort=price-up").await.text;
    assert!(honey.contains("Wildflower Honey") && !honey.contains("Mug"), "{honey}");
    let prices: Vec<f64> = honey.split("class=\"price\">$").skip(1).map(|rest| rest.split('<').next().unwrap().parse().unwrap()).collect();
    assert!(prices.is_sorted() && !prices.is_empty());
    let nasty = browser.get("/search?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E%22").await;
    assert_eq!(nasty.status, StatusCode::OK);
    assert!(!nasty.text.contains("<script") && nasty.text.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;"));
    assert!(browser.get("/search?q=%25").await.text.contains("0 found"));
    let bakery = browser.get("/category/bakery").await.text;
    assert!(bakery.contains("Page 1 of"));
    assert_ne!(browser.get("/category/bakery?page=1").await.text, bakery);
    assert!(browser.get("/store/juniper-daughters").await.text.contains("Juniper &amp; Daughters"));
    for missing in ["/category/none", "/product/none", "/store/none", "/orders/FM-1", "/none", "/art/mug/99.svg", "/art/none/1.svg"] {
        let view = browser.get(missing).await;
        let expected = if missing.starts_with("/orders") { StatusCode::SEE_OTHER } else { StatusCode::NOT_FOUND };
        assert_eq!(view.status, expected, "{missing}");
    }
    for fine in ["/healthz", "/readyz", "/assets/shop.css", "/art/mug/3.svg"] {
        assert_eq!(browser.get(fine).await.status, StatusCode::OK, "{fine}");
    }
    market.stop().await;
}

async fn strangers_see_nothing(t: &Place) {
    let market = t.market().await;
    let mut browser = Browser::new(&market);
    let view = browser.get("/").await;
    let policy = view.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let email = customer(&market.db, 0).await;
    let evil = browser.post_from("/sign-in", &[("account", &email)], "cross-site").await;
    assert_eq!(evil.status, StatusCode::FORBIDDEN);
    // A redirect leads to known places only.
    let view = browser.post("/sign-in", &[("account", &email), ("next", "//evil.example")]).await;
    assert_eq!(view.location(), "/");
    let sql = "SELECT o.order_number FROM orders o JOIN users u ON u.id = o.user_id WHERE u.email <> $1 ORDER BY o.id LIMIT 1";
    let (number,): (String,) = market.db.one(sql, args![&email]).await.unwrap();
    assert_eq!(browser.get(&format!("/orders/{number}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get("/vendor").await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.post("/sign-in", &[("account", "nobody@example.com")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let huge = "x".repeat(20_000);
    assert_eq!(browser.post("/sign-in", &[("account", &huge)]).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(browser.post("/sign-out", &[]).await.location(), "/");
    assert_eq!(browser.get("/orders").await.location(), "/sign-in?next=/orders");
    assert_eq!(browser.post("/_demo/scenario", &[("scenario", "calm")]).await.status, StatusCode::NOT_FOUND);
    market.stop().await;
}

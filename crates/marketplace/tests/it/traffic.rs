//! Simulated visitors look around and buy.

use crate::support::{Place, eventually, number};

crate::both!(visitors_come_and_buy);

async fn visitors_come_and_buy(t: &Place) {
    let mut options = t.options();
    options.traffic = true;
    options.traffic_rate = 400.0;
    let market = marketplace::Marketplace::start(options).await.unwrap();
    eventually("an order", || async { (number(&market.db, "SELECT count(*) FROM orders").await > 5_001).then_some(()) }).await;
    let clicks = "SELECT count(*) FROM analytics_events WHERE session_id IS NULL AND event_type = 'add_to_cart'";
    eventually("clicks", || async { (number(&market.db, clicks).await > 0).then_some(()) }).await;
    market.stop().await;
}

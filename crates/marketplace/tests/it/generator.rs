//! The generator: the same seed, the same data; and money that adds up.

use engine::job::{Enqueue, Job, JobError, RunInfo, enqueue};
use engine::{Db, args};
use jiff::tz::TimeZone;
use marketplace::{Error, GenerateOptions, Size, generate};
use sha2::{Digest, Sha256};

use crate::support::{Place, eventually, number, number_of};

crate::both!(a_seed_is_one_market, money_adds_up, the_running_shop_counts_alike, a_full_market_is_left_alone);

/// The digest of [`market`] with seed 7: SQLite and Postgres, here and elsewhere.
const DIGEST: &str = "3f20257319e521dfc0cb2d30ebb797ff217117e34cbd51c81cc934e734ff949a";

fn options(seed: u64) -> GenerateOptions {
    GenerateOptions { seed, size: Size::Small, until: 1_795_000_000_000_000, time_zone: TimeZone::get("America/New_York").unwrap() }
}

async fn market(t: &Place, seed: u64) -> Db {
    generate(&t.url, options(seed), Box::new(|_| {})).await.unwrap();
    t.db().await
}

async fn digest(db: &Db) -> String {
    let mut hash = Sha256::new();
    let texts = [
        "SELECT email || name || zip_code || status FROM users ORDER BY id",
        "SELECT store_name || slug || city FROM vendor_profiles ORDER BY id",
        "SELECT name || slug || image_url || sku FROM products ORDER BY id",
        "SELECT order_number || status || customer_email FROM orders ORDER BY id",
        "SELECT type FROM ledger_entries ORDER BY id",
        "SELECT status FROM payouts ORDER BY id",
        "SELECT date FROM revenue_snapshots ORDER BY date",
    ];
    for sql in texts {
        let rows: Vec<(String,)> = db.all(sql, args![]).await.unwrap();
        rows.iter().for_each(|(text,)| hash.update(text.as_bytes()));
    }
    let numbers = [
        "SELECT id, price_cents, stock FROM products ORDER BY id",
        "SELECT id, total_cents, created_at FROM orders ORDER BY id",
        "SELECT order_id, quantity, total_cents FROM order_items ORDER BY id",
        "SELECT id, amount_cents, occurred_at FROM ledger_entries ORDER BY id",
        "SELECT id, net_cents, period_end FROM payouts ORDER BY id",
        "SELECT id, gmv_cents, net_revenue_cents FROM revenue_snapshots ORDER BY id",
        "SELECT id, created_at, created_at FROM analytics_events ORDER BY id",
    ];
    for sql in numbers {
        let rows: Vec<(uuid::Uuid, i64, i64)> = db.all(sql, args![]).await.unwrap();
        assert!(!rows.is_empty(), "{sql}");
        for (id, a, b) in rows {
            hash.update(id.as_bytes());
            hash.update(a.to_be_bytes());
            hash.update(b.to_be_bytes());
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn a_seed_is_one_market(t: &Place) {
    let db = market(t, 7).await;
    assert_eq!(digest(&db).await, DIGEST);
    db.close().await;
    let other = Place::sqlite().await;
    let db = market(&other, 8).await;
    assert_ne!(digest(&db).await, DIGEST);
    db.close().await;
}

/// SQL that must find nothing.
const NEVER: &[(&str, &str)] = &[
    (
        "an order is the sum of its items",
        "SELECT count(*) FROM orders o WHERE o.subtotal_cents <> (SELECT sum(i.total_cents) FROM order_items i WHERE i.order_id = o.id)",
    ),
    (
        "a paid order's fee is that of its items",
        "SELECT count(*) FROM orders o JOIN ledger_entries l ON l.order_id = o.id AND l.type = 'ORDER_FEE'
         WHERE l.amount_cents <> (SELECT sum((i.total_cents * 1000 + 5000) / 10000) FROM order_items i WHERE i.order_id = o.id)",
    ),
    (
        "tax is booked as it was paid",
        "SELECT count(*) FROM orders o JOIN ledger_entries l ON l.order_id = o.id AND l.type = 'TAX_COLLECTED' WHERE l.amount_cents <> o.tax_cents",
    ),
    (
        "paid orders are booked once, others never",
        "SELECT count(*) FROM orders o WHERE (o.status NOT IN ('PENDING', 'CANCELLED', 'FAILED'))
         <> ((SELECT count(*) FROM ledger_entries l WHERE l.order_id = o.id AND l.type = 'ORDER_FEE') = 1)",
    ),
    (
        "refunds give back everything",
        "SELECT count(*) FROM orders o WHERE (o.status = 'REFUNDED')
         <> (COALESCE((SELECT sum(-l.amount_cents) FROM ledger_entries l WHERE l.order_id = o.id AND l.type = 'REFUND'), 0) = o.total_cents)",
    ),
    (
        "an item's vendor is its product's",
        "SELECT count(*) FROM order_items i JOIN products p ON p.id = i.product_id WHERE p.vendor_profile_id <> i.vendor_profile_id",
    ),
    ("customers come before their orders", "SELECT count(*) FROM orders o JOIN users u ON u.id = o.user_id WHERE u.created_at > o.created_at"),
    ("nothing happens after the end", "SELECT count(*) FROM ledger_entries WHERE occurred_at > 1795000000000000"),
    (
        "clicks are rolled up",
        "SELECT count(*) FROM (SELECT vendor_profile_id, event_type, count(*) AS n FROM analytics_events GROUP BY 1, 2) e
         JOIN (SELECT vendor_profile_id, event_type, sum(events) AS n FROM analytics_daily GROUP BY 1, 2) d
         ON d.vendor_profile_id = e.vendor_profile_id AND d.event_type = e.event_type WHERE d.n <> e.n",
    ),
];

async fn money_adds_up(t: &Place) {
    let db = market(t, 7).await;
    for (what, sql) in NEVER {
        assert_eq!(number(&db, sql).await, 0, "{what}");
    }
    let items = number(&db, "SELECT count(*) FROM order_items").await;
    assert!((9_700..=10_300).contains(&items), "two items an order on average, not {items}");
    assert!(
        number(&db, "SELECT count(*) FROM (SELECT order_id FROM order_items GROUP BY 1 HAVING count(DISTINCT vendor_profile_id) > 1) t").await > 500
    );
    let sum = async |sql: &'static str| number(&db, sql).await;
    let gmv = sum("SELECT CAST(sum(total_cents - tax_cents) AS BIGINT) FROM orders WHERE status NOT IN ('PENDING', 'CANCELLED', 'FAILED')").await;
    assert_eq!(sum("SELECT CAST(sum(gmv_cents) AS BIGINT) FROM revenue_snapshots").await, gmv);
    let kinds = [
        ("SELECT CAST(sum(marketplace_fee_cents) AS BIGINT) FROM revenue_snapshots", "ORDER_FEE", 1),
        ("SELECT CAST(sum(subscription_fee_cents) AS BIGINT) FROM revenue_snapshots", "SUBSCRIPTION_FEE", 1),
        ("SELECT CAST(sum(processing_cost_cents) AS BIGINT) FROM revenue_snapshots", "PROCESSING_FEE", -1),
        ("SELECT CAST(sum(refunds_cents) AS BIGINT) FROM revenue_snapshots", "REFUND", -1),
        ("SELECT CAST(sum(tax_collected_cents) AS BIGINT) FROM revenue_snapshots", "TAX_COLLECTED", 1),
    ];
    for (sql, kind, sign) in kinds {
        let ledger = "SELECT CAST(sum(amount_cents) AS BIGINT) FROM ledger_entries WHERE type = $1";
        assert_eq!(number(&db, sql).await, sign * number_of(&db, ledger, args![kind]).await, "{kind}");
    }
    // Payouts: what the closed weeks' lasting orders brought their vendors.
    let end = sum("SELECT max(period_end) FROM payouts").await;
    let start = sum("SELECT min(period_start) FROM payouts").await;
    let owed = "SELECT CAST(sum(i.total_cents - (i.total_cents * 1000 + 5000) / 10000) AS BIGINT) FROM order_items i JOIN orders o
        ON o.id = i.order_id WHERE o.created_at >= $1 AND o.created_at < $2 AND o.status NOT IN ('PENDING', 'CANCELLED', 'FAILED', 'REFUNDED')";
    assert_eq!(sum("SELECT CAST(sum(net_cents) AS BIGINT) FROM payouts").await, number_of(&db, owed, args![start, end]).await);
    let paid = sum("SELECT CAST(sum(net_cents) AS BIGINT) FROM payouts WHERE status = 'PAID'").await;
    assert_eq!(sum("SELECT CAST(-sum(amount_cents) AS BIGINT) FROM ledger_entries WHERE type = 'PAYOUT'").await, paid);
    db.close().await;
}

/// The shop's own job, as another program would enqueue it.
#[derive(serde::Serialize, serde::Deserialize)]
struct Snapshot {
    days: u32,
}

impl Job for Snapshot {
    const NAME: &'static str = "analytics.revenue-snapshot";
    const QUEUE: &'static str = "analytics";
    type Context = ();

    async fn run(self, (): (), _: RunInfo) -> Result<(), JobError> {
        Ok(())
    }
}

async fn the_running_shop_counts_alike(t: &Place) {
    let market = t.market().await;
    let sql = "SELECT date || ' ' || gmv_cents || ' ' || net_revenue_cents || ' ' || take_rate_bps || ' ' || tax_collected_cents || ' ' ||
        disputes_cents || ' ' || payouts_pending_cents || ' ' || payouts_in_transit_cents || ' ' || payouts_completed_cents
        FROM revenue_snapshots ORDER BY date DESC LIMIT 30";
    let before: Vec<(String,)> = market.db.all(sql, args![]).await.unwrap();
    let job = Snapshot { days: 30 };
    let id = market.db.write(move |tx| Box::pin(async move { enqueue(tx, &job, Enqueue::default()).await })).await.unwrap();
    eventually("the snapshots", || async { engine::job::find(&market.db, id).await.unwrap().filter(|job| job.state == "completed") }).await;
    let after: Vec<(String,)> = market.db.all(sql, args![]).await.unwrap();
    assert_eq!(before, after);
    market.stop().await;
}

async fn a_full_market_is_left_alone(t: &Place) {
    let db = market(t, 7).await;
    let again = generate(&t.url, options(8), Box::new(|_| {})).await;
    assert!(matches!(again, Err(Error::NotEmpty { orders: 5_000 })));
    // One that broke off is started over.
    db.write(|tx| Box::pin(async { tx.exec("UPDATE generation SET completed_at = NULL", args![]).await })).await.unwrap();
    generate(&t.url, options(7), Box::new(|_| {})).await.unwrap();
    assert_eq!(digest(&db).await, DIGEST);
    db.close().await;
}

//! What visitors did: single events and their daily sums.

use std::collections::BTreeMap;

use engine::{Result, Tx, args};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::sql;

/// One step of a visitor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Click {
    pub id: Uuid,
    pub vendor: Uuid,
    pub user: Option<Uuid>,
    pub product: Option<Uuid>,
    pub order: Option<Uuid>,
    /// `view`, `detail`, `add_to_cart`, `checkout_start` or `purchase`.
    pub kind: String,
    /// µs UTC.
    pub at: i64,
}

sql! {
    INSERT = "INSERT INTO analytics_events (id, vendor_profile_id, user_id, product_id, order_id, event_type, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";
    ADD = "INSERT INTO analytics_daily (date, vendor_profile_id, event_type, events) VALUES ($1, $2, $3, $4)
        ON CONFLICT (date, vendor_profile_id, event_type) DO UPDATE SET events = analytics_daily.events + excluded.events";
}

/// Writes events and adds them to their days' sums. An event that was written before is not counted again.
pub async fn record(tx: &mut Tx, clicks: &[Click], date: impl Fn(i64) -> String) -> Result<()> {
    let mut sums: BTreeMap<(String, Uuid, &str), i64> = BTreeMap::new();
    for click in clicks {
        let row = args![click.id, click.vendor, click.user, click.product, click.order, &click.kind, click.at];
        if tx.exec(INSERT, row).await? == 1 {
            *sums.entry((date(click.at), click.vendor, &click.kind)).or_default() += 1;
        }
    }
    for ((date, vendor, kind), count) in sums {
        tx.exec(ADD, args![date, vendor, kind, count]).await?;
    }
    Ok(())
}

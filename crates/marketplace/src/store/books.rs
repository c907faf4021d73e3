//! The revenue snapshot of one day, made again from orders, ledger and payouts.
//!
//! GMV is what customers paid without tax, over orders that were paid (also those refunded later: refunds have their own
//! line). Fees are signed sums, costs are positive. Disputes are what is held or lost less what was won back.

use engine::{Result, Tx, args};
use sqlx::FromRow;

use super::sql;

sql! {
    GMV = "SELECT CAST(COALESCE(sum(total_cents - tax_cents), 0) AS BIGINT) FROM orders
        WHERE created_at >= $1 AND created_at < $2 AND status NOT IN ('PENDING', 'CANCELLED', 'FAILED')";
    LEDGER = "SELECT type AS kind, CAST(sum(amount_cents) AS BIGINT) AS amount FROM ledger_entries
        WHERE occurred_at >= $1 AND occurred_at < $2 GROUP BY type";
    PAYOUTS = "SELECT status AS kind, CAST(sum(net_cents) AS BIGINT) AS amount FROM payouts
        WHERE period_end >= $1 AND period_end < $2 GROUP BY status";
    UPSERT = "INSERT INTO revenue_snapshots (id, date, gmv_cents, platform_revenue_cents, marketplace_fee_cents,
        event_fee_cents, subscription_fee_cents, processing_cost_cents, refunds_cents, disputes_cents, net_revenue_cents,
        take_rate_bps, payouts_pending_cents, payouts_in_transit_cents, payouts_completed_cents, tax_collected_cents, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        ON CONFLICT (date) DO UPDATE SET gmv_cents = excluded.gmv_cents,
        platform_revenue_cents = excluded.platform_revenue_cents, marketplace_fee_cents = excluded.marketplace_fee_cents,
        event_fee_cents = excluded.event_fee_cents, subscription_fee_cents = excluded.subscription_fee_cents,
        processing_cost_cents = excluded.processing_cost_cents, refunds_cents = excluded.refunds_cents,
        disputes_cents = excluded.disputes_cents, net_revenue_cents = excluded.net_revenue_cents,
        take_rate_bps = excluded.take_rate_bps, payouts_pending_cents = excluded.payouts_pending_cents,
        payouts_in_transit_cents = excluded.payouts_in_transit_cents,
        payouts_completed_cents = excluded.payouts_completed_cents, tax_collected_cents = excluded.tax_collected_cents,
        created_at = excluded.created_at";
}

#[derive(FromRow)]
struct Sum {
    kind: String,
    amount: i64,
}

fn of(sums: &[Sum], kind: &str) -> i64 {
    sums.iter().find(|sum| sum.kind == kind).map_or(0, |sum| sum.amount)
}

/// Makes the snapshot of the day `date` that lasts from `start` to `end` (µs UTC), or makes it again.
pub async fn snapshot(tx: &mut Tx, date: &str, start: i64, end: i64, now: i64) -> Result<()> {
    let (gmv,): (i64,) = tx.one(GMV, args![start, end]).await?;
    let ledger: Vec<Sum> = tx.all(LEDGER, args![start, end]).await?;
    let payouts: Vec<Sum> = tx.all(PAYOUTS, args![start, end]).await?;
    let (order, event, subscription) = (of(&ledger, "ORDER_FEE"), of(&ledger, "EVENT_FEE"), of(&ledger, "SUBSCRIPTION_FEE"));
    let platform = order + event + subscription;
    let processing = -of(&ledger, "PROCESSING_FEE");
    let refunds = -of(&ledger, "REFUND");
    let disputes = -(of(&ledger, "DISPUTE_HOLD") + of(&ledger, "DISPUTE_LOSS") + of(&ledger, "DISPUTE_WIN"));
    let rate = if gmv == 0 { 0 } else { (platform * 10_000 + gmv / 2) / gmv };
    let row = args![
        crate::ids::new(),
        date,
        gmv,
        platform,
        order,
        event,
        subscription,
        processing,
        refunds,
        disputes,
        platform - processing - refunds - disputes,
        rate,
        of(&payouts, "PENDING"),
        of(&payouts, "IN_TRANSIT"),
        of(&payouts, "PAID"),
        of(&ledger, "TAX_COLLECTED"),
        now
    ];
    tx.exec(UPSERT, row).await.map(|_| ())
}

//! Many rows a statement: the only fast way to fill a table that works on both databases.

use std::fmt::Write;
use std::sync::LazyLock;

use engine::db::Value;
use engine::{Args, Dialect, Tx};

/// Rows a statement. More does not make it faster.
const MANY: usize = 100;

/// A table to be filled: its statements for one row and for [`MANY`], per database.
pub struct Table {
    width: usize,
    statements: LazyLock<[String; 4]>,
}

/// Declares the tables and columns that the generator fills.
macro_rules! tables {
    ($($name:ident = $table:literal $columns:literal;)+) => {
        $(
            #[doc = concat!("Rows of `", $table, "`.")]
            pub static $name: Table = Table {
                width: width($columns),
                statements: LazyLock::new(|| statements($table, $columns)),
            };
        )+
        /// Every statement that the generator inserts with, per database.
        pub fn all(dialect: Dialect) -> Vec<&'static str> {
            vec![$($name.one(dialect), $name.many(dialect)),+]
        }
    };
}

tables! {
    USERS = "users" "id, email, name, first_name, last_name, phone, zip_code, loyalty_member, email_verified, email_verified_at, status, onboarding_stage, last_active_at, locale, timezone, created_at, updated_at";
    ROLES = "user_roles" "id, user_id, role, created_at";
    VENDORS = "vendor_profiles" "id, user_id, store_name, slug, bio, subscription_status, tags, city, state, country, ships_national, rating_avg, rating_count, created_at, updated_at";
    PRODUCTS = "products" "id, vendor_profile_id, type, name, slug, description, category_id, tags, image_url, active, price_cents, base_cost_cents, sku, stock, rating_avg, rating_count, search_vec, created_at, updated_at";
    SEGMENTS = "vendor_segments" "id, name, criteria, vendor_count, created_at, updated_at";
    TOKENS = "verification_tokens" "id, user_id, token_hash, created_at, expires_at";
    ORDERS = "orders" "id, user_id, order_number, status, subtotal_cents, tax_cents, shipping_cents, total_cents, customer_name, customer_email, priority, payment_status, expected_at, created_at, updated_at";
    ITEMS = "order_items" "id, order_id, product_id, vendor_profile_id, quantity, unit_price_cents, cogs_unit_cents, total_cents, status, made_qty";
    LEDGER = "ledger_entries" "id, occurred_at, type, amount_cents, currency, user_id, order_id, payout_id";
    PAYOUTS = "payouts" "id, user_id, gross_cents, fee_cents, net_cents, status, period_start, period_end, expected_date, completed_at, stripe_payout_id, created_at";
    SNAPSHOTS = "revenue_snapshots" "id, date, gmv_cents, platform_revenue_cents, marketplace_fee_cents, event_fee_cents, subscription_fee_cents, processing_cost_cents, refunds_cents, disputes_cents, net_revenue_cents, take_rate_bps, payouts_pending_cents, payouts_in_transit_cents, payouts_completed_cents, tax_collected_cents, created_at";
    EVENTS = "analytics_events" "id, vendor_profile_id, user_id, product_id, order_id, event_type, session_id, created_at";
    DAILY = "analytics_daily" "date, vendor_profile_id, event_type, events";
}

impl Table {
    fn one(&'static self, dialect: Dialect) -> &'static str {
        let [sqlite, postgres, ..] = &*self.statements;
        dialect.pick(sqlite, postgres)
    }

    fn many(&'static self, dialect: Dialect) -> &'static str {
        let [.., sqlite, postgres] = &*self.statements;
        dialect.pick(sqlite, postgres)
    }
}

/// Values of whole rows, to be inserted into one table.
pub struct Rows {
    table: &'static Table,
    values: Vec<Value>,
}

impl Rows {
    /// No rows yet.
    pub fn new(table: &'static Table) -> Self {
        Self { table, values: Vec::new() }
    }

    /// Adds one row; `row` must have as many values as the table has columns.
    pub fn push(&mut self, row: Args) {
        debug_assert_eq!(row.0.len(), self.table.width);
        self.values.extend(row.0);
    }

    /// Inserts them all.
    ///
    /// # Errors
    /// What the database says.
    pub async fn insert(self, tx: &mut Tx) -> engine::Result<()> {
        let (table, dialect) = (self.table, tx.dialect());
        let mut values = self.values.into_iter();
        while values.len() >= table.width * MANY {
            let args = Args(values.by_ref().take(table.width * MANY).collect());
            tx.exec(table.many(dialect), args).await?;
        }
        while values.len() > 0 {
            tx.exec(table.one(dialect), Args(values.by_ref().take(table.width).collect())).await?;
        }
        Ok(())
    }
}

const fn width(columns: &str) -> usize {
    let (bytes, mut index, mut count) = (columns.as_bytes(), 0, 1);
    while index < bytes.len() {
        #[expect(clippy::indexing_slicing, reason = "a constant function has no iterators; the index is checked")]
        if bytes[index] == b',' {
            count += 1;
        }
        index += 1;
    }
    count
}

// Differs because SQLite looks a numbered parameter up by walking all of them, which is quadratic in a statement with
// a thousand of them, and Postgres knows no other kind.
fn statements(table: &str, columns: &str) -> [String; 4] {
    let sqlite = |rows| text(table, columns, rows, |_| "?".to_owned());
    let postgres = |rows| text(table, columns, rows, |n| format!("${n}"));
    [sqlite(1), postgres(1), sqlite(MANY), postgres(MANY)]
}

fn text(table: &str, columns: &str, rows: usize, parameter: impl Fn(usize) -> String) -> String {
    let mut sql = format!("INSERT INTO {table} ({columns}) VALUES ");
    let width = width(columns);
    for row in 0..rows {
        let list: Vec<String> = (1..=width).map(|column| parameter(row * width + column)).collect();
        let _ = write!(sql, "{}({})", if row == 0 { "" } else { ", " }, list.join(", "));
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_every_column_once() {
        assert_eq!(text("t", "a, b", 2, |n| format!("${n}")), "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)");
        assert_eq!(width("a, b, c"), 3);
    }
}

//! What things cost and who gets what: one place for checkout, generator and snapshots. Integer cents throughout.

/// The platform's share of every item, in basis points (10 %).
pub const TAKE_RATE_BPS: i64 = 1_000;
/// Orders from this subtotal ship free.
pub const FREE_SHIPPING_FROM: i64 = 7_500;
/// Shipping of a smaller order.
pub const SHIPPING: i64 = 595;
/// A vendor's monthly subscription.
pub const SUBSCRIPTION: i64 = 1_900;
/// What a lost dispute costs on top of the order.
pub const DISPUTE_COST: i64 = 1_500;

/// `amount` × `bps` / 10,000, halves rounded up. `amount` must not be negative.
pub const fn share(amount: i64, bps: i64) -> i64 {
    (amount * bps + 5_000) / 10_000
}

/// The platform's fee on one item of an order, from the item's total. Fees are rounded per item, so that every sum of
/// items has one fee whichever way it is grouped.
pub const fn order_fee(item_total: i64) -> i64 {
    share(item_total, TAKE_RATE_BPS)
}

/// What the card processor keeps of a payment: 2.9 % + 30 ¢.
pub const fn processing_fee(total: i64) -> i64 {
    share(total, 290) + 30
}

/// Shipping of an order with this subtotal.
pub const fn shipping(subtotal: i64) -> i64 {
    if subtotal >= FREE_SHIPPING_FROM { 0 } else { SHIPPING }
}

/// Sales tax in basis points by the customer's zip code (the first digit names the region).
pub fn tax_bps(zip: &str) -> i64 {
    match zip.bytes().next() {
        Some(b'0') => 625,
        Some(b'1') => 888,
        Some(b'2') => 600,
        Some(b'6') => 825,
        Some(b'9') => 725,
        _ => 650,
    }
}

/// The sums of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Σ of the items.
    pub subtotal: i64,
    /// Sales tax on the subtotal.
    pub tax: i64,
    /// Shipping.
    pub shipping: i64,
    /// What the customer pays.
    pub total: i64,
}

/// The sums of an order with `subtotal`, sent to `zip`.
pub fn totals(subtotal: i64, zip: &str) -> Totals {
    let tax = share(subtotal, tax_bps(zip));
    let shipping = if subtotal == 0 { 0 } else { shipping(subtotal) };
    Totals { subtotal, tax, shipping, total: subtotal + tax + shipping }
}

/// `123456` → `$1,234.56`
pub fn dollars(cents: i64) -> String {
    let (sign, cents) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
    format!("{sign}${}.{:02}", thousands(cents / 100), cents % 100)
}

/// `1234567` → `1,234,567`
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Reads a price a person typed: `12`, `12.5`, `$12.50`, `1,200`. None when it is not a price between 1 ¢ and $100,000.
pub fn parse_dollars(text: &str) -> Option<i64> {
    let text = text.trim().trim_start_matches('$').replace(',', "");
    let (whole, part) = text.split_once('.').unwrap_or((text.as_str(), ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 6 || part.len() > 2 || !digits(whole) || !digits(part) {
        return None;
    }
    let cents = whole.parse::<i64>().ok()? * 100 + format!("{part:0<2}").parse::<i64>().ok()?;
    (1..=10_000_000).contains(&cents).then_some(cents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_and_writes_as_people_do() {
        assert_eq!(dollars(123_456), "$1,234.56");
        assert_eq!(dollars(-5), "-$0.05");
        assert_eq!(parse_dollars(" $1,200.5 "), Some(120_050));
        for wrong in ["", "0", "-1", "1.234", "abc", "1e3", "99999999", "1.2.3"] {
            assert_eq!(parse_dollars(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_order_adds_up() {
        let order = totals(5_000, "10001");
        assert_eq!(order, Totals { subtotal: 5_000, tax: 444, shipping: 595, total: 6_039 });
        assert_eq!(totals(7_500, "10001").shipping, 0);
        assert_eq!(totals(0, "10001").total, 0);
    }
}

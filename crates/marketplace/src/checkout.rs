//! The checkout: one transaction takes the stock, writes the order, its items and its ledger entries, and enqueues what
//! follows from it. Either all of it is durable or none.

use engine::job::{Enqueue, enqueue};
use engine::{Db, Tx};
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::jobs::analytics::Record;
use crate::jobs::email::OrderMail;
use crate::jobs::labels::PrintLabel;
use crate::jobs::notify::TellVendor;
use crate::store::accounts::User;
use crate::store::clicks::Click;
use crate::store::orders::{self, NewOrder, Taken};
use crate::{ids, money};

/// What a customer asks for.
#[derive(Debug, Clone)]
pub struct Basket {
    /// Made with the form: the same key is one order, however often it is sent.
    pub key: Uuid,
    /// Product and quantity; no product twice.
    pub lines: Vec<(Uuid, i64)>,
    /// The total that the customer agreed to, in cents.
    pub agreed: i64,
}

/// Why there is no order.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There are not as many left, or it is not for sale any more.
    #[error("sold out")]
    SoldOut(Uuid),
    /// The total is another one than the customer saw.
    #[error("the price changed")]
    PriceChanged,
    /// Nothing in it.
    #[error("the cart is empty")]
    Empty,
    /// The database refused.
    #[error(transparent)]
    Database(#[from] engine::Error),
}

/// Places the order and returns its number. The same key again returns the number of the order that it made.
///
/// # Errors
/// Any [`Refusal`]; then nothing was written.
pub async fn place(db: &Db, user: &User, basket: Basket) -> Result<String, Refusal> {
    if basket.lines.is_empty() {
        // A second click after the first one emptied the cart.
        return orders::by_key(db, basket.key, user.id).await?.ok_or(Refusal::Empty);
    }
    let (key, buyer, customer) = (basket.key, user.clone(), user.id);
    let placed = db.write_with(move |tx| Box::pin(async move { place_in(tx, &buyer, basket).await })).await;
    match placed {
        Ok(number) => Ok(number),
        // Two clicks at the same moment: the other one may have made the order and taken the last piece.
        Err(refusal) => orders::by_key(db, key, customer).await?.ok_or(refusal),
    }
}

async fn place_in(tx: &mut Tx, user: &User, mut basket: Basket) -> Result<String, Refusal> {
    if let Some(number) = orders::by_key_in(tx, basket.key, user.id).await? {
        return Ok(number);
    }
    let now = ids::now();
    // Everybody locks products in the same order, so that two checkouts never wait for each other.
    basket.lines.sort_unstable();
    let mut taken = Vec::with_capacity(basket.lines.len());
    for (product, quantity) in basket.lines {
        let row = orders::take(tx, product, quantity, now).await?.ok_or(Refusal::SoldOut(product))?;
        taken.push((row, quantity));
    }
    let sums = money::totals(taken.iter().map(|(row, quantity)| row.price_cents * quantity).sum(), user.zip());
    if sums.total != basket.agreed {
        return Err(Refusal::PriceChanged);
    }
    let number = orders::next_number(tx).await?;
    let (name, email) = (user.name.clone(), user.email.clone());
    let order = NewOrder { id: ids::new(), key: basket.key, user: user.id, name, email, sums, at: now };
    write(tx, &order, &number, &taken).await?;
    follow(tx, &order, &number, &taken).await?;
    Ok(number)
}

async fn write(tx: &mut Tx, order: &NewOrder, number: &str, taken: &[(Taken, i64)]) -> engine::Result<()> {
    orders::insert(tx, order, number).await?;
    let mut fee = 0;
    for (row, quantity) in taken {
        orders::insert_item(tx, order.id, row, *quantity).await?;
        fee += money::order_fee(row.price_cents * quantity);
    }
    let entries = [("ORDER_FEE", fee), ("PROCESSING_FEE", -money::processing_fee(order.sums.total)), ("TAX_COLLECTED", order.sums.tax)];
    for (kind, amount) in entries {
        orders::entry(tx, order, kind, amount).await?;
    }
    Ok(())
}

/// What happens after an order: on the same transaction, so that it happens exactly when there is an order.
async fn follow(tx: &mut Tx, order: &NewOrder, number: &str, taken: &[(Taken, i64)]) -> engine::Result<()> {
    enqueue(tx, &OrderMail { order: order.id }, Enqueue::default()).await?;
    let mut sold: BTreeMap<Uuid, i64> = BTreeMap::new();
    for (row, quantity) in taken {
        *sold.entry(row.vendor_profile_id).or_default() += row.price_cents * quantity;
    }
    for (vendor, sold) in sold {
        enqueue(tx, &PrintLabel { order: order.id, vendor }, Enqueue::default()).await?;
        let tell = TellVendor { vendor, order_number: number.to_owned(), sold };
        enqueue(tx, &tell, Enqueue::default()).await?;
    }
    let clicks = taken.iter().map(|(row, _)| Click {
        id: ids::new(),
        vendor: row.vendor_profile_id,
        user: Some(order.user),
        product: Some(row.id),
        order: Some(order.id),
        kind: "purchase".into(),
        at: order.at,
    });
    enqueue(tx, &Record { clicks: clicks.collect() }, Enqueue::default()).await?;
    Ok(())
}

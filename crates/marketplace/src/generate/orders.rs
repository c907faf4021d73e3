//! The stream of orders: hour by hour, in the order of time.

use std::collections::BTreeMap;

use engine::args;
use uuid::Uuid;

use super::books::{Books, Sale};
use super::dice::Dice;
use super::insert::{self, Rows};
use super::people::{Person, World};
use crate::{ids, money};

/// Orders a batch; one batch is one transaction.
const BATCH: u32 = 4_000;
/// Clicks are kept this long, as the shop itself does.
const EVENT_DAYS: i64 = 14;
const DAY: i64 = 86_400_000_000;
const HOUR: i64 = 3_600_000_000;
/// The number of the first order.
pub const FIRST_NUMBER: i64 = 1_000_001;

/// The rows of some thousand orders.
pub struct Batch {
    /// How many orders are done with this batch.
    pub done: u64,
    /// In the order in which they must go in.
    pub rows: [Rows; 4],
}

impl Batch {
    fn new() -> Self {
        let rows = [&insert::ORDERS, &insert::ITEMS, &insert::LEDGER, &insert::EVENTS].map(Rows::new);
        Self { done: 0, rows }
    }
}

/// Makes orders one after the other and hands full batches to `sink`.
pub struct Orders<'a> {
    world: &'a World,
    pub books: Books,
    batch: Batch,
    number: u32,
    items: u32,
    events: u32,
    /// Day, vendor and kind → how often.
    pub clicks: BTreeMap<(usize, usize, &'static str), i64>,
}

struct Line {
    product: usize,
    vendor: usize,
    quantity: i64,
    total: i64,
}

/// What became of an order.
struct Fate {
    status: &'static str,
    payment: &'static str,
    paid: bool,
}

impl<'a> Orders<'a> {
    pub fn new(world: &'a World) -> Self {
        let books = Books::new(world);
        Self { world, books, batch: Batch::new(), number: 0, items: 0, events: 0, clicks: BTreeMap::new() }
    }

    /// Streams `count` orders; stops early when `sink` says so by `false`.
    pub fn stream(&mut self, count: u64, mut sink: impl FnMut(Batch) -> bool) {
        for hour in self.world.calendar.hours(count) {
            for index in 0..hour.orders {
                let mut dice = Dice::new(self.world.seed, 7, u64::from(self.number));
                // Evenly spread with some noise: ascending without sorting.
                let slot = hour.length / i64::try_from(hour.orders).unwrap_or(1).max(1);
                let noise = i64::try_from(dice.below(u64::try_from(slot).unwrap_or(1))).unwrap_or(0);
                self.order(hour.start + slot * i64::try_from(index).unwrap_or(0) + noise, &mut dice);
                if self.number.is_multiple_of(BATCH) && !sink(self.take()) {
                    return;
                }
            }
        }
        sink(self.take());
    }

    fn take(&mut self) -> Batch {
        let mut batch = std::mem::replace(&mut self.batch, Batch::new());
        batch.done = u64::from(self.number);
        batch
    }

    fn order(&mut self, at: i64, dice: &mut Dice) {
        let world = self.world;
        let number = self.number;
        self.number += 1;
        let known = usize::try_from(world.customers_at(at)).unwrap_or(1);
        let customer = world.customer(dice.popular(known) as u64);
        let lines = self.lines(dice);
        let sums = money::totals(lines.iter().map(|line| line.total).sum(), customer.zip);
        let id = ids::computed(at, number, dice.roll());
        let fate = fate(world.calendar.until() - at, dice);
        let priority = ["RUSH", "HIGH", "HIGH"].get(usize::try_from(dice.below(25)).unwrap_or(0)).unwrap_or(&"MEDIUM");
        let [orders, ..] = &mut self.batch.rows;
        orders.push(args![
            id,
            customer.id,
            format!("FM-{}", FIRST_NUMBER + i64::from(number)),
            fate.status,
            sums.subtotal,
            sums.tax,
            sums.shipping,
            sums.total,
            customer.name(),
            &customer.email,
            *priority,
            fate.payment,
            at + 4 * DAY,
            at,
            at
        ]);
        self.push_items(id, at, &fate, &lines, dice);
        self.push_events(&customer, id, at, &fate, &lines, dice);
        if fate.paid {
            let items: Vec<_> = lines.iter().map(|line| (line.vendor, line.total)).collect();
            let (refunded_at, dispute) = afterwards(&fate, at, world.calendar.until(), dice);
            let (total, tax) = (sums.total, sums.tax);
            self.book(&Sale { order: id, user: customer.id, at, tax, total, items: &items, refunded_at, dispute }, dice);
        }
    }

    fn book(&mut self, sale: &Sale, dice: &mut Dice) {
        let [_, _, ledger, _] = &mut self.batch.rows;
        self.books.sale(self.world, sale, dice, ledger);
    }

    /// What is in the basket: two things on average, often of one vendor.
    fn lines(&self, dice: &mut Dice) -> Vec<Line> {
        let count = match dice.below(100) {
            0..38 => 1,
            38..74 => 2,
            74..90 => 3,
            90..98 => 4,
            _ => 5,
        };
        let products = &self.world.products;
        let mut lines: Vec<Line> = Vec::with_capacity(count);
        for _ in 0..count {
            let shelf = lines.last().and_then(|line| self.world.vendors.get(line.vendor)).filter(|_| dice.chance(55));
            let mut product = match shelf {
                Some(vendor) => {
                    let index = usize::try_from(dice.below(vendor.products.len() as u64)).unwrap_or(0);
                    vendor.products.get(index).copied().unwrap_or(0)
                }
                None => shuffled(dice.popular(products.len()), products.len()),
            };
            while lines.iter().any(|line| line.product == product) {
                product = (product + 1) % products.len().max(1);
            }
            let Some(item) = products.get(product) else { continue };
            let quantity = if dice.chance(82) { 1 } else { dice.between(2, 4) };
            lines.push(Line { product, vendor: item.vendor, quantity, total: quantity * item.price });
        }
        lines
    }

    fn push_items(&mut self, order: Uuid, at: i64, fate: &Fate, lines: &[Line], dice: &mut Dice) {
        let [_, rows, ..] = &mut self.batch.rows;
        for line in lines {
            let Some((item, vendor)) = self.world.products.get(line.product).zip(self.world.vendors.get(line.vendor)) else {
                continue;
            };
            let made = if matches!(fate.status, "COMPLETED" | "REFUNDED") { line.quantity } else { 0 };
            let id = ids::computed(at, self.items, dice.roll());
            self.items += 1;
            rows.push(args![id, order, item.id, vendor.id, line.quantity, item.price, item.cost, line.total, fate.status, made]);
        }
    }

    /// The clicks that led to the order, and those of visitors who left without one.
    fn push_events(&mut self, customer: &Person, order: Uuid, at: i64, fate: &Fate, lines: &[Line], dice: &mut Dice) {
        if self.world.calendar.until() - at > EVENT_DAYS * DAY {
            return;
        }
        let session = format!("{:016x}", dice.roll());
        for line in lines {
            let mut steps: Vec<&'static str> = vec!["view"; 1 + usize::try_from(dice.below(5)).unwrap_or(0)];
            steps.extend(["detail", "add_to_cart", "checkout_start"]);
            if fate.paid {
                steps.push("purchase");
            }
            let count = i64::try_from(steps.len()).unwrap_or(0);
            for (left, kind) in (0..count).rev().zip(steps) {
                let when = at - left * 20_000_000;
                self.push_event(when, kind, line, customer, (kind == "purchase").then_some(order), &session, dice);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one row's columns")]
    fn push_event(&mut self, at: i64, kind: &'static str, line: &Line, customer: &Person, order: Option<Uuid>, session: &str, dice: &mut Dice) {
        let world = self.world;
        let Some((item, vendor)) = world.products.get(line.product).zip(world.vendors.get(line.vendor)) else { return };
        let id = ids::computed(at, self.events, dice.roll());
        self.events += 1;
        *self.clicks.entry((world.calendar.day_of(at), line.vendor, kind)).or_default() += 1;
        let [.., events] = &mut self.batch.rows;
        events.push(args![id, vendor.id, customer.id, item.id, order, kind, session, at]);
    }

    /// The roll-up of the clicks.
    pub fn daily(&self) -> Rows {
        let mut rows = Rows::new(&insert::DAILY);
        for ((day, vendor, kind), count) in &self.clicks {
            if let Some((day, vendor)) = self.world.calendar.days().get(*day).zip(self.world.vendors.get(*vendor)) {
                rows.push(args![&day.date, vendor.id, *kind, *count]);
            }
        }
        rows
    }
}

/// Spreads the popular products over all vendors. 7,919 is a prime that no catalogue size divides.
fn shuffled(index: usize, count: usize) -> usize {
    if count == 0 { 0 } else { index * 7_919 % count }
}

fn fate(age: i64, dice: &mut Dice) -> Fate {
    let roll = dice.below(100);
    let (status, payment) = match (age, roll) {
        (_, 0) => ("FAILED", "failed"),
        (_, 1..=3) => ("CANCELLED", "canceled"),
        (age, 4..=5) if age > 9 * DAY => ("REFUNDED", "refunded"),
        (age, _) if age > 5 * DAY => ("COMPLETED", "paid"),
        (age, _) if age > 2 * DAY => (if roll < 70 { "COMPLETED" } else { "IN_PRODUCTION" }, "paid"),
        (age, _) if age > 8 * HOUR => (if roll < 50 { "CONFIRMED" } else { "PREPARING" }, "paid"),
        (age, 90..) if age < 2 * HOUR => ("PENDING", "pending"),
        _ => ("PAID", "paid"),
    };
    Fate { status, payment, paid: !matches!(status, "FAILED" | "CANCELLED" | "PENDING") }
}

type Afterwards = (Option<i64>, Option<(i64, Option<(i64, bool)>)>);

/// Refunds and disputes come days later, never after the end of the history.
fn afterwards(fate: &Fate, at: i64, until: i64, dice: &mut Dice) -> Afterwards {
    let refunded = (fate.status == "REFUNDED").then(|| at + dice.between(2 * DAY, 8 * DAY));
    let held = at + dice.between(5 * DAY, 15 * DAY);
    let disputed = refunded.is_none() && dice.below(1_000) < 2 && held < until;
    let ended = held + 20 * DAY;
    let end = (ended < until).then(|| (ended, dice.chance(60)));
    (refunded, disputed.then_some((held, end)))
}

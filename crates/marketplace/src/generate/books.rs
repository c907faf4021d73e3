//! The books: what each order leaves in the ledger, the weekly payouts and the daily revenue snapshots. Sums are kept
//! while orders stream by, so memory grows with days × vendors and not with orders.

use std::collections::BTreeMap;

use engine::args;
use uuid::Uuid;

use super::dice::Dice;
use super::insert::{self, Rows};
use super::people::World;
use crate::{ids, money};

const DAY: i64 = 86_400_000_000;
const WEEK: i64 = 7 * DAY;

/// The sums of one calendar day, in cents; all are counted positive.
#[derive(Debug, Default, Clone)]
struct Snapshot {
    gmv: i64,
    fees: i64,
    subscriptions: i64,
    processing: i64,
    refunds: i64,
    disputes: i64,
    tax: i64,
    payouts: [i64; 3],
}

/// The open books.
#[derive(Debug)]
pub struct Books {
    days: Vec<Snapshot>,
    /// Week and vendor → gross and fee.
    weeks: BTreeMap<(i64, usize), (i64, i64)>,
    entries: u32,
}

/// What the books need to know of one paid order.
pub struct Sale<'a> {
    pub order: Uuid,
    pub user: Uuid,
    pub at: i64,
    pub tax: i64,
    pub total: i64,
    /// Vendor and total of each item.
    pub items: &'a [(usize, i64)],
    /// When the money went back, if it did.
    pub refunded_at: Option<i64>,
    /// When the customer disputed the payment, if so, and when and how that ended (`true`: for the platform).
    pub dispute: Option<(i64, Option<(i64, bool)>)>,
}

impl Books {
    /// Empty books.
    pub fn new(world: &World) -> Self {
        Self { days: vec![Snapshot::default(); world.calendar.days().len()], weeks: BTreeMap::new(), entries: 0 }
    }

    fn day(&mut self, world: &World, at: i64) -> Option<&mut Snapshot> {
        self.days.get_mut(world.calendar.day_of(at))
    }

    /// Books one paid order: ledger entries into `rows`, sums into the books.
    pub fn sale(&mut self, world: &World, sale: &Sale, dice: &mut Dice, rows: &mut Rows) {
        let fee: i64 = sale.items.iter().map(|(_, total)| money::order_fee(*total)).sum();
        let processing = money::processing_fee(sale.total);
        if let Some(day) = self.day(world, sale.at) {
            day.gmv += sale.total - sale.tax;
            day.fees += fee;
            day.processing += processing;
            day.tax += sale.tax;
        }
        let mut entry = |at, kind, amount| self.entry(rows, dice, at, kind, amount, sale);
        entry(sale.at, "ORDER_FEE", fee);
        entry(sale.at, "PROCESSING_FEE", -processing);
        entry(sale.at, "TAX_COLLECTED", sale.tax);
        if let Some(at) = sale.refunded_at {
            entry(at, "REFUND", -sale.total);
            if let Some(day) = self.day(world, at) {
                day.refunds += sale.total;
            }
            return;
        }
        self.dispute(world, sale, dice, rows);
        let week = (sale.at - world.calendar.start()) / WEEK;
        for (vendor, total) in sale.items {
            let sums = self.weeks.entry((week, *vendor)).or_default();
            sums.0 += total;
            sums.1 += money::order_fee(*total);
        }
    }

    fn dispute(&mut self, world: &World, sale: &Sale, dice: &mut Dice, rows: &mut Rows) {
        let Some((held_at, end)) = sale.dispute else { return };
        let mut book = |at, kind, amount: i64| {
            self.entry(rows, dice, at, kind, amount, sale);
            if let Some(day) = self.day(world, at) {
                day.disputes -= amount;
            }
        };
        book(held_at, "DISPUTE_HOLD", -sale.total);
        match end {
            Some((at, true)) => book(at, "DISPUTE_WIN", sale.total),
            Some((at, false)) => book(at, "DISPUTE_LOSS", -money::DISPUTE_COST),
            None => {}
        }
    }

    fn entry(&mut self, rows: &mut Rows, dice: &mut Dice, at: i64, kind: &str, amount: i64, sale: &Sale) {
        self.entries += 1;
        let id = ids::computed(at, self.entries, dice.roll());
        rows.push(args![id, at, kind, amount, "usd", sale.user, sale.order, None::<Uuid>]);
    }

    /// Closes the books: subscriptions, payouts of the weeks that are over, snapshots.
    pub fn close(mut self, world: &World) -> Vec<Rows> {
        let mut ledger = Rows::new(&insert::LEDGER);
        let mut payouts = Rows::new(&insert::PAYOUTS);
        let mut dice = Dice::new(world.seed, 9, 0);
        self.subscriptions(world, &mut dice, &mut ledger);
        for ((week, vendor), (gross, fee)) in std::mem::take(&mut self.weeks) {
            let end = world.calendar.start() + (week + 1) * WEEK;
            if end <= world.calendar.until() {
                self.payout(world, vendor, end, (gross, fee), &mut dice, [&mut ledger, &mut payouts]);
            }
        }
        vec![ledger, payouts, self.snapshots(world, &mut dice)]
    }

    fn subscriptions(&mut self, world: &World, dice: &mut Dice, ledger: &mut Rows) {
        for month in world.calendar.months() {
            for vendor in &world.vendors {
                self.entries += 1;
                let id = ids::computed(month.start, self.entries, dice.roll());
                let (user, none) = (vendor.user, None::<Uuid>);
                ledger.push(args![id, month.start, "SUBSCRIPTION_FEE", money::SUBSCRIPTION, "usd", user, none, none]);
                if let Some(day) = self.day(world, month.start) {
                    day.subscriptions += money::SUBSCRIPTION;
                }
            }
        }
    }

    fn payout(&mut self, world: &World, vendor: usize, end: i64, sums: (i64, i64), dice: &mut Dice, rows: [&mut Rows; 2]) {
        let ((gross, fee), [ledger, payouts]) = (sums, rows);
        let Some(owner) = world.vendors.get(vendor).map(|vendor| vendor.user) else { return };
        let (expected, age) = (end + 3 * DAY, world.calendar.until() - end);
        let (status, state) = match age {
            ..DAY => ("PENDING", 0),
            DAY..259_200_000_000 => ("IN_TRANSIT", 1),
            _ => ("PAID", 2),
        };
        let paid = (state == 2).then_some(expected);
        self.entries += 1;
        let id = ids::computed(end, self.entries, dice.roll());
        let stripe = (state > 0).then(|| format!("po_{:016x}", dice.roll()));
        payouts.push(args![id, owner, gross, fee, gross - fee, status, end - WEEK, end, expected, paid, stripe, end]);
        if let Some(sum) = self.day(world, end).and_then(|day| day.payouts.get_mut(state)) {
            *sum += gross - fee;
        }
        if let Some(at) = paid {
            self.entries += 1;
            let entry = ids::computed(at, self.entries, dice.roll());
            ledger.push(args![entry, at, "PAYOUT", fee - gross, "usd", owner, None::<Uuid>, id]);
        }
    }

    fn snapshots(&self, world: &World, dice: &mut Dice) -> Rows {
        let mut rows = Rows::new(&insert::SNAPSHOTS);
        for (number, (day, sums)) in (0_u32..).zip(world.calendar.days().iter().zip(&self.days)) {
            let platform = sums.fees + sums.subscriptions;
            let net = platform - sums.processing - sums.refunds - sums.disputes;
            let rate = if sums.gmv == 0 { 0 } else { (platform * 10_000 + sums.gmv / 2) / sums.gmv };
            let [pending, transit, paid] = sums.payouts;
            rows.push(args![
                ids::computed(day.start, number, dice.roll()),
                &day.date,
                sums.gmv,
                platform,
                sums.fees,
                0_i64,
                sums.subscriptions,
                sums.processing,
                sums.refunds,
                sums.disputes,
                net,
                rate,
                pending,
                transit,
                paid,
                sums.tax,
                world.calendar.until()
            ]);
        }
        rows
    }
}

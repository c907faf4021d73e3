//! Customers, vendors and products. Every one is computed from the seed and a number, so that none needs to be kept.

use std::collections::{HashMap, HashSet};

use engine::{Args, args};
use serde_json::json;
use uuid::Uuid;

use super::calendar::Calendar;
use super::dice::Dice;
use super::insert::{self, Rows};
use super::names::{BIOS, FIRST, LAST, PLACES, SHOP_FIRST, SHOP_LAST, STORIES};
use crate::catalog::{CATEGORIES, Category};
use crate::ids;

/// A customer or a vendor's owner.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: Uuid,
    pub first: &'static str,
    pub last: &'static str,
    pub email: String,
    pub zip: &'static str,
    pub created_at: i64,
}

impl Person {
    pub fn name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }
}

/// What an order needs to know of a product.
#[derive(Debug, Clone)]
pub struct Product {
    pub id: Uuid,
    pub vendor: usize,
    pub price: i64,
    pub cost: i64,
}

/// What an order needs to know of a vendor.
#[derive(Debug, Clone)]
pub struct Vendor {
    pub id: Uuid,
    pub user: Uuid,
    pub created_at: i64,
    /// Indexes of its products.
    pub products: Vec<usize>,
}

/// Everybody and everything that orders refer to.
#[derive(Debug)]
pub struct World {
    pub seed: u64,
    pub customers: u64,
    pub vendors: Vec<Vendor>,
    pub products: Vec<Product>,
    pub calendar: Calendar,
}

const CUSTOMER: u64 = 1;
const OWNER: u64 = 2;
const SHOP: u64 = 3;
const GOODS: u64 = 4;

impl World {
    /// Customer `index`. They come over the year: those with a small index were there first.
    pub fn customer(&self, index: u64) -> Person {
        let (start, until) = (self.calendar.start(), self.calendar.until());
        // A third was there from the beginning, the others join evenly.
        let late = index.saturating_sub(self.customers / 3);
        let joined = (until - start) as i128 * i128::from(late) / i128::from(self.customers.max(1));
        let created_at = start - 86_400_000_000 + i64::try_from(joined).unwrap_or(0);
        person(self.seed, CUSTOMER, index, created_at)
    }

    /// How many customers there were at `at`.
    pub fn customers_at(&self, at: i64) -> u64 {
        let (start, until) = (self.calendar.start(), self.calendar.until());
        let joined = i128::from(self.customers) * i128::from(at - start) / i128::from((until - start).max(1));
        (self.customers / 3 + u64::try_from(joined).unwrap_or(0)).clamp(1, self.customers.max(1))
    }
}

fn person(seed: u64, kind: u64, index: u64, created_at: i64) -> Person {
    let mut dice = Dice::new(seed, kind, index);
    let (first, last) = (dice.pick(FIRST), dice.pick(LAST));
    let place = usize::try_from(dice.below(PLACES.len() as u64)).unwrap_or(0);
    let zip = PLACES.get(place).map_or("12508", |place| place.2);
    let (sequence, part) = (u32::try_from(index).unwrap_or(0), if kind == OWNER { "shop" } else { "" });
    let email = format!("{}.{}{part}{index}@example.com", first.to_lowercase(), last.to_lowercase());
    Person { id: ids::computed(created_at, sequence, dice.roll()), first, last, email, zip, created_at }
}

/// The rows of customers `from..to` and of their roles.
pub fn customers(world: &World, from: u64, to: u64) -> [Rows; 3] {
    let mut rows = [Rows::new(&insert::USERS), Rows::new(&insert::ROLES), Rows::new(&insert::TOKENS)];
    for index in from..to {
        let person = world.customer(index);
        push_user(&mut rows, world, &person, "CUSTOMER", index);
    }
    rows
}

fn push_user(rows: &mut [Rows; 3], world: &World, person: &Person, role: &str, index: u64) {
    let [users, roles, tokens] = rows;
    let mut dice = Dice::new(world.seed, 5, index ^ person.id.as_u128() as u64);
    let until = world.calendar.until();
    // Whoever joined in the last days may not have opened the verification mail yet.
    let fresh = until - person.created_at < 14 * 86_400_000_000;
    let verified = role == "VENDOR" || !dice.chance(if fresh { 35 } else { 4 });
    let at = person.created_at;
    let status = if verified || !dice.chance(30) { "ACTIVE" } else { "PENDING" };
    let active = at + i64::try_from(dice.below(u64::try_from(until - at).unwrap_or(1))).unwrap_or(0);
    let phone = format!("({}) 555-{:04}", dice.between(201, 989), dice.below(200) + 100);
    users.push(args![
        person.id,
        &person.email,
        person.name(),
        person.first,
        person.last,
        phone,
        person.zip,
        dice.chance(22),
        verified,
        verified.then_some(at + 600_000_000),
        status,
        "COMPLETE",
        active,
        "en",
        "America/New_York",
        at,
        at
    ]);
    roles.push(args![ids::computed(at, person_number(index), dice.roll()), person.id, role, at]);
    if !verified && fresh {
        let hash: Vec<u8> = (0..4).flat_map(|_| dice.roll().to_be_bytes()).collect();
        let id = ids::computed(at, person_number(index), dice.roll());
        tokens.push(args![id, person.id, hash, at, at + 86_400_000_000]);
    }
}

fn person_number(index: u64) -> u32 {
    u32::try_from(index).unwrap_or(0)
}

/// Makes the vendors and their products: fills `world` and returns the rows in the order in which they must go in.
pub fn vendors(world: &mut World, count: usize) -> Vec<Rows> {
    let mut people = [Rows::new(&insert::USERS), Rows::new(&insert::ROLES), Rows::new(&insert::TOKENS)];
    let mut profiles = Rows::new(&insert::VENDORS);
    let mut goods = Goods::new();
    for index in 0..count {
        let at = world.calendar.start() - 30 * 86_400_000_000 + index as i64 * 1_000_000;
        let owner = person(world.seed, OWNER, index as u64, at);
        push_user(&mut people, world, &owner, "VENDOR", index as u64);
        let mut dice = Dice::new(world.seed, SHOP, index as u64);
        let id = ids::computed(at, person_number(index as u64), dice.roll());
        let home = index % CATEGORIES.len();
        profiles.push(profile(&mut dice, id, &owner, index, home, at));
        let mut vendor = Vendor { id, user: owner.id, created_at: at, products: Vec::new() };
        for _ in 0..dice.between(9, 17) {
            let category = if dice.chance(80) { home } else { (home + 1) % CATEGORIES.len() };
            let Some(category) = CATEGORIES.get(category) else { continue };
            vendor.products.push(world.products.len());
            world.products.push(goods.make(world.seed, &vendor, index, category));
        }
        world.vendors.push(vendor);
    }
    let [users, roles, tokens] = people;
    vec![users, roles, tokens, profiles, goods.rows, segments(world, count)]
}

/// Shops' names are numbered through: no two are alike below `SHOP_FIRST × SHOP_LAST`.
fn shop_name(index: usize) -> String {
    let first = SHOP_FIRST.get(index % SHOP_FIRST.len()).copied().unwrap_or_default();
    let round = index / SHOP_FIRST.len();
    let last = SHOP_LAST.get((index + round * 5) % SHOP_LAST.len()).copied().unwrap_or_default();
    format!("{first} {last}")
}

fn profile(dice: &mut Dice, id: Uuid, owner: &Person, index: usize, home: usize, at: i64) -> Args {
    let name = shop_name(index);
    let place = usize::try_from(dice.below(PLACES.len() as u64)).unwrap_or(0);
    let (city, state, _) = PLACES.get(place).copied().unwrap_or(("Beacon", "NY", "12508"));
    let tags = CATEGORIES.get(home).map_or(json!([]), |category| json!([category.slug, category.tags.first()]));
    let status = match dice.below(20) {
        0 => "TRIALING",
        1 => "PAST_DUE",
        _ => "ACTIVE",
    };
    let rating = dice.between(41, 50) as f64 / 10.0;
    args![
        id,
        owner.id,
        &name,
        slug(&name, index),
        dice.pick(BIOS),
        status,
        tags,
        city,
        state,
        "US",
        dice.chance(85),
        rating,
        dice.between(12, 640),
        at,
        at
    ]
}

fn slug(name: &str, index: usize) -> String {
    let words: Vec<String> = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    let number = if index == 0 { String::new() } else { format!("-{}", index + 1) };
    format!("{}{number}", words.join("-"))
}

struct Goods {
    rows: Rows,
    names: HashMap<String, usize>,
    sold: HashSet<(Uuid, String)>,
    count: u64,
}

impl Goods {
    fn new() -> Self {
        Self { rows: Rows::new(&insert::PRODUCTS), names: HashMap::new(), sold: HashSet::new(), count: 0 }
    }

    fn make(&mut self, seed: u64, vendor: &Vendor, index: usize, category: &Category) -> Product {
        let mut dice = Dice::new(seed, GOODS, self.count);
        let (noun, name, [low, high]) = self.name(&mut dice, category, vendor.id);
        let twins = self.names.entry(name.clone()).and_modify(|n| *n += 1).or_insert(0);
        let slug = slug(&name, *twins);
        // Prices end in 0, 5 or 9, as prices do.
        let price = dice.between(low / 50, high / 50) * 50 - i64::from(dice.chance(40));
        let product = Product {
            id: ids::computed(vendor.created_at, person_number(self.count), dice.roll()),
            vendor: index,
            price,
            cost: price * dice.between(38, 55) / 100,
        };
        self.rows.push(self.row(&mut dice, &product, vendor, category, [noun, &name, &slug]));
        self.count += 1;
        product
    }

    /// What it is, its whole name and its prices. A vendor does not sell two things of one name, if there is a choice.
    fn name(&mut self, dice: &mut Dice, category: &Category, vendor: Uuid) -> (&'static str, String, [i64; 2]) {
        let mut found = ("Gift Box", "Gift Box".to_owned(), [2_000, 4_000]);
        for _ in 0..8 {
            let choice = usize::try_from(dice.below(category.goods.len() as u64)).unwrap_or(0);
            if let Some((noun, low, high)) = category.goods.get(choice) {
                found = (*noun, format!("{} {noun}", dice.pick(category.styles)), [*low, *high]);
            }
            if self.sold.insert((vendor, found.1.clone())) {
                break;
            }
        }
        found
    }

    fn row(&self, dice: &mut Dice, product: &Product, vendor: &Vendor, category: &Category, [noun, name, slug]: [&str; 3]) -> Args {
        // Kept apart, so that a product's place in the list of popular ones does not follow from its vendor.
        let popularity = 600 / (1 + self.count.wrapping_mul(7) % 97) + dice.below(25);
        let tags = (!dice.chance(20)).then(|| json!([dice.pick(category.tags), dice.pick(category.tags)]));
        let stock = if dice.chance(4) { 0 } else { dice.between(4, 160) };
        let words = format!("{name} {} {}", category.name, category.tags.join(" ")).to_lowercase();
        let sku = format!("{}-{:05}", category.slug.get(..3).unwrap_or("GDS").to_uppercase(), self.count);
        args![
            product.id,
            vendor.id,
            category.kind,
            name,
            slug,
            dice.pick(STORIES),
            category.slug,
            tags,
            picture(dice, category, noun),
            !dice.chance(3),
            product.price,
            product.cost,
            sku,
            stock,
            dice.between(38, 50) as f64 / 10.0,
            i64::try_from(popularity).unwrap_or(0),
            words,
            vendor.created_at,
            vendor.created_at
        ]
    }
}

fn picture(dice: &mut Dice, category: &Category, noun: &str) -> String {
    let colours = category.colours();
    let choice = usize::try_from(dice.below(colours.len() as u64)).unwrap_or(0);
    format!("/art/{}/{}.svg", category.drawing(noun), colours.get(choice).copied().unwrap_or(0))
}

fn segments(world: &World, vendors: usize) -> Rows {
    let mut rows = Rows::new(&insert::SEGMENTS);
    let at = world.calendar.start();
    let food = CATEGORIES.iter().filter(|category| category.kind == "FOOD").count();
    let full = vendors / CATEGORIES.len();
    let counts = [
        ("All vendors", json!({}), vendors),
        ("Food makers", json!({"type": "FOOD"}), full * food + (vendors % CATEGORIES.len()).min(food)),
        ("Deep catalog", json!({"products": {"gte": 14}}), world.vendors.iter().filter(|v| v.products.len() >= 14).count()),
    ];
    for (number, (name, criteria, count)) in counts.into_iter().enumerate() {
        let id = ids::computed(at, person_number(number as u64), 0);
        rows.push(args![id, name, criteria, count as i64, at, at]);
    }
    rows
}

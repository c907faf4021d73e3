//! The deterministic generator: a marketplace's year from one number.
//!
//! Everything is computed from the seed and a counter ([`dice`]), streamed in the order of time and inserted many rows a
//! statement while the secondary indexes are away. Memory holds the catalogue, one week's and day's sums a vendor, and
//! a few batches, whatever the size.

pub mod calendar;
pub mod dice;
pub mod progress;

pub(crate) mod indexes;
pub(crate) mod insert;

mod books;
mod names;
mod orders;
mod people;

use engine::{Args, Db, DbOptions, args};
use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use crate::error::{Error, Result};
use crate::{ids, schema};
use calendar::Calendar;
use insert::Rows;
use orders::{Batch, Orders};
use people::World;
pub use progress::{Progress, Step};

/// How much is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// 5,000 orders of 800 customers at 40 vendors.
    #[default]
    Small,
    /// 100,000 orders of 12,000 customers at 120 vendors.
    Medium,
    /// 1,000,000 orders of 100,000 customers at 400 vendors.
    Large,
}

impl Size {
    /// Orders.
    pub fn orders(self) -> u64 {
        match self {
            Self::Small => 5_000,
            Self::Medium => 100_000,
            Self::Large => 1_000_000,
        }
    }

    fn customers(self) -> u64 {
        match self {
            Self::Small => 800,
            Self::Medium => 12_000,
            Self::Large => 100_000,
        }
    }

    fn vendors(self) -> usize {
        match self {
            Self::Small => 40,
            Self::Medium => 120,
            Self::Large => 400,
        }
    }
}

impl std::str::FromStr for Size {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "small" => Ok(Self::Small),
            "medium" => Ok(Self::Medium),
            "large" => Ok(Self::Large),
            _ => Err(Error::Size(text.to_owned())),
        }
    }
}

/// What to generate.
#[derive(Debug, Clone)]
pub struct GenerateOptions {
    /// The same seed, size, zone and end give the same data.
    pub seed: u64,
    /// How much.
    pub size: Size,
    /// The end of the history, µs UTC.
    pub until: i64,
    /// The platform's time zone: days and busy hours are local.
    pub time_zone: TimeZone,
}

impl GenerateOptions {
    /// A history that ends now, in New York.
    pub fn new(seed: u64, size: Size) -> Self {
        let time_zone = TimeZone::get("America/New_York").unwrap_or(TimeZone::UTC);
        Self { seed, size, until: ids::now(), time_zone }
    }
}

const GENERATED: &str = "SELECT orders, completed_at FROM generation WHERE id = 1";
const BEGIN: &str = "INSERT INTO generation (id, seed, orders, until) VALUES (1, $1, $2, $3)";
const FINISH: &str = "UPDATE generation SET completed_at = $1 WHERE id = 1";
const COUNTER: &str = "INSERT INTO counters (name, value) VALUES ('order_number', $1)";
/// Children first.
const CLEAR: &[&str] = &[
    "DELETE FROM generation",
    "DELETE FROM counters",
    "DELETE FROM sessions",
    "DELETE FROM notifications",
    "DELETE FROM verification_tokens",
    "DELETE FROM vendor_segments",
    "DELETE FROM analytics_daily",
    "DELETE FROM analytics_events",
    "DELETE FROM revenue_snapshots",
    "DELETE FROM payouts",
    "DELETE FROM ledger_entries",
    "DELETE FROM order_items",
    "DELETE FROM orders",
    "DELETE FROM products",
    "DELETE FROM vendor_profiles",
    "DELETE FROM user_roles",
    "DELETE FROM users",
];

/// The generator's own statements that are the same on both databases.
pub(crate) fn statements() -> Vec<&'static str> {
    [GENERATED, BEGIN, FINISH, COUNTER].into_iter().chain(CLEAR.iter().copied()).collect()
}

/// True when the database holds a whole generated marketplace.
///
/// # Errors
/// What the database says.
pub async fn is_generated(db: &Db) -> Result<bool> {
    let row: Option<(i64, Option<i64>)> = db.maybe(GENERATED, Args::none()).await?;
    Ok(matches!(row, Some((_, Some(_)))))
}

/// Fills the empty database at `url` and closes it with everything on disk: opened for loading (SQLite without waiting for
/// the disk), migrated, filled. An unfinished generation is started over.
///
/// # Errors
/// [`Error::NotEmpty`] when it holds a marketplace already, else what the database says.
pub async fn generate(url: &str, options: GenerateOptions, progress: Progress) -> Result<()> {
    let db = Db::open(url, DbOptions { synchronous_off: true, ..DbOptions::default() }).await?;
    let made = async {
        schema::migrate(&db).await?;
        fill(&db, url, options, progress).await
    };
    let made = made.await;
    db.close().await;
    made?;
    flush(url)
}

/// What was written without waiting for the disk gets there now.
fn flush(url: &str) -> Result<()> {
    if url.starts_with("postgres") {
        return Ok(());
    }
    let path = indexes::file(url);
    for file in [path.to_owned(), format!("{path}-wal")] {
        match std::fs::File::open(file) {
            Ok(file) => file.sync_all()?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn fill(db: &Db, url: &str, options: GenerateOptions, mut progress: Progress) -> Result<()> {
    let mut own = indexes::Own::open(url).await?;
    prepare(db, &mut own, &options).await?;
    let orders = options.size.orders();
    let mut world = World {
        seed: options.seed,
        customers: options.size.customers(),
        vendors: Vec::new(),
        products: Vec::new(),
        calendar: Calendar::new(options.until, options.time_zone),
    };
    insert_all(db, people::vendors(&mut world, options.size.vendors())).await?;
    let mut from = 0;
    while from < world.customers {
        let to = world.customers.min(from + 5_000);
        insert_all(db, people::customers(&world, from, to).into()).await?;
        progress(Step { what: "customers", done: to, total: world.customers });
        from = to;
    }
    load_orders(db, world, orders, &mut progress).await?;
    let total = indexes::create().len() as u64;
    for (done, sql) in (0..).zip(indexes::create()) {
        progress(Step { what: "indexes", done, total });
        own.run(sql).await?;
    }
    own.close().await?;
    finish(db, orders).await?;
    progress(Step { what: progress::DONE, done: orders, total: orders });
    Ok(())
}

async fn prepare(db: &Db, own: &mut indexes::Own, options: &GenerateOptions) -> Result<()> {
    let row: Option<(i64, Option<i64>)> = db.maybe(GENERATED, Args::none()).await?;
    if let Some((orders, Some(_))) = row {
        return Err(Error::NotEmpty { orders });
    }
    if row.is_some() {
        tracing::warn!("an earlier generation did not finish, starting over");
        for sql in CLEAR {
            own.run(sql).await?;
        }
    }
    own.drop_indexes().await?;
    let seed = i64::from_ne_bytes(options.seed.to_ne_bytes());
    let orders = i64::try_from(options.size.orders()).unwrap_or(i64::MAX);
    let row = args![seed, orders, options.until];
    db.write(move |tx| Box::pin(async move { tx.exec(BEGIN, row).await })).await?;
    Ok(())
}

async fn finish(db: &Db, orders: u64) -> Result<()> {
    let last = orders::FIRST_NUMBER + i64::try_from(orders).unwrap_or(0) - 1;
    db.write(move |tx| {
        Box::pin(async move {
            tx.exec(COUNTER, args![last]).await?;
            tx.exec(FINISH, args![ids::now()]).await
        })
    })
    .await?;
    Ok(())
}

/// Makes orders on one thread while the database takes them on another.
async fn load_orders(db: &Db, world: World, count: u64, progress: &mut Progress) -> Result<()> {
    let (sender, mut batches) = mpsc::channel::<Batch>(3);
    let maker = tokio::task::spawn_blocking(move || {
        let mut orders = Orders::new(&world);
        orders.stream(count, |batch| sender.blocking_send(batch).is_ok());
        let daily = orders.daily();
        let mut rest = orders.books.close(&world);
        rest.push(daily);
        rest
    });
    while let Some(batch) = batches.recv().await {
        let done = batch.done;
        insert_all(db, batch.rows.into()).await?;
        progress(Step { what: "orders", done, total: count });
    }
    let rest = maker.await.map_err(|error| Error::Io(std::io::Error::other(error)))?;
    for rows in rest {
        insert_all(db, vec![rows]).await?;
    }
    Ok(())
}

async fn insert_all(db: &Db, tables: Vec<Rows>) -> engine::Result<()> {
    db.write(move |tx| {
        Box::pin(async move {
            for rows in tables {
                rows.insert(tx).await?;
            }
            Ok(())
        })
    })
    .await
}

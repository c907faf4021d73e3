//! Two databases, one meaning: every static statement prepares on both with the same parameters and columns, and the tables are the same.

use std::collections::BTreeMap;

use engine::{Db, DbOptions, args};
use qd_core::secret::Secret;

use crate::support::{World, fresh_database};

/// The statements of core and features.
fn statements() -> Vec<&'static str> {
    let features = app::features().into_iter().flat_map(|feature| feature.statements.iter().copied());
    qd_core::statements().into_iter().chain(features).collect()
}

async fn pair() -> (World, World) {
    let url = fresh_database().await;
    (World::sqlite().await, World::with(move |config| config.storage.database_url = Secret::new(url)).await)
}

/// The columns; an expression without a name is called differently, and read by position.
fn named(described: &engine::db::Described) -> Vec<Option<&str>> {
    let nameless = |name: &&str| name.contains('(') || ["count", "coalesce", "max", "min", "sum", "?column?"].contains(name);
    described.columns.iter().map(|name| Some(name.as_str()).filter(|name| !nameless(name))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
async fn every_statement_prepares_on_both() {
    let (sqlite, postgres) = pair().await;
    let mut wrong = Vec::new();
    assert!(statements().len() > 60, "the lists are filled");
    for sql in statements() {
        match (sqlite.app.db.describe(sql).await, postgres.app.db.describe(sql).await) {
            (Ok(one), Ok(other)) if one.parameters == other.parameters && named(&one) == named(&other) => {}
            (one, other) => wrong.push(format!("{sql}\n  SQLite: {one:?}\n  Postgres: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    sqlite.finish().await;
    postgres.finish().await;
}

const SQLITE_COLUMNS: &str = "SELECT m.name, c.name, c.\"notnull\" FROM sqlite_schema m JOIN pragma_table_info(m.name) c \
     WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_%' ESCAPE '\\'";
const POSTGRES_COLUMNS: &str = "SELECT table_name::text, column_name::text, (CASE is_nullable WHEN 'NO' THEN 1 ELSE 0 END)::bigint \
     FROM information_schema.columns WHERE table_schema = 'public' AND left(table_name, 1) <> '_'";

async fn columns(db: &Db, sql: &'static str) -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, column, _) in db.all::<(String, String, i64)>(sql, args![]).await.unwrap() {
        tables.entry(table).or_default().push(column);
    }
    tables.values_mut().for_each(|columns| columns.sort());
    tables
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
async fn tables_and_columns_are_the_same() {
    let (sqlite, postgres) = pair().await;
    let (one, other) = (columns(&sqlite.app.db, SQLITE_COLUMNS).await, columns(&postgres.app.db, POSTGRES_COLUMNS).await);
    assert!(one.len() > 15, "{:?}", one.keys());
    assert_eq!(one, other);
    sqlite.finish().await;
    postgres.finish().await;
}

/// A database that a newer program wrote is refused in one sentence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_database_is_refused() {
    let directory = tempfile::TempDir::new().unwrap();
    let mut config = qd_core::config::Config::load(&directory.path().join("none.toml"), false, &[]).unwrap();
    config.storage.data_dir = directory.path().join("data");
    server::wiring::data_dir(&config.storage.data_dir).unwrap();
    server::wiring::open_own(&config).await.unwrap().close().await;
    let db = Db::open(&server::wiring::own_database(&config), DbOptions::default()).await.unwrap();
    let newer = "INSERT INTO _quarterdeck_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', 1, x'00', 0)";
    db.write(move |tx| Box::pin(async move { tx.exec(newer, args![]).await })).await.unwrap();
    db.close().await;
    let fault = server::wiring::open_own(&config).await.unwrap_err().to_string();
    assert!(fault.contains("newer Quarterdeck"), "{fault}");
}

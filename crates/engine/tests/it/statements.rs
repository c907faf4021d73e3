//! Twins: every statement prepares, and the migrations make the same tables.

use engine::job::statements;
use engine::{Db, Dialect, args};

use crate::support::TestDb;

crate::both!(every_statement_prepares);

async fn every_statement_prepares(t: &TestDb) {
    for statement in statements().filter(|s| s.only.is_none_or(|only| only == t.db.dialect())) {
        let shape = t.db.describe(statement.sql).await;
        let shape = shape.unwrap_or_else(|error| panic!("{}: {error:?}", statement.name));
        let highest = (1..=30).rev().find(|n| statement.sql.contains(&format!("${n}"))).unwrap_or(0);
        assert_eq!(shape.parameters, highest, "{}", statement.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs QD_TEST_POSTGRES; run by cargo xtask test"]
async fn shapes_are_equal_on_both() {
    let (lite, pg) = (TestDb::sqlite().await, TestDb::postgres().await);
    for statement in statements().filter(|s| s.only.is_none()) {
        let (a, b) = (lite.db.describe(statement.sql).await.unwrap(), pg.db.describe(statement.sql).await.unwrap());
        assert_eq!(a.parameters, b.parameters, "{}", statement.name);
        // SQLite names an aggregate without AS by its text.
        assert_eq!(a.columns.len(), b.columns.len(), "{}", statement.name);
    }
    pg.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs QD_TEST_POSTGRES; run by cargo xtask test"]
async fn tables_and_columns_are_equal_on_both() {
    let (lite, pg) = (TestDb::sqlite().await, TestDb::postgres().await);
    let (a, b) = (columns(&lite.db).await, columns(&pg.db).await);
    assert!(a.iter().any(|(table, column, _, _)| table == "job" && column == "lease_until"));
    assert_eq!(a, b);
    pg.remove().await;
}

#[test]
fn migration_files_are_twins() {
    let names = |folder: &str| {
        let path = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
        let mut names: Vec<_> = std::fs::read_dir(path).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

/// (table, column, portable type, NULL allowed)
async fn columns(db: &Db) -> Vec<(String, String, String, bool)> {
    let sql = match db.dialect() {
        Dialect::Sqlite => {
            "SELECT m.name, c.name, lower(c.type), CASE WHEN c.\"notnull\" = 0 THEN 'yes' ELSE 'no' END
             FROM sqlite_schema m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE '\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%' ORDER BY 1, 2"
        }
        Dialect::Postgres => {
            "SELECT table_name::text, column_name::text, data_type::text, lower(is_nullable::text)
             FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%' ORDER BY 1, 2"
        }
    };
    let rows: Vec<(String, String, String, String)> = db.all(sql, args![]).await.unwrap();
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|(table, column, kind, null)| {
            let kind = match kind.as_str() {
                "uuid" | "bytea" => "blob",
                // 0/1 with a CHECK on SQLite
                "bigint" | "boolean" => "integer",
                "jsonb" => "text",
                "double precision" => "real",
                other => other,
            };
            (table, column, kind.to_owned(), null == "yes")
        })
        .collect();
    rows.sort();
    rows
}

//! Two databases, one schema, one set of statements.

use engine::{Db, Dialect, args};

use crate::support::Place;

crate::both!(every_statement_prepares);

async fn every_statement_prepares(t: &Place) {
    let db = t.db().await;
    for sql in marketplace::statements(db.dialect()) {
        let start: String = sql.chars().take(200).collect();
        db.describe(sql).await.unwrap_or_else(|error| panic!("{start}: {error}"));
    }
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs QD_TEST_POSTGRES; run by cargo xtask test"]
async fn tables_and_columns_are_equal_on_both() {
    let (lite, pg) = (Place::sqlite().await, Place::postgres().await);
    let (a, b) = (columns(&lite.db().await).await, columns(&pg.db().await).await);
    assert!(a.iter().any(|row| row.starts_with("orders checkout_key")));
    assert_eq!(a, b);
    pg.remove().await;
}

#[test]
fn migrations_are_twins() {
    let [sqlite, postgres] = marketplace::migrators();
    let names = |migrator: &engine::Migrator| -> Vec<_> { migrator.iter().map(|m| (m.version, m.description.to_string())).collect() };
    assert_eq!(names(sqlite), names(postgres));
}

async fn columns(db: &Db) -> Vec<String> {
    let sql = match db.dialect() {
        Dialect::Sqlite => {
            "SELECT m.name, c.name, lower(c.type), CASE WHEN c.\"notnull\" = 0 THEN 'yes' ELSE 'no' END
             FROM sqlite_schema m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE '\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%' ORDER BY 1, 2"
        }
        Dialect::Postgres => {
            "SELECT table_name::text, column_name::text, data_type::text, lower(is_nullable::text)
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%' ORDER BY 1, 2"
        }
    };
    let rows: Vec<(String, String, String, String)> = db.all(sql, args![]).await.unwrap();
    let portable = |kind: &str| {
        match kind {
            "uuid" | "bytea" => "blob",
            "bigint" | "boolean" => "integer",
            "jsonb" => "text",
            "double precision" => "real",
            other => other,
        }
        .to_owned()
    };
    let mut rows: Vec<_> = rows.into_iter().map(|(table, column, kind, null)| format!("{table} {column} {} {null}", portable(&kind))).collect();
    rows.sort();
    rows
}

//! Values, errors and dynamic queries mean the same on both databases.

use engine::db::Value;
use engine::{Args, Error, args};
use sea_query::{Alias, Expr, ExprTrait, Order, Query};
use serde_json::json;
use sqlx::types::Json;
use uuid::Uuid;

use crate::support::TestDb;

crate::both!(round_trip, constraint_names, dynamic_queries, nothing_found);

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Everything {
    id: Uuid,
    b: Option<bool>,
    i: Option<i64>,
    f: Option<f64>,
    t: Option<String>,
    x: Option<Vec<u8>>,
    j: Option<Json<serde_json::Value>>,
}

async fn round_trip(t: &TestDb) {
    let full = Everything {
        id: Uuid::now_v7(),
        b: Some(true),
        i: Some(i64::MIN),
        f: Some(0.1),
        t: Some("naïve ☂".to_owned()),
        x: Some(vec![0, 255]),
        j: Some(Json(json!({"a": [1, null, "x"]}))),
    };
    let empty = Everything { id: Uuid::now_v7(), b: None, i: None, f: None, t: None, x: None, j: None };
    for row in [full, empty] {
        let values = args![row.id, row.b, row.i, row.f, row.t.clone(), row.x.clone(), row.j.as_ref().map(|json| json.0.clone())];
        let insert = "INSERT INTO everything (id, b, i, f, t, x, j) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        t.db.write(move |tx| Box::pin(async move { tx.exec(insert, values).await })).await.unwrap();
        let read: Everything = t.db.one("SELECT * FROM everything WHERE id = $1", args![row.id]).await.unwrap();
        assert_eq!(read, row);
    }
    assert_eq!(args![Some("x"), None::<i64>], Args(vec![Value::Text(Some("x".into())), Value::BigInt(None)]));
}

pub const INSERT: &str = "INSERT INTO item (id, name, owner, a, b) VALUES ($1, $2, $3, $4, $5)";

async fn insert(t: &TestDb, values: Args) -> Result<u64, Error> {
    t.db.write(move |tx| Box::pin(async move { tx.exec(INSERT, values).await })).await
}

async fn constraint_names(t: &TestDb) {
    let id = Uuid::now_v7();
    let none = None::<Uuid>;
    insert(t, args![id, "one", none, 1_i64, 2_i64]).await.unwrap();
    let error = insert(t, args![Uuid::now_v7(), "one", none, 3_i64, 4_i64]).await.unwrap_err();
    assert!(error.is_unique("item_name_key"), "{error:?}");
    let error = insert(t, args![id, "two", none, 3_i64, 4_i64]).await.unwrap_err();
    assert!(error.is_unique("item_pkey"), "{error:?}");
    let error = insert(t, args![Uuid::now_v7(), "two", none, 1_i64, 2_i64]).await.unwrap_err();
    assert!(error.is_unique("item_a_b_key"), "{error:?}");
    let error = insert(t, args![Uuid::now_v7(), "two", Uuid::now_v7(), 3_i64, 4_i64]).await.unwrap_err();
    assert!(matches!(error, Error::ForeignKey), "{error:?}");
    let error = insert(t, args![Uuid::now_v7(), "two", none, 1_000_000_i64, 4_i64]).await.unwrap_err();
    assert!(matches!(&error, Error::Check { constraint } if constraint == "item_a_check"), "{error:?}");
    let error = insert(t, args![Uuid::now_v7(), None::<String>, none, 3_i64, 4_i64]).await.unwrap_err();
    assert!(matches!(error, Error::Check { .. }), "{error:?}");
}

async fn dynamic_queries(t: &TestDb) {
    for n in 0..5_i64 {
        insert(t, args![Uuid::now_v7(), format!("item {n}"), None::<Uuid>, n, n]).await.unwrap();
    }
    let query = Query::select()
        .column(Alias::new("name"))
        .from(Alias::new("item"))
        .and_where(Expr::col(Alias::new("a")).gte(2))
        .and_where(Expr::col(Alias::new("name")).like("item %"))
        .order_by(Alias::new("a"), Order::Desc)
        .limit(2)
        .to_owned();
    let rows: Vec<(String,)> = t.db.select(&query).await.unwrap();
    assert_eq!(rows, [("item 4".to_owned(),), ("item 3".to_owned(),)]);
}

async fn nothing_found(t: &TestDb) {
    let select = "SELECT name FROM item WHERE id = $1";
    assert!(t.db.maybe::<(String,)>(select, args![Uuid::now_v7()]).await.unwrap().is_none());
    let error = t.db.one::<(String,)>(select, args![Uuid::now_v7()]).await.unwrap_err();
    assert!(matches!(error, Error::NotFound));
    t.db.ping().await.unwrap();
}

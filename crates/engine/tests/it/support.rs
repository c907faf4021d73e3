//! A fresh database for each test, and waiting for a condition.

use std::future::Future;
use std::time::{Duration, Instant};

use engine::{Db, DbOptions, Migrator};
use sqlx::{ConnectOptions, Connection, Executor};

pub static SQLITE: Migrator = sqlx::migrate!("./tests/it/migrations/sqlite");
pub static POSTGRES: Migrator = sqlx::migrate!("./tests/it/migrations/postgres");
pub static NEWER_SQLITE: Migrator = sqlx::migrate!("./tests/it/migrations/newer_sqlite");
pub static NEWER_POSTGRES: Migrator = sqlx::migrate!("./tests/it/migrations/newer_postgres");

/// Makes `sqlite::name` and `postgres::name` of every `async fn name(t: &TestDb)`.
#[macro_export]
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let t = $crate::support::TestDb::sqlite().await;
                super::$name(&t).await;
                t.remove().await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs QD_TEST_POSTGRES; run by cargo xtask test"]
            async fn $name() {
                let t = $crate::support::TestDb::postgres().await;
                super::$name(&t).await;
                t.remove().await;
            })+
        }
    };
}

/// A migrated database of this test's own.
pub struct TestDb {
    pub db: Db,
    pub url: String,
    /// Where a SQLite file lies.
    pub dir: Option<tempfile::TempDir>,
    admin: Option<(String, String)>,
}

impl TestDb {
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("test.db").display());
        Self::open(url, Some(dir), None).await
    }

    pub async fn postgres() -> Self {
        let admin = std::env::var("QD_TEST_POSTGRES").expect("QD_TEST_POSTGRES names a Postgres server");
        let name = format!("engine_{}", uuid::Uuid::now_v7().simple());
        admin_sql(&admin, format!("CREATE DATABASE {name}")).await;
        let (server, _) = admin.rsplit_once('/').expect("an admin URL with a database");
        Self::open(format!("{server}/{name}"), None, Some((admin.clone(), name))).await
    }

    async fn open(url: String, dir: Option<tempfile::TempDir>, admin: Option<(String, String)>) -> Self {
        let db = Db::open(&url, DbOptions::default()).await.unwrap();
        engine::migrate(&db).await.unwrap();
        db.migrate(&SQLITE, &POSTGRES, "_test_migrations").await.unwrap();
        Self { db, url, dir, admin }
    }

    /// The same database as another process sees it: with connections and a writer of its own.
    pub async fn other(&self) -> Db {
        Db::open(&self.url, DbOptions::default()).await.unwrap()
    }

    pub async fn remove(self) {
        self.db.close().await;
        if let Some((admin, name)) = self.admin {
            admin_sql(&admin, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

async fn admin_sql(url: &str, sql: String) {
    let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
    let mut conn = options.connect().await.unwrap();
    conn.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    conn.close().await.unwrap();
}

/// Waits until `probe` gives a value, at most 30 s.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut probe: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(Instant::now() < deadline, "gave up waiting: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

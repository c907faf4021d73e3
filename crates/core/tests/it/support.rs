//! A migrated database with a gate at a fixed time, and three actions to send through it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{BoxFuture, Db, DbOptions, args};
use qd_core::audit::{self, Anchor, Filter, Row, Signer};
use qd_core::gate::{Access, Action, Actor, AuditEvent, Change, Client, Confirmation, Danger, Done, Gate, GateTx, Permit, Role, Target};
use qd_core::{Clock, Result, Timestamp};
use serde::Serialize;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

/// Guarded: names a thing.
#[derive(Clone, Serialize)]
pub struct Name {
    pub thing: i64,
    pub name: String,
}

impl Action for Name {
    const NAME: &'static str = "thing.name";
    const EVENT: AuditEvent = AuditEvent("THING_NAMED");
    const WHO: Access = Access::OPERATE;
    const DANGER: Danger = Danger::Guarded;

    fn target(&self) -> Target {
        Target::new("thing", self.thing)
    }
}

/// Destructive: asks for a phrase.
#[derive(Clone, Serialize)]
pub struct Wipe;

impl Action for Wipe {
    const NAME: &'static str = "thing.wipe";
    const EVENT: AuditEvent = AuditEvent("THING_WIPED");
    const WHO: Access = Access::RULE;
    const DANGER: Danger = Danger::Destructive;

    fn target(&self) -> Target {
        Target::new("thing", "all")
    }

    fn phrase(&self) -> Option<String> {
        Some("WIPE all".into())
    }
}

#[derive(Clone)]
pub struct World {
    pub db: Db,
    pub gate: Gate,
    pub clock: Clock,
    pub url: String,
    pub dir: Arc<tempfile::TempDir>,
    database: Option<(String, String)>,
}

impl World {
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("core.db").display());
        Self::open(url, dir, None).await
    }

    pub async fn postgres() -> Self {
        let server = std::env::var("QD_TEST_POSTGRES").expect("QD_TEST_POSTGRES names a Postgres server");
        let name = format!("qd_core_{}", Uuid::now_v7().simple());
        run(&server, format!("CREATE DATABASE {name}")).await;
        let (base, _) = server.rsplit_once('/').unwrap();
        Self::open(format!("{base}/{name}"), tempfile::tempdir().unwrap(), Some((server, name))).await
    }

    async fn open(url: String, dir: tempfile::TempDir, database: Option<(String, String)>) -> Self {
        let db = Db::open(&url, DbOptions::default()).await.unwrap();
        db.migrate(&qd_core::SQLITE, &qd_core::POSTGRES, "_quarterdeck_migrations").await.unwrap();
        let table = "CREATE TABLE thing (id BIGINT PRIMARY KEY, name TEXT NOT NULL)";
        db.write(move |tx| Box::pin(async move { tx.exec(table, args![]).await })).await.unwrap();
        let clock = Clock::fixed(Timestamp::from_seconds(1_795_390_800));
        let gate = Gate::new(db.clone(), clock.clone());
        Self { db, gate, clock, url, dir: Arc::new(dir), database }
    }

    /// Drops the database; a failed test leaves it for a look.
    pub async fn end(self) {
        self.db.close().await;
        if let Some((server, name)) = self.database {
            run(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }

    pub fn signer(&self) -> Signer {
        Signer::open(&self.file("audit.key"), "test").unwrap()
    }

    pub fn anchor(&self) -> Anchor {
        Anchor(self.file("anchor.jsonl"))
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub async fn name(&self, actor: &Actor, action: Name, given: Confirmation) -> Result<Done<String>> {
        self.gate.transact(actor, action, given, put_name).await
    }

    /// `count` good changes.
    pub async fn fill(&self, count: i64) {
        for thing in 1..=count {
            self.name(&admin(), named(thing, "brass"), because()).await.unwrap();
        }
    }

    pub async fn rows(&self) -> Vec<Row> {
        audit::export_page(&self.db, 0, 5_000).await.unwrap()
    }

    pub async fn last(&self) -> Row {
        audit::list(&self.db, &Filter { limit: Some(1), ..Filter::default() }).await.unwrap().remove(0)
    }

    pub async fn things(&self) -> Vec<(i64, String)> {
        self.db.all("SELECT id, name FROM thing ORDER BY id", args![]).await.unwrap()
    }

    pub async fn open_intents(&self) -> i64 {
        self.db.one::<(i64,)>("SELECT count(*) FROM open_intent", args![]).await.unwrap().0
    }

    /// Writes past the gate, as somebody with the database's password would.
    pub async fn tamper(&self, sql: &'static str, args: engine::Args) {
        let changed = self.db.write(move |tx| Box::pin(async move { tx.exec(sql, args).await })).await.unwrap();
        assert!(changed > 0, "nothing tampered: {sql}");
    }

    /// Waits until the last row satisfies `wanted`.
    pub async fn until(&self, wanted: impl Fn(&Row) -> bool) -> Row {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let rows = self.rows().await;
            if let Some(row) = rows.into_iter().find(&wanted) {
                return row;
            }
            assert!(Instant::now() < deadline, "the row did not come");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn put_name<'t>(mut tx: GateTx<'t>, permit: Permit<Name>) -> BoxFuture<'t, Result<Change<String>>> {
    Box::pin(async move {
        let Name { thing, name } = permit.action().clone();
        let before: Option<(String,)> = tx.maybe("SELECT name FROM thing WHERE id = $1", args![thing]).await?;
        let put = "INSERT INTO thing (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name";
        tx.exec(put, args![thing, name.as_str()]).await?;
        Ok(Change::between(name.clone(), before.map(|(name,)| json!({ "name": name })), json!({ "name": name })))
    })
}

async fn run(server: &str, sql: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
}

pub fn named(thing: i64, name: &str) -> Name {
    Name { thing, name: name.into() }
}

pub fn because() -> Confirmation {
    Confirmation::because("the label fell off")
}

pub fn keyed(key: &str) -> Confirmation {
    Confirmation { idempotency_key: Some(key.into()), ..because() }
}

pub fn person(role: Role) -> Actor {
    let client = Client {
        ip: Some("192.0.2.7".into()),
        user_agent: Some("test/1".into()),
        request_id: Some("req-1".into()),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
    };
    Actor::user(Uuid::from_u128(7), "Mara", role, Uuid::from_u128(8), client)
}

pub fn admin() -> Actor {
    person(Role::Admin)
}

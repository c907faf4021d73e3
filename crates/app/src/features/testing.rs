//! For tests of features: an application on a fresh, migrated database at a fixed time, and a macro that runs a body on both databases.

use engine::{Db, DbOptions};
use qd_core::audit::{self, Anchor, Filter, Row, Signer};
use qd_core::config::Config;
use qd_core::event::Bus;
use qd_core::gate::{Actor, Client, Confirmation, Gate, Role};
use qd_core::port::Ports;
use qd_core::reading::Board;
use qd_core::{App, AppParts, Clock, StateMap, Timestamp};
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::web::{Page, View};

/// Makes `sqlite::name` and `postgres::name` from `async fn name(world: &World)`.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let world = $crate::features::testing::World::sqlite().await;
                super::$name(&world).await;
                world.end().await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
            async fn $name() {
                let world = $crate::features::testing::World::postgres().await;
                super::$name(&world).await;
                world.end().await;
            })+
        }
    };
}
pub(crate) use on_both;

/// An application on a fresh database.
pub struct World {
    pub app: App,
    _dir: tempfile::TempDir,
    database: Option<(String, String)>,
}

impl World {
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("test.db").display());
        Self::open(url, dir, None).await
    }

    pub async fn postgres() -> Self {
        let server = std::env::var("QD_TEST_POSTGRES").expect("QD_TEST_POSTGRES names a Postgres server");
        let name = format!("qd_app_{}", Uuid::now_v7().simple());
        run(&server, format!("CREATE DATABASE {name}")).await;
        let (base, _) = server.rsplit_once('/').unwrap();
        Self::open(format!("{base}/{name}"), tempfile::tempdir().unwrap(), Some((server, name))).await
    }

    async fn open(url: String, dir: tempfile::TempDir, database: Option<(String, String)>) -> Self {
        let db = Db::open(&url, DbOptions::default()).await.unwrap();
        engine::migrate(&db).await.unwrap();
        db.migrate(&qd_core::SQLITE, &qd_core::POSTGRES, "_quarterdeck_migrations").await.unwrap();
        let clock = Clock::fixed(Timestamp::parse("2026-11-22T12:00:00Z").unwrap());
        let app = assemble(&dir, db, clock, Ports::default());
        Self { app, _dir: dir, database }
    }

    /// Another application on the same database and clock, with systems outside.
    pub fn with(&self, ports: Ports) -> App {
        assemble(&self._dir, self.app.db.clone(), self.app.clock.clone(), ports)
    }

    /// Drops the database; a failed test leaves it for a look.
    pub async fn end(self) {
        self.app.db.close().await;
        if let Some((server, name)) = self.database {
            run(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }

    /// Moves the clock.
    pub fn later(&self, seconds: i64) {
        self.app.clock.set(self.app.now().plus_seconds(seconds));
    }

    /// The newest audit row.
    pub async fn last(&self) -> Row {
        let filter = Filter { limit: Some(1), ..Filter::default() };
        audit::list(&self.app.db, &filter).await.unwrap().remove(0)
    }

    /// A view as `actor` sees it.
    pub fn html(&self, view: &impl View, actor: &Actor) -> String {
        let page = Page { actor, now: self.app.now(), path: "/", query: "", htmx: false, app: &self.app };
        view.body(&page).into_string()
    }

    /// Writes past the gate, as somebody with the database's password would.
    pub async fn tamper(&self, sql: &'static str, args: engine::Args) {
        let changed = self.app.db.write(move |tx| Box::pin(async move { tx.exec(sql, args).await })).await.unwrap();
        assert!(changed > 0, "nothing tampered: {sql}");
    }
}

fn assemble(dir: &tempfile::TempDir, db: Db, clock: Clock, ports: Ports) -> App {
    let config = Config::load(&dir.path().join("none.toml"), false, &[]).unwrap();
    let mut state = StateMap::default();
    for feature in crate::features() {
        (feature.state)(&config, &mut state).unwrap();
    }
    App::new(AppParts {
        gate: Gate::new(db.clone(), clock.clone()),
        board: Board::default(),
        bus: Bus::default(),
        published: qd_core::published::Published::new(crate::features().iter().filter_map(|feature| feature.published).collect()),
        keys: qd_core::keys::Keys::open(&dir.path().join("installation.key")).unwrap(),
        ports,
        started: clock.now(),
        signer: Signer::open(&dir.path().join("audit.key"), "test").unwrap(),
        anchor: Anchor(dir.path().join("anchors.jsonl")),
        state,
        db,
        clock,
        config,
    })
}

async fn run(server: &str, sql: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
}

/// A person with a role, not in the database.
pub fn person(role: Role) -> Actor {
    let client = Client { ip: Some("192.0.2.7".into()), request_id: Some("req-1".into()), ..Client::default() };
    Actor::user(Uuid::from_u128(7), "Mara", role, Uuid::from_u128(8), client)
}

/// A good reason.
pub fn because() -> Confirmation {
    Confirmation::because("the pager said so")
}

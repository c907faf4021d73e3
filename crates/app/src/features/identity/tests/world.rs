//! An application with this feature alone, at a fixed time, on a fresh database.

use engine::{Db, DbOptions, args};
use qd_core::audit::{self, Anchor, Filter, Row, Signer};
use qd_core::config::Config;
use qd_core::event::Bus;
use qd_core::gate::{Actor, Client, Confirmation, Gate, Role};
use qd_core::port::Ports;
use qd_core::reading::Board;
use qd_core::secret::Secret;
use qd_core::{App, AppParts, Clock, Result, StateMap, Timestamp};
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::features::identity::{FEATURE, IdentitySessions, account, create_admin, session};
use crate::web::{Credentials, Sessions as _};

pub const PASSWORD: &str = "tin-lantern-harbour";

pub struct World {
    pub app: App,
    clock: Clock,
    dir: tempfile::TempDir,
    database: Option<(String, String)>,
}

impl World {
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("identity.db").display());
        Self::open(url, dir, None).await
    }

    pub async fn postgres() -> Self {
        let server = std::env::var("QD_TEST_POSTGRES").expect("QD_TEST_POSTGRES names a Postgres server");
        let name = format!("qd_identity_{}", Uuid::now_v7().simple());
        run(&server, format!("CREATE DATABASE {name}")).await;
        let (base, _) = server.rsplit_once('/').unwrap();
        Self::open(format!("{base}/{name}"), tempfile::tempdir().unwrap(), Some((server, name))).await
    }

    async fn open(url: String, dir: tempfile::TempDir, database: Option<(String, String)>) -> Self {
        let db = Db::open(&url, DbOptions::default()).await.unwrap();
        db.migrate(&qd_core::SQLITE, &qd_core::POSTGRES, "_quarterdeck_migrations").await.unwrap();
        let clock = Clock::fixed(Timestamp::from_seconds(1_795_390_800));
        let app = Self::assemble(db, &clock, &dir);
        Self { app, clock, dir, database }
    }

    fn assemble(db: Db, clock: &Clock, dir: &tempfile::TempDir) -> App {
        let config = Config::load(&dir.path().join("none.toml"), false, &[]).unwrap();
        let mut state = StateMap::default();
        (FEATURE.state)(&config, &mut state).unwrap();
        App::new(AppParts {
            gate: Gate::new(db.clone(), clock.clone()),
            board: Board::default(),
            bus: Bus::default(),
            published: qd_core::published::Published::new(crate::features().iter().filter_map(|feature| feature.published).collect()),
            keys: qd_core::keys::Keys::open(&dir.path().join("installation.key")).unwrap(),
            ports: Ports::default(),
            started: clock.now(),
            signer: Signer::open(&dir.path().join("audit.key"), "test").unwrap(),
            anchor: Anchor(dir.path().join("anchors.jsonl")),
            state,
            db,
            clock: clock.clone(),
            config,
        })
    }

    /// Another connection to the same Postgres database.
    pub async fn elsewhere(&self) -> PgConnection {
        let (server, name) = self.database.as_ref().unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        PgConnection::connect(&format!("{base}/{name}")).await.unwrap()
    }

    /// The same database in a process that was started anew.
    pub fn restarted(&self) -> App {
        Self::assemble(self.app.db.clone(), &self.clock, &self.dir)
    }

    pub async fn end(self) {
        self.app.db.close().await;
        if let Some((server, name)) = self.database {
            run(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }

    pub fn later(&self, seconds: i64) {
        self.clock.set(self.clock.now().plus_seconds(seconds));
    }

    pub async fn user(&self, name: &str, role: Role) -> account::User {
        create_admin(&self.app, &email(name), name, role, Some(Secret::new(PASSWORD))).await.unwrap()
    }

    pub async fn try_sign_in(&self, name: &str, password: &str) -> session::SignIn {
        session::sign_in(&self.app, &nobody(), &email(name), Secret::new(password)).await.unwrap()
    }

    /// Signs in and gives the cookie.
    pub async fn cookie(&self, name: &str) -> Secret {
        match self.try_sign_in(name, PASSWORD).await {
            session::SignIn::Opened(opened) => opened.cookie,
            other => panic!("{name} could not sign in: {other:?}"),
        }
    }

    pub async fn actor(&self, name: &str) -> Actor {
        let cookie = self.cookie(name).await;
        self.enter(&cookie).await.unwrap()
    }

    /// Who is behind a cookie, asked as the web layer asks.
    pub async fn enter(&self, cookie: &Secret) -> Result<Actor> {
        let given = Credentials { cookie: Some(cookie.expose().into()), ..Credentials::default() };
        IdentitySessions.authenticate(&self.app, given, Client::default()).await
    }

    /// The same by a live screen that renews itself.
    pub async fn renew(&self, cookie: &Secret) -> Result<Actor> {
        let given = Credentials { cookie: Some(cookie.expose().into()), unattended: true, ..Credentials::default() };
        IdentitySessions.authenticate(&self.app, given, Client::default()).await
    }

    pub async fn enter_by_token(&self, token: &str) -> Result<Actor> {
        let given = Credentials { bearer: Some(token.into()), ..Credentials::default() };
        IdentitySessions.authenticate(&self.app, given, Client::default()).await
    }

    pub async fn trail(&self) -> Vec<Row> {
        audit::export_page(&self.app.db, 0, 5_000).await.unwrap()
    }

    pub async fn events(&self) -> Vec<String> {
        self.trail().await.into_iter().map(|row| row.event).collect()
    }

    pub async fn last(&self) -> Row {
        audit::list(&self.app.db, &Filter { limit: Some(1), ..Filter::default() }).await.unwrap().remove(0)
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        self.app.db.one::<(i64,)>(sql, args![]).await.unwrap().0
    }
}

pub fn email(name: &str) -> String {
    format!("{name}@fern.example")
}

pub fn nobody() -> Actor {
    Actor::anonymous(Client { ip: Some("192.0.2.7".into()), user_agent: Some("test".into()), ..Client::default() })
}

pub fn because() -> Confirmation {
    Confirmation::because("a reason that is long enough")
}

async fn run(server: &str, sql: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    connection.close().await.unwrap();
}

//! A running control center for a test, and typed clients for it.
//!
//! `World::sqlite()` and `World::postgres()` start the real program in this process on a free port. `both!` makes one test for each database.
//! On drop of a test nothing may be left: [`World::finish`] stops it and asserts that no event is undelivered.

#![allow(dead_code)]

pub mod client;
mod until;

use std::sync::atomic::{AtomicU32, Ordering};

use app::features::identity;
use qd_core::config::Config;
use qd_core::gate::Role;
use qd_core::secret::Secret;
use qd_core::{App, Clock};
use server::running::{Limits, Running, bind};
use server::wiring;
use tempfile::TempDir;

pub use client::Client;
pub use until::{until, until_within};

/// Password of every test account.
pub const PASSWORD: &str = "a long enough passphrase";

/// Makes `sqlite::name` and `postgres::name` from `async fn name(world: World)`.
#[macro_export]
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let world = $crate::support::World::sqlite().await;
                super::$name(&world).await;
                world.finish().await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
            async fn $name() {
                let world = $crate::support::World::postgres().await;
                super::$name(&world).await;
                world.finish().await;
            })+
        }
    };
}

/// A running control center with one account for each role.
pub struct World {
    /// The application, for looking behind the face.
    pub app: App,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    running: Running,
    directory: TempDir,
}

impl World {
    /// On a SQLite file.
    pub async fn sqlite() -> Self {
        Self::with(|_| {}).await
    }

    /// On a fresh Postgres database.
    pub async fn postgres() -> Self {
        let url = fresh_database().await;
        Self::with(move |config| config.storage.database_url = Secret::new(url)).await
    }

    /// On a SQLite file, with changes to the configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::within("127.0.0.1:0", Limits::default(), change).await
    }

    /// The same on an address, with limits of connections.
    pub async fn within(listen: &str, limits: Limits, change: impl FnOnce(&mut Config)) -> Self {
        let directory = TempDir::new().unwrap();
        let mut config = Config::load(&directory.path().join("none.toml"), false, &[]).unwrap();
        config.storage.data_dir = directory.path().join("data");
        config.platform.name = "Testmarket".into();
        config.server.environment = "test".into();
        change(&mut config);
        let app = wiring::assemble(config, Clock::system()).await.unwrap();
        for role in Role::ALL {
            identity::create_admin(&app, &email(role), role.word(), role, Some(Secret::new(PASSWORD))).await.unwrap();
        }
        let running = Running::start_within(app.clone(), bind(listen).await.unwrap(), limits).await.unwrap();
        Self { app, url: format!("http://{}", running.address), running, directory }
    }

    /// Where its files are.
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Nobody is signed in.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.url)
    }

    /// Somebody with this role.
    pub async fn signed_in(&self, role: Role) -> Client {
        let client = self.anonymous();
        client.sign_in(&email(role), PASSWORD).await;
        client
    }

    /// SUPER_ADMIN.
    pub async fn super_admin(&self) -> Client {
        self.signed_in(Role::SuperAdmin).await
    }

    /// ADMIN.
    pub async fn admin(&self) -> Client {
        self.signed_in(Role::Admin).await
    }

    /// STAFF_ADMIN.
    pub async fn staff(&self) -> Client {
        self.signed_in(Role::StaffAdmin).await
    }

    /// AUDITOR.
    pub async fn auditor(&self) -> Client {
        self.signed_in(Role::Auditor).await
    }

    /// A machine with these scopes.
    pub async fn machine(&self, scopes: &[&str]) -> Client {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let token = identity::create_token(&self.app, "test", scopes, 1).await.unwrap();
        self.anonymous().bearer(token.expose())
    }

    /// Stops it and keeps its files.
    pub async fn stop(self) -> TempDir {
        self.running.stop().await;
        self.directory
    }

    /// Stops it; every event must have been delivered.
    pub async fn finish(self) {
        let app = self.app.clone();
        until("every event is delivered", || async { qd_core::event::pending(&app.db).await.unwrap() == 0 }).await;
        self.running.stop().await;
    }
}

/// Address of the test account of a role.
pub fn email(role: Role) -> String {
    format!("{}@test.example", role.word().to_lowercase())
}

/// A new, empty database on the suite's Postgres.
pub async fn fresh_database() -> String {
    use sqlx::{Connection, Executor};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let admin = std::env::var("QD_TEST_POSTGRES").expect("QD_TEST_POSTGRES names the suite's Postgres; run cargo xtask test");
    let name = format!("qd_it_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut server = sqlx::PgConnection::connect(&admin).await.unwrap();
    server.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    server.close().await.unwrap();
    let (base, _) = admin.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

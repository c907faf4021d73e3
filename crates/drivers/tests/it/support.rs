//! What the tests of all drivers share.

use std::time::{Duration, Instant};

use engine::{BoxFuture, Db, DbOptions};
use qd_core::Clock;
use qd_core::gate::{Access, Action, Actor, AuditEvent, Change, Confirmation, Danger, Gate, Permit, Target};
use qd_core::port::Figure;

/// Waits for a condition, at most ten seconds.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The figure of a key.
pub fn figure<'a>(figures: &'a [Figure], key: &str) -> &'a Figure {
    figures.iter().find(|figure| figure.key == key).unwrap_or_else(|| panic!("no figure {key}"))
}

/// Address of a Postgres server for tests.
pub fn postgres() -> String {
    std::env::var("QD_TEST_POSTGRES").expect("QD_TEST_POSTGRES is set")
}

/// Address of a Redis server for tests.
pub fn redis() -> String {
    std::env::var("QD_TEST_REDIS").expect("QD_TEST_REDIS is set")
}

/// An action that does nothing but pass the gate.
#[derive(serde::Serialize)]
pub struct Touch;

impl Action for Touch {
    const NAME: &'static str = "test.touch";
    const EVENT: AuditEvent = AuditEvent("TEST_TOUCHED");
    const WHO: Access = Access::OPERATE;
    const DANGER: Danger = Danger::Routine;

    fn target(&self) -> Target {
        Target::new("test", "1")
    }
}

/// Runs `work` with a permit of a real gate: only a gate gives the warrant that a changing method takes.
pub async fn with_permit<F>(work: F) -> qd_core::Result<()>
where
    F: FnOnce(Permit<Touch>) -> BoxFuture<'static, qd_core::Result<()>> + Send + 'static,
{
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path().join("gate.db").to_str().unwrap(), DbOptions::default()).await.unwrap();
    db.migrate(&qd_core::SQLITE, &qd_core::POSTGRES, "_migrations").await.unwrap();
    let gate = Gate::new(db.clone(), Clock::system());
    let actor = Actor::cli("test");
    let run = gate.perform(&actor, Touch, Confirmation::default(), |permit| Box::pin(async move { work(permit).await.map(Change::of) }));
    let done = run.await.map(|_| ());
    db.close().await;
    done
}

//! Draining the queues of another process: its worker obeys, nothing is lost, and only what the drain paused is resumed.

use std::sync::Arc;
use std::time::Duration;

use app::features::maintenance::drain::{self, Hold, converge};
use app::features::maintenance::window::{self, Window};
use app::features::maintenance::{Kind, Terms, state};
use engine::job::{self, Enqueue, Job, JobError, RunInfo, Worker, WorkerHandle};
use engine::{Db, DbOptions, args};
use qd_core::config::{Config, QueueConfig};
use qd_core::gate::{Actor, Confirmation};
use qd_core::secret::Secret;
use qd_core::{App, Clock};
use serde::{Deserialize, Serialize};
use server::wiring;
use tokio::sync::Semaphore;

use super::{actions, boss, home, on};
use crate::support::{World, fresh_database, until};

/// The platform's job system: another database, another worker.
struct Shop {
    db: Db,
    gates: Arc<Semaphore>,
    worker: WorkerHandle,
}

/// Runs until it is let go.
#[derive(Debug, Serialize, Deserialize)]
struct Errand;

impl Job for Errand {
    const NAME: &'static str = "errand";
    const QUEUE: &'static str = "email";
    type Context = Arc<Semaphore>;

    async fn run(self, gates: Arc<Semaphore>, _run: RunInfo) -> Result<(), JobError> {
        gates.acquire().await.map_err(|fault| JobError::fatal(fault.to_string()))?.forget();
        Ok(())
    }
}

impl Shop {
    async fn open(url: &str) -> Self {
        let db = Db::open(url, DbOptions::default()).await.unwrap();
        engine::migrate(&db).await.unwrap();
        let gates = Arc::new(Semaphore::new(0));
        let worker = Worker::new(db.clone(), Arc::clone(&gates)).register::<Errand>().queue("email", 4).queue("labels", 4).queue("night", 4);
        let shop = Self { worker: worker.drain(Duration::from_millis(100)).start().await.unwrap(), db, gates };
        shop.pause("night").await;
        shop
    }

    async fn pause(&self, queue: &'static str) {
        self.db.write(move |tx| Box::pin(async move { job::pause(tx, queue).await })).await.unwrap();
    }

    async fn resume(&self, queue: &'static str) {
        self.db.write(move |tx| Box::pin(async move { job::resume(tx, queue).await })).await.unwrap();
    }

    async fn add(&self, queue: &'static str) {
        let options = Enqueue { queue: Some(queue.into()), ..Enqueue::default() };
        self.db.write(move |tx| Box::pin(async move { job::enqueue(tx, &Errand, options).await })).await.unwrap();
    }

    /// Waiting, active and completed jobs, and whether it is paused.
    async fn queue(&self, name: &str) -> (i64, i64, i64, bool) {
        let found = job::counts(&self.db).await.unwrap().into_iter().find(|counts| counts.queue == name).unwrap();
        (found.waiting, found.active, found.completed, found.paused)
    }

    async fn end(self) {
        self.worker.stop().await;
        self.db.close().await;
    }
}

fn with_shop(url: &str) -> impl FnOnce(&mut Config) {
    let shop = QueueConfig { name: "shop".into(), driver: "embedded".into(), url: Secret::new(url), prefix: String::new() };
    move |config| config.queues = vec![shop]
}

async fn hold(app: &App, window: &Window, queue: &str) -> Option<Hold> {
    drain::progress(app, window.id).await.unwrap().into_iter().find(|row| row.queue == queue).map(|row| row.state)
}

async fn drain_over(url: String) {
    let shop = Shop::open(&url).await;
    let world = World::with(with_shop(&url)).await;
    let app = &world.app;
    shop.add("email").await;
    until("the errand runs", || async { shop.queue("email").await.1 == 1 }).await;
    let window = on(app, Kind::QueueDrain, Terms::default()).await;
    until("both queues are paused", || async { shop.queue("email").await.3 && shop.queue("labels").await.3 }).await;
    shop.add("email").await;
    shop.add("labels").await;
    until("what runs is counted", || async {
        let rows = drain::progress(app, window.id).await.unwrap();
        rows.iter().any(|row| row.queue == "email" && row.active_left == Some(1) && row.waiting == Some(1))
    })
    .await;
    assert_eq!((hold(app, &window, "email").await, hold(app, &window, "night").await), (Some(Hold::Paused), Some(Hold::Kept)));
    assert!(window::find(app, window.id).await.unwrap().drained_at.is_none(), "one still runs");
    assert_eq!((shop.queue("email").await, shop.queue("labels").await), ((1, 1, 0, true), (1, 0, 0, true)), "the worker obeys, nothing is lost");
    shop.gates.add_permits(1);
    until("it is drained", || async { state(app).unwrap().view(app.now()).queue_drained }).await;
    assert_eq!(shop.queue("email").await, (1, 0, 1, true));
    shop.gates.add_permits(2);
    window::end(app, &boss(), window.id, Confirmation::default()).await.unwrap();
    until("both work again", || async { shop.queue("email").await == (0, 0, 2, false) && shop.queue("labels").await == (0, 0, 1, false) }).await;
    assert!(shop.queue("night").await.3, "what a person paused stays paused");
    // The job is free before its row and its outcome are written.
    until("it is known that both were resumed", || async {
        let steps: Vec<_> = drain::progress(app, window.id).await.unwrap().into_iter().map(|row| row.state).collect();
        steps == [Hold::Resumed, Hold::Resumed, Hold::Kept]
    })
    .await;
    let acts = actions(app).await;
    let count = |name: &str| acts.iter().filter(|action| *action == name).count();
    // An intent and an outcome each.
    assert_eq!((count("maintenance.pause_queue"), count("maintenance.resume_queue"), count("maintenance.drained")), (4, 4, 1), "{acts:?}");
    world.finish().await;
    shop.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queues_of_another_process_are_drained_and_resumed_in_steps() {
    let directory = tempfile::tempdir().unwrap();
    drain_over(format!("sqlite:{}", directory.path().join("shop.db").display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
async fn queues_on_postgres_are_drained_and_resumed_in_steps() {
    drain_over(fresh_database().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_touches_only_what_it_was_asked_and_what_nobody_took_back() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("shop.db").display());
    let shop = Shop::open(&url).await;
    let world = World::with(with_shop(&url)).await;
    let app = &world.app;
    let window = on(app, Kind::QueueDrain, Terms { queues: Some(vec!["shop/email".into()]), ..Terms::default() }).await;
    until("it is paused and empty", || async { window::find(app, window.id).await.unwrap().drained_at.is_some() }).await;
    assert!(shop.queue("email").await.3 && !shop.queue("labels").await.3);
    shop.resume("email").await;
    until("that is seen", || async { hold(app, &window, "email").await == Some(Hold::Released) }).await;
    assert!(!shop.queue("email").await.3, "it is not paused against a person's will");
    window::end(app, &boss(), window.id, Confirmation::default()).await.unwrap();
    world.finish().await;
    shop.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_pause_and_record_is_found_and_a_system_that_is_away_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("shop.db").display());
    let mut config = home(directory.path());
    with_shop(&url)(&mut config);
    let program = Actor::system("housekeeping");
    // Nothing runs beside this test: each step is taken by hand.
    let app = wiring::assemble(config, Clock::fixed(Clock::system().now())).await.unwrap();
    app.published.refresh(&app).await.unwrap();
    let window = on(&app, Kind::QueueDrain, Terms::default()).await;
    converge(&app, &program, window.id).await.unwrap();
    let rows = drain::progress(&app, window.id).await.unwrap();
    assert!(rows.len() == 1 && rows[0].fault.is_some() && rows[0].queue.is_empty(), "{rows:?}");
    let shop = Shop::open(&url).await;
    // As after a crash: the row says that it was about to, and the queue is paused.
    let pausing = "INSERT INTO maintenance_drain (window_id, source, queue, state, attempts, next_at) VALUES ($1, 'shop', 'email', 'PAUSING', 0, 0)";
    let id = window.id;
    app.db.write(move |tx| Box::pin(async move { tx.exec(pausing, args![id]).await })).await.unwrap();
    shop.pause("email").await;
    converge(&app, &program, id).await.unwrap();
    assert_eq!((hold(&app, &window, "email").await, hold(&app, &window, "labels").await), (Some(Hold::Paused), Some(Hold::Paused)));
    assert_eq!(hold(&app, &window, "").await, None, "it answers again");
    assert!(window::find(&app, id).await.unwrap().drained_at.is_some());
    // A second drain while the first one's queues wait to be resumed takes them over.
    window::end(&app, &boss(), id, Confirmation::default()).await.unwrap();
    converge(&app, &program, id).await.unwrap();
    assert!(!shop.queue("email").await.3 && shop.queue("labels").await.3, "one after another");
    converge(&app, &program, id).await.unwrap();
    assert!(shop.queue("labels").await.3, "not yet");
    let second = on(&app, Kind::QueueDrain, Terms::default()).await;
    converge(&app, &program, second.id).await.unwrap();
    app.clock.set(app.now().plus_seconds(60));
    converge(&app, &program, id).await.unwrap();
    assert_eq!((hold(&app, &window, "labels").await, hold(&app, &second, "labels").await), (Some(Hold::HandedOver), Some(Hold::Paused)));
    assert!(shop.queue("labels").await.3 && shop.queue("email").await.3);
    window::end(&app, &boss(), second.id, Confirmation::default()).await.unwrap();
    for _ in 0..3 {
        converge(&app, &program, second.id).await.unwrap();
        app.clock.set(app.now().plus_seconds(10));
    }
    assert!(!shop.queue("labels").await.3 && !shop.queue("email").await.3 && shop.queue("night").await.3);
    shop.end().await;
    app.db.close().await;
}

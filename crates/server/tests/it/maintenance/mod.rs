//! Maintenance with everything running: jobs at their time, replicas, restarts, and queues of another process.

mod queues;

use app::features::maintenance::bypass::{self, Issue};
use app::features::maintenance::window::{self, Enable, PHRASE, Schedule, Times, Window};
use app::features::maintenance::{Kind, Status, Terms, state};
use engine::{Db, DbOptions, args};
use qd_core::audit::{self, Filter};
use qd_core::config::Config;
use qd_core::gate::{Actor, Confirmation};
use qd_core::secret::Secret;
use qd_core::{App, Clock};
use server::running::{Running, bind};
use server::wiring;

use crate::support::{Client, World, fresh_database, until};

crate::both!(jobs_start_and_end_a_window_at_its_time, a_bypass_token_is_kept_nowhere_and_can_be_taken_back);

fn boss() -> Actor {
    Actor::cli("boss")
}

fn sure() -> Confirmation {
    Confirmation { phrase: Some(PHRASE.into()), ..Confirmation::because("the database moves house") }
}

async fn on(app: &App, kind: Kind, terms: Terms) -> Window {
    window::enable(app, &boss(), Enable { kind, minutes: Some(30), terms }, sure()).await.unwrap().value
}

async fn soon(app: &App, start_ms: i64, length_ms: i64) -> Window {
    let start = qd_core::Timestamp(app.now().0 + start_ms * 1_000);
    let times = Times::Once { start, end: qd_core::Timestamp(start.0 + length_ms * 1_000) };
    let terms = Terms { announce_minutes: 30, ..Terms::default() };
    window::schedule(app, &boss(), Schedule { kind: Kind::GlobalReadonly, times, terms }, sure()).await.unwrap().value
}

async fn actions(app: &App) -> Vec<String> {
    let rows = audit::list(&app.db, &Filter { limit: Some(200), ..Filter::default() }).await.unwrap();
    let mut rows: Vec<_> = rows.into_iter().filter(|row| row.action.starts_with("maintenance.")).collect();
    assert!(rows.iter().all(|row| row.kind != "failed"), "{rows:?}");
    rows.reverse();
    rows.into_iter().map(|row| row.action).collect()
}

fn mode(app: &App) -> &'static str {
    state(app).unwrap().mode(app.now())
}

async fn status(app: &App, window: &Window) -> Status {
    window::find(app, window.id).await.unwrap().status
}

const WHOLE_LIFE: [&str; 4] = ["maintenance.schedule", "maintenance.announce", "maintenance.start", "maintenance.finish"];

async fn jobs_start_and_end_a_window_at_its_time(world: &World) {
    let window = soon(&world.app, 1_500, 1_500).await;
    until("it is announced", || async { mode(&world.app) == "announced" }).await;
    until("it starts", || async { mode(&world.app) == "global_readonly" }).await;
    until("it ends", || async { mode(&world.app) == "none" }).await;
    assert_eq!(actions(&world.app).await, WHOLE_LIFE);
    let over = window::find(&world.app, window.id).await.unwrap();
    let late = |at: Option<qd_core::Timestamp>, planned: qd_core::Timestamp| (at.unwrap().0 - planned.0) / 1_000;
    assert!((0..2_000).contains(&late(over.actual_start, over.scheduled_start)) && over.note.is_none(), "{over:?}");
    assert!((0..2_000).contains(&late(over.actual_end, over.scheduled_end)), "{over:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
async fn two_replicas_on_one_database_take_each_step_once() {
    let url = fresh_database().await;
    let same = |url: String| move |config: &mut Config| config.storage.database_url = Secret::new(url);
    let one = World::with(same(url.clone())).await;
    // The accounts exist: only the program starts.
    let home = tempfile::tempdir().unwrap();
    let mut config = Config::load(&home.path().join("none.toml"), false, &[]).unwrap();
    config.storage.data_dir = home.path().join("data");
    config.storage.database_url = Secret::new(url);
    let other = start(config).await;
    let windows = [soon(&one.app, 1_500, 1_000).await, soon(&other.app, 4_000, 1_000).await];
    until("the other serves it", || async { mode(&other.app) == "global_readonly" }).await;
    for window in &windows {
        until("it is over", || async { status(&one.app, window).await == Status::Completed }).await;
        for app in [&one.app, &other.app] {
            window::sweep(app, &Actor::system("housekeeping")).await.unwrap();
        }
    }
    until("both say so", || async { mode(&one.app) == "none" && mode(&other.app) == "none" }).await;
    let mut said = actions(&one.app).await;
    said.sort();
    let mut expected: Vec<&str> = WHOLE_LIFE.into_iter().chain(WHOLE_LIFE).collect();
    expected.sort_unstable();
    assert_eq!(said, expected);
    other.stop().await;
    one.finish().await;
}

async fn start(config: Config) -> Running {
    let app = wiring::assemble(config, Clock::system()).await.unwrap();
    Running::start(app, bind("127.0.0.1:0").await.unwrap()).await.unwrap()
}

fn home(directory: &std::path::Path) -> Config {
    let mut config = Config::load(&directory.join("none.toml"), false, &[]).unwrap();
    config.storage.data_dir = directory.join("data");
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_finds_what_holds_and_makes_up_what_passed() {
    let directory = tempfile::tempdir().unwrap();
    let first = start(home(directory.path())).await;
    let held = on(&first.app, Kind::GlobalReadonly, Terms::default()).await;
    let (passed, begun) = (soon(&first.app, 600_000, 60_000).await, soon(&first.app, 600_000, 60_000).await);
    first.stop().await;
    // While nothing runs, one window passes and another one begins.
    let db = Db::open(&format!("sqlite:{}", directory.path().join("data/quarterdeck.db").display()), DbOptions::default()).await.unwrap();
    let now = Clock::system().now();
    let moved = "UPDATE maintenance_window SET kind = $2, scheduled_start = $3, scheduled_end = $4 WHERE id = $1";
    let rows = [
        args![passed.id, "DEPLOYMENT", now.plus_seconds(-7_200).0, now.plus_seconds(-3_600).0],
        args![begun.id, "VENDOR_READONLY", now.plus_seconds(-600).0, now.plus_seconds(3_600).0],
    ];
    for row in rows {
        db.write(move |tx| Box::pin(async move { tx.exec(moved, row).await })).await.unwrap();
    }
    db.close().await;
    let again = start(home(directory.path())).await;
    // Loaded before anybody could ask.
    assert!(state(&again.app).unwrap().active_of(Kind::GlobalReadonly).is_some_and(|window| window.id == held.id));
    until("the one in its span holds", || async { state(&again.app).unwrap().active_of(Kind::VendorReadonly).is_some() }).await;
    until("the one that passed is over", || async { status(&again.app, &passed).await == Status::Completed }).await;
    assert!(window::find(&again.app, passed.id).await.unwrap().note.unwrap().starts_with("It never held"));
    assert!(window::find(&again.app, begun.id).await.unwrap().note.unwrap().starts_with("Started 10 min late"));
    let net = engine::job::schedules(&again.app.db).await.unwrap().into_iter().find(|schedule| schedule.name == "maintenance-auto-complete");
    assert_eq!(net.unwrap().cron, "*/5 * * * *");
    again.stop().await;
}

async fn a_bypass_token_is_kept_nowhere_and_can_be_taken_back(world: &World) {
    let asked = || Issue { hours: 2, note: "repair of orders".into() };
    let refused = bypass::issue(&world.app, &boss(), asked(), Confirmation::because("orders are stuck")).await.unwrap_err().to_string();
    assert!(refused.contains("bypass_secret"), "{refused}");
    assert!(!state(&world.app).unwrap().bypassed("", world.app.now()));
    // The same database with a secret.
    let secret = "a secret of some length";
    let other = World::with(|config| config.maintenance.bypass_secret = Secret::new(secret)).await;
    let app = &other.app;
    let given = Confirmation { idempotency_key: Some("k".into()), ..Confirmation::because("orders are stuck") };
    assert!(bypass::issue(app, &boss(), Issue { hours: 25, ..asked() }, given.clone()).await.is_err());
    let (done, token) = bypass::issue(app, &boss(), asked(), given.clone()).await.unwrap();
    let (again, same) = bypass::issue(app, &boss(), asked(), given).await.unwrap();
    assert!(again.replayed && same.expose() == token.expose(), "the same key gives the same token, made anew");
    let proof = token.expose().rsplit_once('.').unwrap().1.to_owned();
    for sql in
        ["SELECT coalesce(after, '') FROM audit_event", "SELECT coalesce(response, '') FROM idempotency_key", "SELECT note FROM maintenance_bypass"]
    {
        for (text,) in app.db.all::<(String,)>(sql, args![]).await.unwrap() {
            assert!(!text.contains(&proof), "{sql}");
        }
    }
    let served = state(app).unwrap();
    let now = app.now();
    assert!(served.bypassed(token.expose(), now) && !served.bypassed(token.expose(), now.plus_seconds(2 * 3_600)));
    assert!(!served.bypassed("", now) && !served.bypassed(&token.expose().replacen("v1.", "v1.9", 1), now));
    bypass::revoke(app, &boss(), done.value.id, Confirmation::default()).await.unwrap();
    let served = state(app).unwrap();
    assert!(!served.bypassed(token.expose(), now));
    assert_eq!(served.view(now).bypass.revoked, [done.value.id]);
    assert!(bypass::revoke(app, &boss(), done.value.id, Confirmation::default()).await.is_err());
    assert_eq!(bypass::list(app).await.unwrap().len(), 1);
    other.finish().await;
}

/// The program as a process of its own, which can be killed.
struct Process {
    child: std::process::Child,
    client: Client,
}

impl Process {
    async fn start(directory: &std::path::Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_quarterdeck"));
        program.env("QD_STORAGE__DATA_DIR", directory.join("data")).env("QD_SERVER__LISTEN", format!("127.0.0.1:{port}"));
        let child = program.current_dir(directory).arg("serve").stdout(std::process::Stdio::null()).spawn().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        until("the program answers", || async { http.get(format!("{url}/livez")).send().await.is_ok() }).await;
        Self { child, client: Client::new(&url).with("x-forwarded-method", "POST").with("x-forwarded-uri", "/checkout") }
    }

    /// What a proxy is told about a write.
    async fn gate(&self) -> u16 {
        self.client.get("/gate").await.status.as_u16()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_still_blocks_when_it_is_back() {
    let directory = tempfile::tempdir().unwrap();
    let process = Process::start(directory.path()).await;
    assert_eq!(process.gate().await, 204);
    // Enabled by another process on the same database, as at the command line.
    let app = wiring::assemble(home(directory.path()), Clock::system()).await.unwrap();
    let window = on(&app, Kind::GlobalReadonly, Terms::default()).await;
    until("the running one hears of it", || async { process.gate().await == 503 }).await;
    process.kill();
    let again = Process::start(directory.path()).await;
    assert_eq!(again.gate().await, 503, "from its first answer on");
    window::end(&app, &boss(), window.id, Confirmation::default()).await.unwrap();
    until("writes are open", || async { again.gate().await == 204 }).await;
    again.kill();
    app.db.close().await;
}

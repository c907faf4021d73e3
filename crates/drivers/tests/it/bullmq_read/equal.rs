//! Every count and field is what the library says.

use drivers::queue::BullMq;
use qd_core::port::Queue;
use qd_core::port::queue::{JobDetail, JobRow, JobState, QueueState, TextCut};
use serde_json::Value;

use super::library::Library;
use super::server::Server;

#[tokio::test]
#[ignore = "needs QD_TEST_CLIENTS_NODE and QD_TEST_NODE; cargo xtask test sets them"]
async fn all_that_bullmq_6_says_is_shown() {
    in_node(6).await;
}

#[tokio::test]
#[ignore = "needs QD_TEST_CLIENTS_NODE and QD_TEST_NODE; cargo xtask test sets them"]
async fn all_that_bullmq_5_says_is_shown() {
    in_node(5).await;
}

async fn in_node(version: u32) {
    let server = Server::start().await;
    let mut library = Library::node(version, server.port, "bull");
    let told = library.js("return await fill()");
    let driver = server.driver("bull");
    same(&driver, &told).await;
    let version = if version == 5 { "5.81.5" } else { "6.7.0" };
    assert_eq!(driver.about().await.unwrap().version.as_deref(), Some(version));
    let workers = driver.workers().await.unwrap();
    let named: Vec<_> = workers.iter().map(|worker| (worker.queue.as_str(), worker.name.as_str())).collect();
    assert!(named.contains(&("done", "w-1")) && named.len() == 2, "{named:?}");
    assert!(workers.iter().all(|worker| worker.address.is_some() && worker.since.is_some()));
    let held = state(&driver, "held").await;
    assert_eq!((held.waiting, held.paused, held.concurrency), (4, true, Some(4)));
    assert_eq!(held.rate.map(|rate| (rate.jobs, rate.per_ms)), Some((10, 1_000)));
}

#[tokio::test]
#[ignore = "needs QD_TEST_CLIENTS_PYTHON; cargo xtask test sets it"]
async fn all_that_bullmq_for_python_says_is_shown() {
    let server = Server::start().await;
    let (_library, told) = Library::python(server.port, "snakes");
    let driver = server.driver("snakes");
    same(&driver, &told).await;
    let done = state(&driver, "done").await;
    assert_eq!((done.version, done.workers, driver.about().await.unwrap().version), (None, Some(2), None));
}

/// Both pause styles in one queue: each library sees its own half.
#[tokio::test]
#[ignore = "needs QD_TEST_CLIENTS_NODE and QD_TEST_NODE; cargo xtask test sets them"]
async fn a_mixed_fleet_is_counted_whole() {
    let server = Server::start().await;
    let mut old = Library::node(5, server.port, "bull");
    let mut new = Library::node(6, server.port, "bull");
    old.js("const q = queue('mail'); for (const n of [1, 2, 3]) await q.add('a', { n }); await q.pause();");
    let driver = server.driver("bull");
    let before = state(&driver, "mail").await;
    assert_eq!((before.waiting, before.paused, before.hazard.is_some()), (3, true, false));
    let seen = new.js("const q = queue('mail'); await q.add('b', {}); await q.add('c', {}, { priority: 4 }); return await q.getJobCounts()");
    assert_eq!(seen["waiting"], 1, "the library sees one of the two lists");
    let mixed = state(&driver, "mail").await;
    assert_eq!((mixed.waiting, mixed.prioritized, mixed.paused), (5, 1, true));
    assert!(mixed.hazard.unwrap().contains("5 and 6"));
    let listed = async |state| driver.jobs("mail", state, None, 10).await.unwrap().jobs.len();
    assert_eq!([listed(JobState::Waiting).await, listed(JobState::Paused).await, listed(JobState::Prioritized).await], [1, 3, 1]);
    new.js("await queue('labels').add('a', {})");
    old.js("await queue('letters').add('a', {})");
    let about = server.driver("bull").about().await.unwrap();
    assert_eq!(about.version.as_deref(), Some("5.81.5 and 6.7.0"));
    assert!(about.warnings.iter().any(|warning| warning.contains("Both BullMQ 5 and 6")), "{:?}", about.warnings);
    assert!(about.server.starts_with("Redis ") && about.place.ends_with("/0"), "{about:?}");
}

pub async fn state(driver: &BullMq, name: &str) -> QueueState {
    let states = driver.states().await.unwrap();
    states.into_iter().find(|state| state.name == name).unwrap_or_else(|| panic!("no queue {name}"))
}

async fn same(driver: &BullMq, told: &Value) {
    let states = driver.states().await.unwrap();
    let names: Vec<&str> = states.iter().map(|state| state.name.as_str()).collect();
    let mut expected: Vec<&str> = told.as_object().unwrap().keys().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    for state in &states {
        let said = &told[&state.name];
        same_counts(state, said);
        let set_aside: Vec<&str> = said["jobs"]["paused"].as_array().into_iter().flatten().filter_map(|job| job["id"].as_str()).collect();
        for (kind, jobs) in said["jobs"].as_object().unwrap() {
            same_jobs(driver, &state.name, kind, jobs.as_array().unwrap(), &set_aside).await;
        }
    }
}

fn same_counts(state: &QueueState, said: &Value) {
    let count = |kind: &str| said["counts"][kind].as_u64().unwrap_or(0);
    let name = &state.name;
    assert_eq!(state.waiting, count("waiting") + count("paused") + count("prioritized"), "{name}: waiting");
    let ours = [state.prioritized, state.active, state.delayed, state.waiting_children, state.completed, state.failed];
    let theirs = ["prioritized", "active", "delayed", "waiting-children", "completed", "failed"].map(count);
    assert_eq!(ours, theirs, "{name}");
    assert_eq!(state.paused, said["paused"].as_bool().unwrap(), "{name}: paused");
    assert_eq!(state.workers, said["workers"].as_u64(), "{name}: workers");
    assert_eq!(state.concurrency, said["concurrency"].as_u64(), "{name}: concurrency");
    assert_eq!(state.version.as_deref(), said["version"].as_str().map(|version| version.trim_start_matches("bullmq:")), "{name}: version");
    assert_eq!(state.hazard, None, "{name}");
    assert_eq!(state.oldest_waiting.is_some(), state.waiting > 0, "{name}: oldest");
    if state.name == "done" {
        assert!(state.completed_recently >= state.completed && state.failed_recently == state.failed && state.retried_recently == 1, "{state:?}");
        assert!(state.average_wait.is_some_and(|wait| (0.0..30.0).contains(&wait)), "{state:?}");
    }
}

async fn same_jobs(driver: &BullMq, queue: &str, kind: &str, said: &[Value], set_aside: &[&str]) {
    let state = JobState::parse(kind).unwrap();
    if state == JobState::Waiting && said.iter().any(|job| job["id"].as_str().is_some_and(|id| set_aside.contains(&id))) {
        // BullMQ 5 lists both as waiting.
        return;
    }
    let page = driver.jobs(queue, state, None, 100).await.unwrap();
    let ids: Vec<&str> = page.jobs.iter().map(|row| row.id.as_str()).collect();
    let expected: Vec<&str> = said.iter().map(|job| job["id"].as_str().unwrap()).collect();
    assert_eq!(ids, expected, "{queue} {kind}");
    assert_eq!(page.next, None);
    let mut found = driver.find(queue, &page.jobs.iter().map(|row| row.id.clone()).collect::<Vec<_>>()).await.unwrap();
    found.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
    assert_eq!(found, page.jobs, "{queue} {kind}: found by id");
    for (row, job) in page.jobs.iter().zip(said) {
        same_row(row, job);
        same_detail(&driver.job(queue, &row.id).await.unwrap().unwrap(), row, job);
    }
}

fn same_row(row: &JobRow, job: &Value) {
    let ms = |field: &str| job[field].as_i64().filter(|ms| *ms > 0).map(|ms| ms * 1_000);
    assert_eq!(row.name, job["name"].as_str().unwrap());
    let their_state = job["state"].as_str().unwrap();
    assert!(row.state.word() == their_state || (row.state == JobState::Paused && their_state == "waiting"), "{row:?} {their_state}");
    assert_eq!((row.data.text.as_str(), row.data.is_cut()), (job["data"].as_str().unwrap(), false));
    assert_eq!(row.priority, job["priority"].as_i64().unwrap(), "{row:?}");
    assert_eq!((row.attempts, row.attempts_max), (job["attempts"].as_u64().unwrap(), job["attemptsMax"].as_u64()), "{row:?}");
    let times = [row.created_at, row.started_at, row.finished_at, row.due_at].map(|at| at.map(|at| at.micros()));
    assert_eq!(times, ["timestamp", "processedOn", "finishedOn", "due"].map(ms), "{row:?}");
    assert_eq!(row.reason.as_ref().map(|reason| reason.text.as_str()), job["reason"].as_str());
    // Python's library tells neither of these.
    if job.get("schedule").is_some() {
        assert_eq!((row.worker.as_deref(), row.schedule.as_deref()), (job["worker"].as_str(), job["schedule"].as_str()), "{row:?}");
    }
}

fn same_detail(detail: &JobDetail, row: &JobRow, job: &Value) {
    assert_eq!(detail.row, *row);
    let text = |cut: &Option<TextCut>| cut.as_ref().map(|cut| cut.text.clone());
    let texts = |cuts: &[TextCut]| cuts.iter().map(|cut| cut.text.clone()).collect::<Vec<_>>();
    let list = |field: &str| job[field].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(texts(&detail.stacks), list("stacks"), "{}", row.id);
    assert_eq!(detail.delay_ms, job["delay"].as_u64().unwrap());
    if job.get("result").is_none() {
        return;
    }
    assert_eq!((text(&detail.result), text(&detail.progress)), (owned(&job["result"]), owned(&job["progress"])), "{}", row.id);
    assert_eq!(texts(&detail.log.lines), list("logs"));
    assert_eq!(detail.children_total, job["children"].as_u64().unwrap());
    assert_eq!(detail.parent.as_ref().map(|parent| format!("bull:{}:{}", parent.queue, parent.id)), owned(&job["parent"]));
    assert_eq!(detail.unique_key, owned(&job["unique"]));
    if detail.row.name == "parent" {
        let children: Vec<_> = detail.children.iter().map(|child| (child.job.queue.as_str(), child.name.as_deref(), child.state)).collect();
        let mut names: Vec<_> = children.iter().map(|(_, name, _)| name.unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, ["kid 1", "kid 2"]);
        assert!(children.iter().all(|(queue, _, state)| *queue == "flow-kids" && *state == Some(JobState::Waiting)), "{children:?}");
    }
}

fn owned(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

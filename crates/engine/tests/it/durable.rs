//! `kill -9` loses nothing that was acknowledged, and a dead worker's job is run by another.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use engine::job::{self, Enqueue, State};
use engine::{Db, DbOptions, args};
use futures::future::join_all;
use uuid::Uuid;

use crate::jobs::{Hang, Recorder};
use crate::support::{TestDb, eventually};
use crate::values::INSERT;

crate::both!(acknowledged_rows_survive_a_kill, a_dead_workers_job_runs_again);

const ROLE: &str = "ENGINE_TEST_CHILD";
const URL: &str = "ENGINE_TEST_URL";

/// Starts this test binary again as a child that plays `role`.
fn spawn(role: &str, url: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["durable::child", "--exact", "--include-ignored", "--nocapture"])
        .env(ROLE, role)
        .env(URL, url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child process of the tests in this file"]
async fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let db = Db::open(&std::env::var(URL).unwrap(), DbOptions::default()).await.unwrap();
    match role.as_str() {
        "writer" => write_for_ever(db).await,
        "worker" => {
            let worker = job::Worker::new(db, Recorder::printing()).register::<Hang>().queue("hang", 1);
            let _running = worker.lease(Duration::from_secs(1)).start().await.unwrap();
            std::future::pending::<()>().await;
        }
        other => panic!("{other}"),
    }
}

async fn write_for_ever(db: Db) {
    let writers = (0..8).map(|_| {
        let db = db.clone();
        async move {
            loop {
                let id = Uuid::now_v7();
                let values = args![id, id.to_string(), None::<Uuid>, None::<i64>, None::<i64>];
                db.write(move |tx| Box::pin(async move { tx.exec(INSERT, values).await })).await.unwrap();
                println!("ACK {id}");
            }
        }
    });
    join_all(writers).await;
}

async fn acknowledged_rows_survive_a_kill(t: &TestDb) {
    let mut writer = spawn("writer", &t.url);
    let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    // The rest of the pipe still holds acknowledgements after the kill: read it to its end.
    for line in lines {
        let Some(id) = line.unwrap().strip_prefix("ACK ").and_then(|id| id.parse::<Uuid>().ok()) else {
            continue;
        };
        acknowledged.push(id);
        if acknowledged.len() == 300 {
            writer.kill().unwrap();
        }
    }
    writer.wait().unwrap();
    assert!(acknowledged.len() >= 300);
    for id in acknowledged {
        let found: Option<(String,)> = t.db.maybe("SELECT name FROM item WHERE id = $1", args![id]).await.unwrap();
        assert!(found.is_some(), "{id} was acknowledged and is lost");
    }
}

async fn a_dead_workers_job_runs_again(t: &TestDb) {
    let hang = Hang { whole: true };
    let id = t.db.write(move |tx| Box::pin(async move { job::enqueue(tx, &hang, Enqueue::default()).await })).await;
    let id = id.unwrap();
    let mut dying = spawn("worker", &t.url);
    let mut lines = BufReader::new(dying.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == format!("STARTED {id} 1")));
    dying.kill().unwrap();
    dying.wait().unwrap();
    let row = job::find(&t.db, id).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.attempts), ("active", 1));

    let recorder = Recorder::default();
    let worker = job::Worker::new(t.db.clone(), recorder.clone()).register::<Hang>().queue("hang", 1);
    let worker = worker.lease(Duration::from_secs(1)).drain(Duration::ZERO).start().await.unwrap();
    eventually("the second attempt", || async { (recorder.started() == [(id, 2)]).then_some(()) }).await;
    worker.stop().await;
    // Cut off by the stop: given back, and the attempt does not count.
    let row = job::find(&t.db, id).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.attempts), (State::Waiting.as_str(), 1));
}

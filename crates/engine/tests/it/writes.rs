//! Write transactions: neighbours, rollback, time limits, other processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use engine::db::Heard;
use engine::{Db, DbOptions, Error, args};
use futures::future::join_all;
use sqlx::{ConnectOptions, Connection, Executor};
use uuid::Uuid;

use crate::support::{NEWER_POSTGRES, NEWER_SQLITE, POSTGRES, SQLITE, TestDb, eventually};
use crate::values::INSERT;

crate::both!(
    failing_neighbours,
    a_failed_statement_cannot_commit,
    a_dropped_caller_cancels_nothing,
    a_panic_is_rolled_back,
    hooks_and_notices_come_with_the_commit,
    endless_work_is_cut_off,
    neighbours_of_a_cut_off_change_are_told,
    a_newer_database_is_refused,
    read_only_refuses_writes,
    own_error_types,
    closed_means_closed,
);

async fn names(db: &Db) -> Vec<String> {
    let rows: Vec<(String,)> = db.all("SELECT name FROM item ORDER BY name", args![]).await.unwrap();
    rows.into_iter().map(|(name,)| name).collect()
}

async fn add(db: &Db, name: &str) -> Result<u64, Error> {
    let values = args![Uuid::now_v7(), name, None::<Uuid>, None::<i64>, None::<i64>];
    db.write(move |tx| Box::pin(async move { tx.exec(INSERT, values).await })).await
}

async fn failing_neighbours(t: &TestDb) {
    let writes = (0..100_usize).map(|n| {
        let db = t.db.clone();
        async move {
            db.write(move |tx| {
                Box::pin(async move {
                    let name = format!("{n:03}");
                    tx.exec(INSERT, args![Uuid::now_v7(), name, None::<Uuid>, None::<i64>, None::<i64>]).await?;
                    if n % 3 == 0 { Err(Error::Invalid(format!("no {n}"))) } else { Ok(n) }
                })
            })
            .await
        }
    });
    for (n, outcome) in join_all(writes).await.into_iter().enumerate() {
        match outcome {
            Ok(answer) => assert_eq!((answer, n % 3 != 0), (n, true)),
            Err(Error::Invalid(text)) => assert_eq!((text, n % 3), (format!("no {n}"), 0)),
            Err(other) => panic!("{other:?}"),
        }
    }
    let expected: Vec<String> = (0..100).filter(|n| n % 3 != 0).map(|n| format!("{n:03}")).collect();
    assert_eq!(names(&t.db).await, expected);
}

async fn a_failed_statement_cannot_commit(t: &TestDb) {
    add(&t.db, "one").await.unwrap();
    let outcome =
        t.db.write(|tx| {
            Box::pin(async move {
                let none = None::<i64>;
                tx.exec(INSERT, args![Uuid::now_v7(), "two", None::<Uuid>, none, none]).await?;
                let refused = tx.exec(INSERT, args![Uuid::now_v7(), "one", None::<Uuid>, none, none]).await;
                assert!(refused.is_err());
                Ok(())
            })
        })
        .await;
    assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
    assert_eq!(names(&t.db).await, ["one"]);
}

async fn a_dropped_caller_cancels_nothing(t: &TestDb) {
    let (begun, mut began) = tokio::sync::mpsc::channel::<()>(1);
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let write = t.db.write(move |tx| {
        Box::pin(async move {
            begun.send(()).await.unwrap();
            gone.await.unwrap();
            tx.exec(INSERT, args![Uuid::now_v7(), "late", None::<Uuid>, None::<i64>, None::<i64>]).await
        })
    });
    let mut write = Box::pin(write);
    tokio::select! {
        _ = &mut write => panic!("it waits for us"),
        _ = began.recv() => {}
    }
    drop(write);
    go.send(()).unwrap();
    eventually("the row", || async { (names(&t.db).await == ["late"]).then_some(()) }).await;
}

async fn a_panic_is_rolled_back(t: &TestDb) {
    let outcome: Result<(), Error> =
        t.db.write(|tx| {
            Box::pin(async move {
                tx.exec(INSERT, args![Uuid::now_v7(), "x", None::<Uuid>, None::<i64>, None::<i64>]).await?;
                panic!("on purpose");
            })
        })
        .await;
    assert!(matches!(outcome, Err(Error::Panicked)), "{outcome:?}");
    add(&t.db, "after").await.unwrap();
    assert_eq!(names(&t.db).await, ["after"]);
}

async fn hooks_and_notices_come_with_the_commit(t: &TestDb) {
    let mut listener = t.db.listen("news");
    // Postgres says "lost" once it listens; SQLite hears from the start.
    if t.db.dialect() == engine::Dialect::Postgres {
        assert_eq!(listener.next().await, Some(Heard::Lost));
    }
    let ran = Arc::new(AtomicUsize::new(0));
    for good in [false, true] {
        let ran = Arc::clone(&ran);
        let outcome =
            t.db.write(move |tx| {
                Box::pin(async move {
                    tx.after_commit(move || {
                        ran.fetch_add(1, Ordering::SeqCst);
                    });
                    tx.notify("other", "not for us").await?;
                    tx.notify("news", if good { "good" } else { "bad" }).await?;
                    if good { Ok(()) } else { Err(Error::NotFound) }
                })
            })
            .await;
        assert_eq!(outcome.is_ok(), good);
    }
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    assert_eq!(listener.next().await, Some(Heard::Payload("good".to_owned())));
}

const ENDLESS: &str = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c WHERE x < 0";

async fn endless_work_is_cut_off(t: &TestDb) {
    let started = Instant::now();
    let db = t.db.clone();
    let endless = tokio::spawn(async move { db.write(|tx| Box::pin(async move { tx.one::<(i64,)>(ENDLESS, args![]).await })).await });
    let outcome = endless.await.unwrap();
    assert!(matches!(outcome, Err(Error::Timeout)), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    add(&t.db, "after").await.unwrap();
    assert_eq!(names(&t.db).await, ["after"]);
}

/// SQLite itself rolls the whole batch back when it interrupts a change: whoever was in it must be told so.
async fn neighbours_of_a_cut_off_change_are_told(t: &TestDb) {
    let endless = "INSERT INTO everything (id, i) WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
        SELECT $1, x FROM c WHERE x < 0";
    let (begun, mut began) = tokio::sync::mpsc::channel::<()>(1);
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let holder = t.db.write(move |tx| {
        Box::pin(async move {
            begun.send(()).await.unwrap();
            gone.await.unwrap();
            tx.exec(INSERT, args![Uuid::now_v7(), "first", None::<Uuid>, None::<i64>, None::<i64>]).await
        })
    });
    // All three wait in one batch behind the first.
    let others = async {
        began.recv().await.unwrap();
        let cut_off = t.db.write(move |tx| Box::pin(async move { tx.exec(endless, args![Uuid::now_v7()]).await }));
        let (_, cut_off, last) = tokio::join!(async { go.send(()).unwrap() }, cut_off, add(&t.db, "last"));
        (cut_off, last)
    };
    let (first, (cut_off, last)) = tokio::join!(holder, others);
    assert!(matches!(cut_off, Err(Error::Timeout)), "{cut_off:?}");
    let there = names(&t.db).await;
    for (name, outcome) in [("first", first), ("last", last)] {
        match outcome {
            Ok(_) => assert!(there.contains(&name.to_owned()), "{name} was acknowledged and is lost"),
            Err(Error::Busy) => assert!(!there.contains(&name.to_owned()), "{name} was refused and is there"),
            Err(other) => panic!("{name}: {other:?}"),
        }
    }
}

async fn a_newer_database_is_refused(t: &TestDb) {
    let table = "_test_migrations";
    t.db.migrate(&NEWER_SQLITE, &NEWER_POSTGRES, table).await.unwrap();
    t.db.migrate(&NEWER_SQLITE, &NEWER_POSTGRES, table).await.unwrap();
    let error = t.db.migrate(&SQLITE, &POSTGRES, table).await.unwrap_err();
    assert!(matches!(error, Error::Newer { found: 2, known: 1 }), "{error:?}");
    // The failed attempt keeps no lock.
    let error = t.other().await.migrate(&SQLITE, &POSTGRES, table).await.unwrap_err();
    assert!(matches!(error, Error::Newer { .. }), "{error:?}");
}

async fn read_only_refuses_writes(t: &TestDb) {
    add(&t.db, "one").await.unwrap();
    let reader = Db::open(&t.url, DbOptions { read_only: true, ..DbOptions::default() }).await.unwrap();
    assert_eq!(names(&reader).await, ["one"]);
    assert!(matches!(add(&reader, "two").await, Err(Error::Invalid(_))));
    assert!(engine::job::counts(&reader).await.unwrap().is_empty());
    reader.close().await;
}

async fn own_error_types(t: &TestDb) {
    #[derive(Debug)]
    enum Mine {
        Db(#[expect(dead_code, reason = "shown by Debug")] Error),
        Full,
    }
    impl From<Error> for Mine {
        fn from(error: Error) -> Self {
            Self::Db(error)
        }
    }
    let outcome: Result<(), Mine> =
        t.db.write_with(|tx| {
            Box::pin(async move {
                tx.exec(INSERT, args![Uuid::now_v7(), "x", None::<Uuid>, None::<i64>, None::<i64>]).await?;
                Err(Mine::Full)
            })
        })
        .await;
    assert!(matches!(outcome, Err(Mine::Full)), "{outcome:?}");
    assert!(names(&t.db).await.is_empty());
}

async fn closed_means_closed(t: &TestDb) {
    let other = t.other().await;
    add(&other, "one").await.unwrap();
    other.close().await;
    assert!(matches!(add(&other, "two").await, Err(Error::Closed)));
    assert!(matches!(other.ping().await, Err(Error::Closed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_waits_for_another_process() {
    let t = TestDb::sqlite().await;
    let path = t.dir.as_ref().unwrap().path().join("test.db");
    let mut other = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let db = t.db.clone();
    let write = tokio::spawn(async move { (add(&db, "patient").await, Instant::now()) });
    // Longer than SQLite's own busy timeout, so that our retry is what waits.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let freed = Instant::now();
    other.execute("COMMIT").await.unwrap();
    let (outcome, at) = write.await.unwrap();
    outcome.unwrap();
    assert!(at >= freed);
    other.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_refuses_a_write_inside_a_write() {
    let t = TestDb::sqlite().await;
    let db = t.db.clone();
    let outcome = t.db.write(move |_tx| Box::pin(async move { add(&db, "inner").await })).await;
    assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_files_are_for_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    let t = TestDb::sqlite().await;
    add(&t.db, "one").await.unwrap();
    for name in ["test.db", "test.db-wal", "test.db-shm"] {
        let mode = std::fs::metadata(t.dir.as_ref().unwrap().path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs QD_TEST_POSTGRES; run by cargo xtask test"]
async fn postgres_deadlocks_are_busy() {
    let t = TestDb::postgres().await;
    add(&t.db, "a").await.unwrap();
    add(&t.db, "b").await.unwrap();
    let barrier = Arc::new(tokio::sync::Barrier::new(2));
    let cross = |first: &'static str, second: &'static str| {
        let (db, barrier) = (t.db.clone(), Arc::clone(&barrier));
        async move {
            db.write(move |tx| {
                Box::pin(async move {
                    let update = "UPDATE item SET a = COALESCE(a, 0) + 1 WHERE name = $1";
                    tx.exec(update, args![first]).await?;
                    barrier.wait().await;
                    tx.exec(update, args![second]).await
                })
            })
            .await
        }
    };
    let (one, two) = tokio::join!(cross("a", "b"), cross("b", "a"));
    assert_eq!(one.is_ok(), two.is_err());
    assert!(matches!(one.and(two), Err(Error::Busy)));
    t.remove().await;
}

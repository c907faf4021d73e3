//! The SQLite inspector against real files.

use drivers::inspector;
use engine::{Args, Db, DbOptions, args};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection, Executor};

use crate::support::{eventually, figure};

async fn shop(path: &std::path::Path) -> Db {
    let db = Db::open(path.to_str().unwrap(), DbOptions::default()).await.unwrap();
    db.write(|tx| {
        Box::pin(async move {
            tx.exec("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT) STRICT", Args::none()).await?;
            for id in 0..500_i64 {
                tx.exec("INSERT INTO item (id, name) VALUES ($1, $2)", args![id, "x".repeat(200)]).await?;
            }
            Ok(())
        })
    })
    .await
    .unwrap();
    db
}

#[tokio::test]
async fn it_measures_a_file_that_another_connection_writes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.db");
    let db = shop(&path).await;
    let inspector = inspector::open(path.to_str().unwrap()).unwrap();
    assert_eq!(inspector.driver(), "SQLite");
    let figures = inspector.inspect().await.unwrap();
    let wal = std::fs::metadata(dir.path().join("shop.db-wal")).unwrap().len();
    assert_eq!(figure(&figures, "wal_size").value, Some(wal as f64));
    assert_eq!(figure(&figures, "wal_mode").value, Some(1.0));
    assert!(figure(&figures, "page_count").value.unwrap() > 20.0);
    assert_eq!(figure(&figures, "free_pages").value, Some(0.0));
    assert_eq!(figure(&figures, "busy_waits").value, Some(0.0));

    db.write(|tx| Box::pin(async move { tx.exec("DELETE FROM item WHERE id > 10", Args::none()).await })).await.unwrap();
    let figures = inspector.inspect().await.unwrap();
    assert!(figure(&figures, "free_pages").value.unwrap() > 50.0, "deleted pages are free");
}

#[tokio::test]
async fn what_sqlite_does_not_have_is_missing_with_a_reason_and_never_zero() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.db");
    let _db = shop(&path).await;
    let figures = inspector::open(&format!("sqlite:{}", path.display())).unwrap().inspect().await.unwrap();
    for key in ["cache_hit_ratio", "connections_active", "deadlocks", "slow_queries", "longest_query", "index_hit_ratio"] {
        let figure = figure(&figures, key);
        assert!(figure.value.is_none() && figure.missing.is_some(), "{figure:?}");
    }
}

#[tokio::test]
async fn the_integrity_check_runs_beside_and_finds_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.db");
    // Without a write-ahead log every page is in the file itself.
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true).journal_mode(SqliteJournalMode::Delete);
    let mut owner = options.connect().await.unwrap();
    owner.execute("CREATE TABLE item AS WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, hex(randomblob(90)) AS x FROM n").await.unwrap();
    owner.close().await.unwrap();
    let good = inspector::open(path.to_str().unwrap()).unwrap();
    let faults = eventually("the check ends", async || figure(&good.inspect().await.unwrap(), "quick_check_faults").value).await;
    assert_eq!(faults, 0.0);

    // A page in the middle of the table is overwritten.
    use std::io::{Seek, Write};
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(std::io::SeekFrom::Start(4096 * 10)).unwrap();
    file.write_all(&[0xA5; 4096]).unwrap();
    drop(file);
    let bad = inspector::open(path.to_str().unwrap()).unwrap();
    let faults = eventually("the check ends", async || figure(&bad.inspect().await.unwrap(), "quick_check_faults").value).await;
    assert_eq!(faults, 1.0);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_an_error_and_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.db");
    let inspector = inspector::open(path.to_str().unwrap()).unwrap();
    let away = inspector.inspect().await.unwrap_err();
    assert!(away.to_string().contains("There is no file"), "{away}");
    assert!(!path.exists());

    let db = shop(&path).await;
    assert!(inspector.inspect().await.is_ok(), "it is found once it is there");
    db.close().await;
    assert!(inspector.inspect().await.is_ok(), "a file whose owner has stopped is still measured");
    for tail in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(dir.path().join(format!("shop.db{tail}")));
    }
    assert!(inspector.inspect().await.is_err(), "a removed file is not answered from an open handle");
}

#[tokio::test]
async fn a_text_file_is_an_error_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.db");
    std::fs::write(&path, "not a database, but long enough to look at: ".repeat(50)).unwrap();
    let fault = inspector::open(path.to_str().unwrap()).unwrap().inspect().await.unwrap_err();
    assert!(fault.to_string().contains("not a database"), "{fault}");
}

#[tokio::test]
async fn a_held_lock_is_waited_for_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.db");
    // Without a write-ahead log an exclusive writer keeps readers out.
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true).journal_mode(SqliteJournalMode::Delete);
    let mut owner = options.connect().await.unwrap();
    owner.execute("CREATE TABLE t (x)").await.unwrap();
    owner.execute("BEGIN EXCLUSIVE").await.unwrap();
    let inspector = inspector::open(path.to_str().unwrap()).unwrap();
    let late = inspector.inspect().await.unwrap_err();
    assert!(late.to_string().contains("No answer within"), "{late}");
    owner.execute("COMMIT").await.unwrap();
    let figures = inspector.inspect().await.unwrap();
    assert!(figure(&figures, "busy_waits").value.unwrap() >= 1.0);
    let wal = figure(&figures, "wal_size");
    assert!(wal.value.is_none() && wal.missing.as_deref().unwrap().contains("delete"), "{wal:?}");
}

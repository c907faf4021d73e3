//! The Postgres inspector against a real server.

use std::time::{Duration, Instant};

use drivers::inspector;
use sqlx::{Connection, Executor};

use crate::support::{eventually, figure, postgres};

#[tokio::test]
#[ignore = "needs QD_TEST_POSTGRES"]
async fn it_measures_connections_sizes_and_windows() {
    let inspector = inspector::open(&postgres()).unwrap();
    let first = inspector.inspect().await.unwrap();
    assert!(figure(&first, "connections_max").value.unwrap() >= 10.0);
    assert!(figure(&first, "database_size").value.unwrap() > 1_000_000.0);
    assert!(figure(&first, "deadlocks").value.is_none(), "one sample tells no rate");
    assert!(figure(&first, "cache_hit_ratio").name.contains("since the statistics began"));
    assert!(figure(&first, "replication_lag").missing.as_deref().unwrap().contains("not a replica"));
    let second = inspector.inspect().await.unwrap();
    assert_eq!(figure(&second, "deadlocks").value, Some(0.0));
    assert!(figure(&second, "cache_hit_ratio").name.contains("5 min"));
}

#[tokio::test]
#[ignore = "needs QD_TEST_POSTGRES"]
async fn a_running_query_is_active_and_its_time_is_told() {
    let inspector = inspector::open(&postgres()).unwrap();
    let sleeper = tokio::spawn(async {
        let mut conn = sqlx::PgConnection::connect(&postgres()).await.unwrap();
        conn.execute("SELECT pg_sleep(4)").await.unwrap();
    });
    let longest = eventually("the query is seen", async || {
        let figures = inspector.inspect().await.unwrap();
        assert!(figure(&figures, "connections").value.unwrap() >= 0.0);
        figure(&figures, "longest_query").value.filter(|seconds| *seconds > 1.0)
    })
    .await;
    assert!(longest < 3_600.0);
    sleeper.abort();
}

#[tokio::test]
#[ignore = "needs QD_TEST_POSTGRES"]
async fn statements_are_counted_or_missing_with_the_way_to_get_them() {
    let figures = inspector::open(&postgres()).unwrap().inspect().await.unwrap();
    let slow = figure(&figures, "slow_queries");
    match &slow.missing {
        Some(why) => assert!(why.contains("pg_stat_statements"), "{why}"),
        None => assert!(slow.value.is_some()),
    }
}

#[tokio::test]
#[ignore = "needs QD_TEST_POSTGRES"]
async fn hidden_sessions_are_missing_and_not_idle() {
    let server = postgres();
    let mut admin = sqlx::PgConnection::connect(&server).await.unwrap();
    let role = format!("qd_{}", uuid::Uuid::new_v4().simple());
    let make = format!("CREATE ROLE {role} LOGIN PASSWORD 'quiet-harbour'");
    admin.execute(sqlx::AssertSqlSafe(make)).await.unwrap();
    let (_, place) = server.rsplit_once('@').unwrap_or(("", server.trim_start_matches("postgres://")));
    let inspector = inspector::open(&format!("postgres://{role}:quiet-harbour@{place}")).unwrap();
    let figures = inspector.inspect().await.unwrap();
    let active = figure(&figures, "connections_active");
    assert!(active.missing.as_deref().unwrap().contains("pg_read_all_stats"), "{active:?}");
    assert!(figure(&figures, "connections").value.unwrap() >= 1.0, "all sessions are still counted");
    admin.execute(sqlx::AssertSqlSafe(format!("DROP ROLE {role}"))).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_away_is_told_with_the_reason() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let inspector = inspector::open(&format!("postgres://someone:hunter2@127.0.0.1:{port}/shop")).unwrap();
    let fault = inspector.inspect().await.unwrap_err().to_string();
    assert!(fault.contains("refused") && !fault.contains("hunter2"), "{fault}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let started = Instant::now();
    let inspector = inspector::open(&format!("postgres://someone@127.0.0.1:{port}/shop")).unwrap();
    let fault = inspector.inspect().await.unwrap_err().to_string();
    assert!(fault.contains("within 3 s") && started.elapsed() < Duration::from_secs(6), "{fault}");
    drop(listener);
}

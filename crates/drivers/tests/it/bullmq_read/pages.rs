//! Pages that skip nothing, and payloads that stay where they are.

use qd_core::port::Queue;
use qd_core::port::queue::{JobState, TextCut};

use super::server::Server;

/// A queue with `count` jobs in a set, several of one score.
async fn filled(server: &Server, set: &str, count: usize, score: impl Fn(usize) -> usize) {
    let mut connection = server.connect().await.unwrap();
    let mut pipe = redis::pipe();
    pipe.cmd("SET").arg("bull:mail:id").arg(count);
    for n in 0..count {
        pipe.cmd("ZADD").arg(format!("bull:mail:{set}")).arg(score(n)).arg(n);
        pipe.cmd("HSET").arg(format!("bull:mail:{n}")).arg("name").arg("a").arg("data").arg("{}").arg("timestamp").arg(1);
    }
    pipe.exec_async(&mut connection).await.unwrap();
}

#[tokio::test]
#[ignore = "needs redis-server; cargo xtask test has it"]
async fn jobs_that_leave_make_no_page_skip_others() {
    let server = Server::start().await;
    filled(&server, "failed", 95, |n| 1_000 + n / 30).await;
    let driver = server.driver("bull");
    let (mut seen, mut after, mut removed) = (Vec::new(), None, Vec::new());
    loop {
        let page = driver.jobs("mail", JobState::Failed, after.as_deref(), 10).await.unwrap();
        // What is acted on leaves the set.
        for row in page.jobs.iter().step_by(2) {
            let _: i64 = server.run_command(&["ZREM", "bull:mail:failed", &row.id]).await;
            removed.push(row.id.clone());
        }
        seen.extend(page.jobs.into_iter().map(|row| row.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut expected: Vec<(usize, String)> = (0..95).map(|n| (n / 30, n.to_string())).collect();
    expected.sort();
    expected.reverse();
    assert_eq!(seen, expected.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), "newest first, each once");
    assert_eq!(removed.len(), 48);
}

#[tokio::test]
#[ignore = "needs redis-server; cargo xtask test has it"]
async fn thousands_of_one_score_are_paged_in_both_directions() {
    let server = Server::start().await;
    filled(&server, "completed", 25_000, |_| 1_000).await;
    let driver = server.driver("bull");
    let (first, next) = driver.ids("mail", JobState::Completed, None).await.unwrap();
    let (second, next) = driver.ids("mail", JobState::Completed, next.as_deref()).await.unwrap();
    let (third, end) = driver.ids("mail", JobState::Completed, next.as_deref()).await.unwrap();
    assert_eq!((first.len(), second.len(), third.len(), end), (10_000, 10_000, 5_000, None));
    let mut all: Vec<String> = [first, second, third].concat();
    let oldest = all.clone();
    all.sort();
    all.dedup();
    assert_eq!((all.len(), &oldest), (25_000, &all));
    let page = driver.jobs("mail", JobState::Completed, None, 500).await.unwrap();
    let behind = driver.jobs("mail", JobState::Completed, page.next.as_deref(), 500).await.unwrap();
    let newest: Vec<String> = page.jobs.into_iter().chain(behind.jobs).map(|row| row.id).collect();
    assert!(newest.iter().eq(oldest.iter().rev().take(1_000)));
    assert!(driver.jobs("mail", JobState::Completed, Some("nonsense"), 5).await.is_err());
}

#[tokio::test]
#[ignore = "needs redis-server; cargo xtask test has it"]
async fn what_is_too_large_stays_in_redis() {
    let server = Server::start().await;
    let (huge, large) = (format!("\"{}\"", "x".repeat(50 << 20)), format!("\"{}\"", "ä".repeat(20_000)));
    let mut connection = server.connect().await.unwrap();
    let mut pipe = redis::pipe();
    pipe.cmd("SET").arg("bull:mail:id").arg(2).cmd("RPUSH").arg("bull:mail:wait").arg("2").arg("1");
    pipe.cmd("HSET").arg("bull:mail:1").arg("name").arg("huge").arg("data").arg(&huge).arg("timestamp").arg(1);
    pipe.cmd("HSET").arg("bull:mail:2").arg("name").arg("large").arg("data").arg(&large).arg("timestamp").arg(1);
    pipe.cmd("RPUSH").arg("bull:mail:2:logs").arg("x".repeat(3 << 20)).arg("y".repeat(3 << 20)).arg("z");
    pipe.exec_async(&mut connection).await.unwrap();
    let sent = async || {
        let stats: String = server.run_command(&["INFO", "stats"]).await;
        stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:")).unwrap().trim().parse::<u64>().unwrap()
    };
    let before = sent().await;
    let driver = server.driver("bull");
    let rows = driver.jobs("mail", JobState::Waiting, None, 50).await.unwrap().jobs;
    let [first, second] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((first.name.as_str(), first.data.bytes, first.data.text.as_str()), ("huge", huge.len() as u64, ""));
    assert_eq!((second.data.bytes, second.data.text.len(), second.data.is_cut()), (large.len() as u64, 4_095, true));
    let detail = driver.job("mail", "1").await.unwrap().unwrap();
    assert_eq!((detail.row.data.bytes, detail.row.data.text.len()), (huge.len() as u64, 0));
    let detail = driver.job("mail", "2").await.unwrap().unwrap();
    assert_eq!((detail.row.data.text.len(), detail.row.data.bytes), (large.len(), large.len() as u64));
    assert!(detail.row.data.text.len() <= TextCut::MAX);
    let log = &detail.log;
    assert!(log.total == 3 && (1..3).contains(&log.lines.len()) && log.lines[0].text.len() == 8_192, "a short page: {}", log.lines.len());
    assert_eq!(driver.log("mail", "2", 2).await.unwrap().lines[0].text, "z");
    assert!(sent().await - before < 20 << 20, "the huge one was not sent");
}

#[tokio::test]
#[ignore = "needs redis-server; cargo xtask test has it"]
async fn a_list_is_paged_from_what_runs_next() {
    let server = Server::start().await;
    let mut connection = server.connect().await.unwrap();
    let mut pipe = redis::pipe();
    pipe.cmd("SET").arg("bull:mail:id").arg(25_000);
    for n in 0..25_000 {
        pipe.cmd("LPUSH").arg("bull:mail:wait").arg(n);
        pipe.cmd("HSET").arg(format!("bull:mail:{n}")).arg("name").arg("a").arg("timestamp").arg(n + 1_000);
    }
    pipe.exec_async(&mut connection).await.unwrap();
    let driver = server.driver("bull");
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (ids, next) = driver.ids("mail", JobState::Waiting, after.as_deref()).await.unwrap();
        all.extend(ids);
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert!(all.iter().map(|id| id.parse::<usize>().unwrap()).eq(0..25_000));
    let state = driver.states().await.unwrap().remove(0);
    assert_eq!((state.waiting, state.oldest_waiting.map(|at| at.micros())), (25_000, Some(1_000_000)));
    for id in ["0", "12500", "24999"] {
        let found = driver.find("mail", &[id.to_owned()]).await.unwrap();
        assert_eq!(found.first().map(|row| row.state), Some(JobState::Waiting), "{id}");
    }
    let _: i64 = server.run_command(&["HSET", "bull:mail:orphan", "name", "lost"]).await;
    let _: () = server.run_command(&["LTRIM", "bull:mail:wait", "0", "99"]).await;
    assert_eq!(driver.job("mail", "orphan").await.unwrap(), None, "no list names it");
}

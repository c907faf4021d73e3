//! Looking changes nothing, and what only was looked at is no queue.

use qd_core::Error;
use qd_core::port::Queue;
use qd_core::port::queue::JobState;

use super::library::Library;
use super::server::Server;

#[tokio::test]
#[ignore = "needs QD_TEST_CLIENTS_NODE and QD_TEST_NODE; cargo xtask test sets them"]
async fn looking_makes_no_key_and_changes_none() {
    let server = Server::start().await;
    {
        let mut library = Library::node(5, server.port, "bull");
        library.js("return await fill()");
    }
    // Marks of releases before 5, which BullMQ's own count takes away.
    let _: i64 = server.run_command(&["RPUSH", "bull:mail:wait", "0:0"]).await;
    let before = server.keys().await;
    let driver = server.driver("bull");
    driver.about().await.unwrap();
    let states = driver.states().await.unwrap();
    assert_eq!(states.iter().find(|state| state.name == "mail").unwrap().waiting, 7, "marks are no jobs");
    driver.workers().await.unwrap();
    driver.schedules().await.unwrap();
    for state in &states {
        for kind in JobState::ALL {
            let (ids, _) = driver.ids(&state.name, kind, None).await.unwrap();
            assert!(ids.iter().all(|id| !id.starts_with("0:")));
            driver.find(&state.name, &ids).await.unwrap();
            for id in ids {
                driver.job(&state.name, &id).await.unwrap().unwrap();
                driver.log(&state.name, &id, 0).await.unwrap();
            }
        }
        let begin = driver.events(&state.name, None).await.unwrap();
        driver.events(&state.name, begin.last.as_deref()).await.unwrap();
        driver.job(&state.name, "nosuch").await.unwrap();
    }
    for unknown in ["nosuch", "", "mail:x", "*"] {
        assert!(matches!(driver.jobs(unknown, JobState::Waiting, None, 1).await, Err(Error::NotFound(_))), "{unknown}");
        assert!(matches!(driver.events(unknown, None).await, Err(Error::NotFound(_))), "{unknown}");
        assert!(matches!(driver.job(unknown, "1").await, Err(Error::NotFound(_))), "{unknown}");
    }
    assert!(before == server.keys().await, "looking left the keys as they were");
}

#[tokio::test]
#[ignore = "needs QD_TEST_CLIENTS_NODE and QD_TEST_NODE; cargo xtask test sets them"]
async fn what_was_only_looked_at_is_no_queue() {
    let server = Server::start().await;
    let mut library = Library::node(6, server.port, "bull");
    library.js("await queue('ghost').waitUntilReady(); await queue('ghost').getJobCounts(); await queue('real').add('a', {}, { jobId: 'own' })");
    library.js("await queue('empty').add('a', {}); await queue('empty').drain()");
    let _: () = server.run_command(&["SET", "bull:mail:other:id", "1"]).await;
    let _: i64 = server.run_command(&["HSET", "bullet:x:meta", "version", "1"]).await;
    let _: () = server.run_command(&["SET", "bull:odd:wait", "no list"]).await;
    let _: () = server.run_command(&["SET", "bull:odd:id", "1"]).await;
    let exists: i64 = server.run_command(&["EXISTS", "bull:ghost:meta"]).await;
    assert_eq!(exists, 1, "the library's look left a key");
    let names: Vec<String> = server.driver("bull").states().await.unwrap().into_iter().map(|state| state.name).collect();
    assert_eq!(names, ["empty", "odd", "real"]);
    let elsewhere = server.driver("other").states().await.unwrap();
    assert_eq!(elsewhere, []);
}

#[tokio::test]
#[ignore = "needs QD_TEST_CLIENTS_NODE and QD_TEST_NODE; cargo xtask test sets them"]
async fn a_blocked_list_of_clients_is_unknown_not_none() {
    let server = Server::start().await;
    let mut library = Library::node(6, server.port, "bull");
    library.js("await queue('mail').add('a', {})");
    let _: () = server.run_command(&["ACL", "SETUSER", "watcher", "on", ">pass", "~*", "+@all", "-client|list"]).await;
    let url = qd_core::secret::Secret::new(format!("redis://watcher:pass@127.0.0.1:{}/", server.port));
    let driver = drivers::queue::BullMq::new(&url, "bull").unwrap();
    let states = driver.states().await.unwrap();
    assert_eq!((states[0].waiting, states[0].workers), (1, None));
    assert!(matches!(driver.workers().await, Err(Error::Unsupported { .. })));
    let _: () = server.run_command(&["ACL", "SETUSER", "watcher", "-llen"]).await;
    let refused = driver.states().await.unwrap_err().to_string();
    assert!(refused.contains("may not do this"), "a refusal is no zero: {refused}");
}

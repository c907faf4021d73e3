//! A server that goes away, hangs, or starts again.

use std::time::{Duration, Instant};

use drivers::queue::BullMq;
use qd_core::Error;
use qd_core::port::Queue;
use qd_core::port::queue::JobState;
use qd_core::secret::Secret;
use tokio::net::TcpListener;

use super::server::Server;

async fn filled(server: &Server) {
    let _: () = server.run_command(&["SET", "bull:mail:id", "1"]).await;
    let _: i64 = server.run_command(&["RPUSH", "bull:mail:wait", "1"]).await;
    let _: i64 = server.run_command(&["HSET", "bull:mail:1", "name", "a", "timestamp", "1"]).await;
}

#[tokio::test]
#[ignore = "needs redis-server; cargo xtask test has it"]
async fn a_server_that_was_killed_is_an_error_and_right_again_when_it_is_back() {
    let mut server = Server::start().await;
    filled(&server).await;
    let driver = server.driver("bull");
    assert_eq!(driver.states().await.unwrap()[0].waiting, 1);
    server.kill();
    for _ in 0..3 {
        let away = driver.states().await.unwrap_err();
        assert!(matches!(away, Error::Upstream { .. }), "{away:?}");
        assert_eq!(away.to_string(), "BullMQ: Connection refused.");
    }
    assert!(driver.jobs("mail", JobState::Waiting, None, 5).await.is_err());
    server.again().await;
    filled(&server).await;
    let back = driver.states().await.unwrap();
    assert_eq!((back.len(), back[0].waiting), (1, 1), "the first call after it is back is right");
    // Killed and started again between two calls: the connection that is found closed is replaced within the call.
    server.kill();
    server.again().await;
    filled(&server).await;
    assert_eq!(driver.jobs("mail", JobState::Waiting, None, 5).await.unwrap().jobs.len(), 1);
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_by_all_who_wait_within_seconds() {
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://someone:hidden@127.0.0.1:{}/", mute.local_addr().unwrap().port());
    let driver = BullMq::new(&Secret::new(url), "bull").unwrap();
    let begin = Instant::now();
    let all = futures::future::join_all((0..20).map(|_| driver.states())).await;
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    for late in all {
        let said = late.unwrap_err().to_string();
        assert_eq!(said, "BullMQ: No answer within 2 s.");
    }
}

#[tokio::test]
#[ignore = "needs redis-server; cargo xtask test has it"]
async fn a_wrong_password_is_said_without_it() {
    let server = Server::start().await;
    let _: () = server.run_command(&["CONFIG", "SET", "requirepass", "right"]).await;
    for (login, why) in [("", "It asks for a password and none is configured."), (":hidden@", "User or password was refused.")] {
        let driver = BullMq::new(&Secret::new(format!("redis://{login}127.0.0.1:{}/", server.port)), "bull").unwrap();
        assert_eq!(driver.states().await.unwrap_err().to_string(), format!("BullMQ: {why}"));
    }
    let driver = BullMq::new(&Secret::new(format!("redis://:right@127.0.0.1:{}/", server.port)), "bull").unwrap();
    assert_eq!(driver.states().await.unwrap(), []);
}

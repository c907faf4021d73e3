//! The Redis driver against a real server, also one that goes away or hangs.

use drivers::cache::Redis;
use qd_core::port::Inspector;
use qd_core::secret::Secret;
use redis::cmd;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::{figure, redis as server};

async fn ask(command: &[&str]) {
    let mut connection = redis::Client::open(server()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut asked = cmd(command[0]);
    command[1..].iter().for_each(|word| {
        asked.arg(*word);
    });
    let _: redis::Value = asked.query_async(&mut connection).await.unwrap();
}

fn at(url: &str) -> Redis {
    Redis::new(&Secret::new(url)).unwrap()
}

/// A door in front of the server that can be shut.
async fn door(port: u16) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = server().trim_start_matches("redis://").trim_end_matches('/').to_owned();
    let open = tokio::spawn(async move {
        loop {
            let (mut inside, _) = listener.accept().await.unwrap();
            let mut outside = TcpStream::connect(&address).await.unwrap();
            // An error is a closed connection.
            let _ = copy_bidirectional(&mut inside, &mut outside).await;
        }
    });
    (port, open)
}

#[tokio::test]
#[ignore = "needs QD_TEST_REDIS; cargo xtask test sets it"]
async fn memory_has_a_share_only_with_a_limit_and_hits_are_those_between_samples() {
    ask(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let redis = at(&server());
    let first = redis.inspect().await.unwrap();
    assert!(figure(&first, "used_memory").value.unwrap() > 100_000.0);
    let share = figure(&first, "used_memory_percent");
    assert!(share.value.is_none() && share.missing.as_deref().unwrap().contains("no maxmemory"), "{share:?}");
    assert!(figure(&first, "hit_rate").value.is_none(), "one sample tells no rate");

    ask(&["CONFIG", "SET", "maxmemory", "1gb"]).await;
    ask(&["SET", "quarterdeck:test:driver", "1", "EX", "60"]).await;
    for _ in 0..40 {
        ask(&["GET", "quarterdeck:test:driver"]).await;
    }
    ask(&["GET", "quarterdeck:test:nothing"]).await;
    let second = redis.inspect().await.unwrap();
    ask(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let share = figure(&second, "used_memory_percent").value.unwrap();
    assert!((0.01..50.0).contains(&share), "{share}");
    assert_eq!(figure(&second, "max_memory").value, Some(1_073_741_824.0));
    let rate = figure(&second, "hit_rate").value.unwrap();
    assert!((50.0..100.0).contains(&rate), "40 of 41, and perhaps those of others: {rate}");
    assert!(figure(&second, "keys").value.unwrap() >= 1.0);
    assert_eq!(figure(&second, "evicted").value, Some(0.0));
}

#[tokio::test]
#[ignore = "needs QD_TEST_REDIS; cargo xtask test sets it"]
async fn a_server_that_goes_away_is_an_error_and_is_found_again() {
    let (port, open) = door(0).await;
    let redis = at(&format!("redis://:hidden@127.0.0.1:{port}/"));
    let refused = redis.inspect().await.unwrap_err().to_string();
    assert!(!refused.contains("hidden"), "{refused}");
    let redis = at(&format!("redis://127.0.0.1:{port}/"));
    assert!(redis.inspect().await.is_ok());
    open.abort();
    assert!(open.await.unwrap_err().is_cancelled());
    let away = redis.inspect().await.unwrap_err().to_string();
    assert_eq!(away, "Redis: Connection refused.");
    let (_, open) = door(port).await;
    assert!(redis.inspect().await.is_ok(), "it is found once it is back");
    open.abort();
}

#[tokio::test]
async fn one_that_hangs_is_given_up_within_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let redis = at(&format!("redis://127.0.0.1:{}/", listener.local_addr().unwrap().port()));
    let late = redis.inspect().await.unwrap_err().to_string();
    assert_eq!(late, "Redis: No answer within 3 s.");
}

#[tokio::test]
async fn what_speaks_another_language_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.writable().await.unwrap();
        stream.try_write(b"SSH-2.0-OpenSSH\r\n").unwrap();
        drop(stream);
    });
    assert!(at(&format!("redis://127.0.0.1:{port}/")).inspect().await.is_err());
}

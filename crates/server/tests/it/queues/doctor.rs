//! What `quarterdeck doctor` says of job systems: one that answers, one that does not.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use serde_json::Value;

/// Runs it on a configuration. Gives whether all is well, what it says to people, and each job system's finding.
fn doctor(sources: &[(&str, &str, &str)]) -> (bool, String, Vec<Value>) {
    let directory = tempfile::TempDir::new().unwrap();
    let text: String = sources
        .iter()
        .map(|(name, url, prefix)| format!("[[queues]]\nname = \"{name}\"\ndriver = \"bullmq\"\nurl = \"{url}\"\nprefix = \"{prefix}\"\n"))
        .collect();
    std::fs::write(directory.path().join("quarterdeck.toml"), text).unwrap();
    let run = |more: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_quarterdeck"));
        program.arg("doctor").args(more).current_dir(directory.path()).env("QD_STORAGE__DATA_DIR", directory.path().join("data"));
        program.env_remove("QD_CONFIG").output().unwrap()
    };
    let (plain, json) = (run(&[]), run(&["--json"]));
    assert_eq!(plain.status.code(), json.status.code());
    let said = String::from_utf8(plain.stdout).unwrap() + &String::from_utf8(plain.stderr).unwrap();
    let findings: Vec<Value> = serde_json::from_slice(&json.stdout).unwrap();
    let of_queues = findings.into_iter().filter(|finding| finding["check"].as_str().unwrap().starts_with("job system ")).collect();
    (plain.status.success(), said, of_queues)
}

/// A queue as the library leaves one, under a prefix of its own.
fn queue(prefix: &str) {
    let address = std::env::var("QD_TEST_REDIS").unwrap().trim_start_matches("redis://").trim_end_matches('/').to_owned();
    let mut redis = BufReader::new(TcpStream::connect(address).unwrap());
    let lines = [format!("HSET {prefix}:mail:meta opts.maxLenEvents 10000 version bullmq:6.7.0"), format!("SET {prefix}:mail:id 1")];
    for line in lines {
        redis.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        redis.read_line(&mut answer).unwrap();
        assert!(!answer.starts_with('-'), "{answer}");
    }
}

#[test]
#[ignore = "needs QD_TEST_REDIS; cargo xtask test sets it"]
fn a_redis_that_answers_is_told_with_what_is_there() {
    let prefix = format!("qd-{}", uuid::Uuid::now_v7().simple());
    queue(&prefix);
    let (fine, said, found) = doctor(&[("shop", &std::env::var("QD_TEST_REDIS").unwrap(), &prefix)]);
    assert!(fine, "{said}");
    let line = said.lines().find(|line| line.contains("job system shop")).unwrap();
    assert!(line.starts_with("ok    job system shop: BullMQ 6.7.0 on Redis ") && line.contains("; 1 queue."), "{line}");
    assert!(line.contains("answers in ") && found.len() == 1 && found[0]["ok"] == true, "{found:?}");
}

#[test]
#[ignore = "needs QD_TEST_REDIS; cargo xtask test sets it"]
fn a_dead_port_is_a_failure_of_its_own_line_and_gives_no_password() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let dead = format!("redis://quarterdeck:hunter2@127.0.0.1:{port}/");
    let (fine, said, found) = doctor(&[("shop", &std::env::var("QD_TEST_REDIS").unwrap(), "qd-doctor"), ("dead", &dead, "bull")]);
    assert!(!fine, "{said}");
    let line = |name: &str| said.lines().find(|line| line.contains(&format!("job system {name}:"))).unwrap().to_owned();
    assert!(line("shop").starts_with("ok    ") && line("dead").starts_with("FAIL  "), "{said}");
    assert_eq!(found.iter().map(|finding| finding["ok"].as_bool().unwrap()).collect::<Vec<_>>(), [true, false]);
    assert!(!said.contains("hunter2") && !found[1]["detail"].as_str().unwrap().contains("hunter2"), "{said}");
    assert!(found[1]["detail"].as_str().unwrap().len() > 20, "it says what is wrong: {}", found[1]);
}

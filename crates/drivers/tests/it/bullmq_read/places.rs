//! TLS, Sentinel and Cluster, with servers of their own.

use std::process::Command;

use drivers::queue::BullMq;
use qd_core::port::Queue;
use qd_core::port::queue::JobState;
use qd_core::secret::Secret;

use super::server::{Server, free_port};
use crate::support::eventually;

async fn filled(server: &Server, prefix: &str, queue: &str) {
    let _: () = server.run_command(&["SET", &format!("{prefix}:{queue}:id"), "1"]).await;
    let _: i64 = server.run_command(&["RPUSH", &format!("{prefix}:{queue}:wait"), "1"]).await;
    let _: i64 = server.run_command(&["HSET", &format!("{prefix}:{queue}:1"), "name", "a", "timestamp", "1"]).await;
}

fn driver(url: &str, prefix: &str) -> BullMq {
    BullMq::new(&Secret::new(url), prefix).unwrap()
}

#[tokio::test]
#[ignore = "needs redis-server; cargo xtask test has it"]
async fn sentinels_are_asked_for_the_master_also_after_it_changed() {
    let (mut first, second) = (Server::start().await, Server::start().await);
    filled(&first, "bull", "mail").await;
    let _: () = second.run_command(&["REPLICAOF", "127.0.0.1", &first.port.to_string()]).await;
    eventually("the replica follows", || async { second.run_command::<i64>(&["EXISTS", "bull:mail:wait"]).await.eq(&1).then_some(()) }).await;
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let lines = format!(
        "port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {} 1\nsentinel down-after-milliseconds main 300\nsentinel failover-timeout main 3000\n",
        first.port
    );
    std::fs::write(dir.path().join("sentinel.conf"), lines).unwrap();
    let sentinel = Server::quietly(port, dir, &["sentinel.conf", "--sentinel"]);
    eventually("the sentinel answers", || async { sentinel.connect().await.map(|_| ()) }).await;
    let bull = driver(&format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{port}/main/0"), "bull");
    let seen = eventually("the master is found", || async { bull.states().await.ok() }).await;
    assert_eq!(seen[0].waiting, 1);
    assert!(bull.about().await.unwrap().place.starts_with("main/0 by sentinels at"));
    eventually("the sentinel knows the replica", || async {
        let known: Vec<redis::Value> = sentinel.run_command(&["SENTINEL", "REPLICAS", "main"]).await;
        (!known.is_empty()).then_some(())
    })
    .await;
    first.kill();
    let seen = eventually("the other is master", || async { bull.states().await.ok() }).await;
    assert_eq!(seen[0].waiting, 1);
    let unknown = driver(&format!("redis+sentinel://127.0.0.1:{port}/other"), "bull").states().await.unwrap_err();
    assert_eq!(unknown.to_string(), "BullMQ: No sentinel knows a live master of this name.");
}

#[tokio::test]
#[ignore = "needs redis-server; cargo xtask test has it"]
async fn a_cluster_needs_a_tag_and_says_so() {
    let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
    let nodes = [Server::with(&arguments).await, Server::with(&arguments).await, Server::with(&arguments).await];
    for (node, range) in nodes.iter().zip([("0", "5460"), ("5461", "10922"), ("10923", "16383")]) {
        let _: () = node.run_command(&["CLUSTER", "ADDSLOTSRANGE", range.0, range.1]).await;
    }
    for other in &nodes[1..] {
        let _: () = nodes[0].run_command(&["CLUSTER", "MEET", "127.0.0.1", &other.port.to_string()]).await;
    }
    for node in &nodes {
        eventually("the cluster is whole", || async {
            let info: String = node.run_command(&["CLUSTER", "INFO"]).await;
            (info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")).then_some(())
        })
        .await;
    }
    let url = format!("redis+cluster://127.0.0.1:{},127.0.0.1:{}", nodes[0].port, nodes[1].port);
    let client = redis::cluster::ClusterClient::new(vec![format!("redis://127.0.0.1:{}", nodes[0].port)]).unwrap();
    let mut cluster = client.get_async_connection().await.unwrap();
    let mut tagged = Vec::new();
    for queue in ["mail", "labels", "{a}", "{b}", "{c}"] {
        let prefix = if queue.starts_with('{') { "bull" } else { "{bull}" };
        for words in [["SET", "id", "1"], ["RPUSH", "wait", "1"]] {
            let key = format!("{prefix}:{queue}:{}", words[1]);
            redis::cmd(words[0]).arg(key).arg(words[2]).exec_async(&mut cluster).await.unwrap();
        }
        redis::cmd("HSET").arg(format!("{prefix}:{queue}:1")).arg("name").arg("a").arg("timestamp").arg(1).exec_async(&mut cluster).await.unwrap();
        tagged.push(queue);
    }
    redis::cmd("SET").arg("bull:loose:id").arg(1).exec_async(&mut cluster).await.unwrap();
    let names = async |bull: &BullMq| bull.states().await.unwrap().into_iter().map(|state| (state.name, state.waiting)).collect::<Vec<_>>();
    let by_prefix = driver(&url, "{bull}");
    assert_eq!(names(&by_prefix).await, [("labels".to_owned(), 1), ("mail".into(), 1)]);
    assert_eq!(by_prefix.about().await.unwrap().warnings, Vec::<String>::new());
    assert_eq!(by_prefix.jobs("mail", JobState::Waiting, None, 5).await.unwrap().jobs[0].name, "a");
    assert_eq!(by_prefix.job("labels", "1").await.unwrap().unwrap().row.state, JobState::Waiting);
    assert!(by_prefix.workers().await.unwrap().is_empty() && by_prefix.schedules().await.unwrap().is_empty());
    let by_name = driver(&url, "bull");
    assert_eq!(names(&by_name).await, [("{a}".to_owned(), 1), ("{b}".into(), 1), ("{c}".into(), 1)]);
    let warnings = by_name.about().await.unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.contains("no hash tag") && warning.contains("loose")), "{warnings:?}");
    drop(nodes);
    assert!(by_prefix.states().await.is_err());
}

#[tokio::test]
#[ignore = "needs redis-server; cargo xtask test has it"]
async fn tls_is_spoken_with_servers_of_a_known_authority_only() {
    let dir = tempfile::tempdir().unwrap();
    let openssl = |arguments: &str| {
        let done = Command::new("openssl").args(arguments.split(' ')).current_dir(dir.path()).output().expect("openssl runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority -addext basicConstraints=critical,CA:TRUE");
    openssl("req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost");
    std::fs::write(dir.path().join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
    openssl("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names");
    let file = |name: &str| dir.path().join(name).display().to_string();
    let (port, cert, key, ca) = (free_port(), file("server.pem"), file("server.key"), file("ca.pem"));
    let tls_port = port.to_string();
    let tls = ["--tls-port", &tls_port, "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-ca-cert-file", &ca, "--tls-auth-clients", "no"];
    let server = Server::with(&tls).await;
    filled(&server, "bull", "mail").await;
    let known = driver(&format!("rediss://127.0.0.1:{port}/0?ca={ca}"), "bull");
    assert_eq!(known.states().await.unwrap()[0].waiting, 1);
    let unknown = driver(&format!("rediss://127.0.0.1:{port}/0"), "bull").states().await.unwrap_err().to_string();
    assert!(unknown.starts_with("BullMQ: "), "{unknown}");
    println!("{unknown}");
}

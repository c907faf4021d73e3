//! Servers of Redis that a test may stop.

use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use drivers::queue::BullMq;
use qd_core::secret::Secret;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, FromRedisValue, ToRedisArgs, cmd};
use tempfile::TempDir;

use crate::support::eventually;

/// A running server with a directory of its own.
pub struct Server {
    pub port: u16,
    pub dir: TempDir,
    arguments: Vec<String>,
    child: Option<Child>,
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// An empty one.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// One with more arguments.
    pub async fn with(arguments: &[&str]) -> Self {
        let server = Self::quietly(free_port(), tempfile::tempdir().unwrap(), arguments);
        eventually("Redis answers", || async { server.connect().await.map(|_| ()) }).await;
        server
    }

    /// One that is not waited for.
    pub fn quietly(port: u16, dir: TempDir, arguments: &[&str]) -> Self {
        let mut server = Self { port, dir, arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(), child: None };
        server.run();
        server
    }

    fn run(&mut self) {
        let log = File::create(self.dir.path().join("log")).unwrap();
        let mut command = Command::new("redis-server");
        let begins_with_file = self.arguments.first().is_some_and(|first| !first.starts_with("--"));
        if !begins_with_file {
            command.args(["--port", &self.port.to_string(), "--save", "", "--bind", "127.0.0.1"]);
        }
        command.args(&self.arguments).current_dir(self.dir.path()).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().expect("redis-server starts"));
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again on the same port.
    pub async fn again(&mut self) {
        self.run();
        eventually("Redis answers", || async { self.connect().await.map(|_| ()) }).await;
    }

    /// A connection, if it answers.
    pub async fn connect(&self) -> Option<MultiplexedConnection> {
        let client = redis::Client::open(("127.0.0.1", self.port)).unwrap();
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await.ok()?;
        cmd("PING").query_async::<String>(&mut connection).await.ok().map(|_| connection)
    }

    /// Runs one command.
    pub async fn run_command<T: FromRedisValue>(&self, words: &[impl ToRedisArgs]) -> T {
        let mut asked = redis::Cmd::new();
        words.iter().for_each(|word| {
            asked.arg(word);
        });
        asked.query_async(&mut self.connect().await.unwrap()).await.unwrap()
    }

    /// The driver on it.
    pub fn driver(&self, prefix: &str) -> BullMq {
        BullMq::new(&Secret::new(format!("redis://127.0.0.1:{}/", self.port)), prefix).unwrap()
    }

    /// All keys with the lengths of what they hold.
    pub async fn keys(&self) -> Vec<(String, String)> {
        let mut connection = self.connect().await.unwrap();
        let mut keys: Vec<String> = cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
        keys.sort();
        let mut all = Vec::new();
        for key in keys {
            let digest: Vec<u8> = cmd("DUMP").arg(&key).query_async(&mut connection).await.unwrap_or_default();
            // Locks and the like come and go by themselves.
            if !key.ends_with(":lock") && !key.ends_with(":stalled-check") && !key.ends_with(":stalled") {
                all.push((key, format!("{digest:?}")));
            }
        }
        all
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

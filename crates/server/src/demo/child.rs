//! The marketplace as a child process: two real processes that meet only over the wire.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use qd_core::secret::Secret;
use qd_core::{Error, Result};
use tokio::process::{ChildStdin, Command};
use tokio::sync::{Mutex, watch};

use super::CHILD_GRACE;
use crate::cli::Demo;

/// How long it may take until it answers.
const START: Duration = Duration::from_secs(20);

/// What the marketplace must know.
pub(super) struct Told<'a> {
    /// Its database.
    pub database: &'a Secret,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where the control center is.
    pub control: SocketAddr,
    /// How to ask it.
    pub token: &'a Secret,
    /// Who may write during a maintenance.
    pub bypass: &'a Secret,
}

/// The running marketplace.
pub(super) struct Child {
    pid: u32,
    stdin: Mutex<Option<ChildStdin>>,
    kill: watch::Sender<bool>,
    ended: watch::Receiver<bool>,
}

impl Child {
    /// Starts it, and waits until it answers.
    pub async fn start(options: &Demo, told: &Told<'_>) -> Result<Self> {
        let Told { database, listen, control, token, bypass } = *told;
        let program = std::env::current_exe().map_err(|fault| Error::Broken(format!("the program's own path: {fault}")))?;
        let headers = format!("authorization=Bearer {}", token.expose());
        let mut command = Command::new(program);
        command.args(["marketplace", "--stop-on-stdin-eof", "--listen", &listen.to_string(), "--scenario", &options.scenario, "--data-dir"]);
        command.arg(options.data_dir.join("marketplace"));
        if options.no_traffic {
            command.arg("--no-traffic");
        }
        // The standard variables, as any application would be told; secrets in the environment, not on the command line.
        command.env("MARKETPLACE_DATABASE_URL", database.expose());
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{control}")).env("OTEL_EXPORTER_OTLP_HEADERS", &headers);
        command.env("OTEL_SERVICE_NAME", "marketplace");
        command.env("OFREP_ENDPOINT", format!("http://{control}")).env("OFREP_HEADERS", &headers);
        command.env("MAINTENANCE_BYPASS_SECRET", bypass.expose()).env("DEPLOYMENT_ENVIRONMENT", super::ENVIRONMENT);
        if let Some(redis) = &options.redis {
            command.env("MARKETPLACE_REDIS_URL", redis);
        }
        let log = std::fs::File::create(options.data_dir.join("logs").join("marketplace.log"));
        let log = log.map_err(|fault| Error::Broken(format!("the marketplace's log: {fault}")))?;
        let errors = log.try_clone().map_err(|fault| Error::Broken(format!("the marketplace's log: {fault}")))?;
        command.stdin(Stdio::piped()).stdout(log).stderr(errors).kill_on_drop(true);
        let mut process = command.spawn().map_err(|fault| Error::Broken(format!("The marketplace can't be started: {fault}.")))?;
        let (pid, stdin) = (process.id().unwrap_or_default(), process.stdin.take());
        let (kill, mut killed) = watch::channel(false);
        let (say, ended) = watch::channel(false);
        tokio::spawn(async move {
            let must_end = tokio::select! {
                _ = process.wait() => false,
                _ = async { killed.wait_for(|kill| *kill).await.is_ok() } => true,
            };
            if must_end {
                // An error says that it has ended by itself.
                let _ = process.kill().await;
            }
            say.send_replace(true);
        });
        let child = Self { pid, stdin: Mutex::new(stdin), kill, ended };
        child.answers(listen).await?;
        Ok(child)
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.pid
    }

    async fn answers(&self, listen: SocketAddr) -> Result<()> {
        let client =
            reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build().map_err(|fault| Error::Broken(fault.to_string()))?;
        let ask = async {
            while !client.get(format!("http://{listen}/healthz")).send().await.is_ok_and(|answer| answer.status().is_success()) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            () = ask => Ok(()),
            () = self.ended() => Err(Error::Broken("The marketplace ended at its start; logs/marketplace.log in the data directory says why.".into())),
            () = tokio::time::sleep(START) => Err(Error::Broken("The marketplace did not answer within 20 s; see logs/marketplace.log in the data directory.".into())),
        }
    }

    /// Resolves when the process has ended.
    pub async fn ended(&self) {
        // An error means that the watcher is gone, and the process with it.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }

    /// Closes its standard input, which asks it to stop; ends it when it does not.
    pub async fn stop(self) {
        drop(self.stdin.lock().await.take());
        if tokio::time::timeout(CHILD_GRACE, self.ended()).await.is_err() {
            self.kill.send_replace(true);
            self.ended().await;
        }
    }
}

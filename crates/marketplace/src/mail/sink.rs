//! The demo's mail server: it speaks enough SMTP to take letters and keeps the newest in a folder. In the scenario
//! `email-outage` it really closes its socket, and clients are refused by the kernel.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::scenario::{Scenario, Switch};

/// Largest letter.
const MAX_LETTER: u64 = 256 * 1024;
/// Longest conversation.
const LIMIT: Duration = Duration::from_secs(30);
/// Conversations at once.
const CLIENTS: usize = 32;

/// Where the mail server listens.
#[derive(Debug, Clone)]
pub struct Sink {
    port: Arc<AtomicU16>,
}

impl Sink {
    /// Starts the server on a free port; letters go to `folder`. It ends with the task set.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(folder: PathBuf, switch: Switch, tasks: &mut JoinSet<()>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let sink = Self { port: Arc::new(AtomicU16::new(listener.local_addr()?.port())) };
        tasks.spawn(sink.clone().serve(listener, folder, switch));
        Ok(sink)
    }

    /// Its address; it changes only when the port is gone after an outage.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port.load(Ordering::Relaxed)).into()
    }

    async fn serve(self, listener: TcpListener, folder: PathBuf, switch: Switch) {
        let mut open = Some(listener);
        loop {
            if let Some(listener) = open.take()
                && !switch.is(Scenario::EmailOutage)
            {
                let outage = switch.wait(Scenario::EmailOutage, true);
                tokio::select! {
                    () = outage => {}
                    () = accept(&listener, &folder) => {}
                }
            }
            switch.wait(Scenario::EmailOutage, false).await;
            open = self.bind().await;
        }
    }

    async fn bind(&self) -> Option<TcpListener> {
        let old = TcpListener::bind(self.address()).await;
        let listener = match old {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()?,
        };
        self.port.store(listener.local_addr().ok()?.port(), Ordering::Relaxed);
        Some(listener)
    }
}

async fn accept(listener: &TcpListener, folder: &Path) {
    let places = Arc::new(Semaphore::new(CLIENTS));
    let mut clients = JoinSet::new();
    loop {
        while clients.try_join_next().is_some() {}
        let (Ok(place), Ok((stream, _))) = (Arc::clone(&places).acquire_owned().await, listener.accept().await) else {
            continue;
        };
        let folder = folder.to_owned();
        clients.spawn(async move {
            let _place = place;
            // A client that hangs up or talks nonsense is its own problem.
            let _ = timeout(LIMIT, converse(stream, &folder)).await;
        });
    }
}

async fn converse(stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 fernmarket.example at your service\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if (&mut stream).take(1_024).read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let word = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let reply: &[u8] = match word.as_str() {
            "HELO" | "EHLO" | "MAIL" | "RCPT" | "NOOP" | "RSET" => b"250 ok\r\n",
            "DATA" => {
                stream.write_all(b"354 end with a dot\r\n").await?;
                if letter(&mut stream, folder).await? { b"250 kept\r\n" } else { b"552 too large\r\n" }
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            _ => b"502 not here\r\n",
        };
        stream.write_all(reply).await?;
    }
}

/// Reads one letter and keeps it; the same Message-ID twice is one file. False when it is too large.
async fn letter(stream: &mut BufReader<TcpStream>, folder: &Path) -> std::io::Result<bool> {
    let mut text = String::new();
    let mut limited = stream.take(MAX_LETTER);
    loop {
        let start = text.len();
        if limited.read_line(&mut text).await? == 0 {
            return Ok(false);
        }
        let line = text.get(start..).unwrap_or_default();
        if line.trim_end() == "." {
            text.truncate(start);
            break;
        }
        if line.starts_with("..") {
            text.remove(start);
        }
    }
    let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: <")).unwrap_or("letter");
    let name: String = id.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    tokio::fs::write(folder.join(format!("{name}.eml")), text).await?;
    Ok(true)
}

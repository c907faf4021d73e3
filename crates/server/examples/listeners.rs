//! Thousands of applications that listen: opens `COUNT` event streams at `ADDRESS` and tells on standard output how many hold, then, after each
//! line on standard input, how long the slowest took to hear of the change that the line announces. For `cargo xtask bench streams`.

use std::error::Error;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// How long everybody may take to hear.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(address), Some(path), Some(count), Some(token)) = (args.next(), args.next(), args.next(), args.next()) else {
        return Err("listeners ADDRESS PATH COUNT TOKEN".into());
    };
    let count: usize = count.parse()?;
    let (say, mut heard) = mpsc::unbounded_channel();
    let mut open = 0;
    for _ in 0..count {
        let stream = connect(&address, &path, &token).await?;
        open += 1;
        tokio::spawn(listen(stream, say.clone()));
    }
    // Each stream may begin with the state that holds.
    while let Ok(Some(_)) = tokio::time::timeout(Duration::from_secs(2), heard.recv()).await {}
    println!("{open}");
    while tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await?? > 0 {
        let (start, mut told, mut last) = (Instant::now(), 0, Duration::ZERO);
        while told < count {
            let Ok(Some(at)) = tokio::time::timeout(PATIENCE, heard.recv()).await else { break };
            told += 1;
            last = last.max(at.saturating_duration_since(start));
        }
        println!("{told} {:.1}", last.as_secs_f64() * 1000.0);
    }
    Ok(())
}

async fn connect(address: &str, path: &str, token: &str) -> Result<TcpStream, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = [0; 2048];
    let got = stream.read(&mut head).await?;
    let text = String::from_utf8_lossy(head.get(..got).unwrap_or_default()).into_owned();
    if text.starts_with("HTTP/1.1 200") { Ok(stream) } else { Err(text.into()) }
}

/// Tells of every event; comments are only signs of life.
async fn listen(mut stream: TcpStream, say: mpsc::UnboundedSender<Instant>) {
    let mut buffer = [0; 1024];
    while let Ok(got @ 1..) = stream.read(&mut buffer).await {
        let news = buffer.get(..got).unwrap_or_default().windows(6).any(|six| six == b"data: ");
        if news && say.send(Instant::now()).is_err() {
            return;
        }
    }
}

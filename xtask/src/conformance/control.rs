//! The control server of the provider test kit: scenarios stop and start the product and change a flag through it. For tests only, on loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::product::Product;
use crate::Result;

const CHANGING: &str = "changing-flag";
const PATIENCE: Duration = Duration::from_secs(5);

/// A running control server; it stops on drop, and the product with it.
pub struct Control {
    address: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Takes the product over.
    pub fn start(product: Product) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = format!("http://{}", listener.local_addr()?);
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let thread = std::thread::spawn(move || serve(&listener, product, &asked));
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread, which waits for a connection. When it has ended already there is nobody to wake.
        let _ = TcpStream::connect(self.address.trim_start_matches("http://"));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(listener: &TcpListener, mut product: Product, stop: &AtomicBool) {
    for stream in listener.incoming() {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        // A caller that breaks off has nobody to be told.
        let _ = stream.map_err(Into::into).and_then(|stream| exchange(&stream, &mut product));
    }
    product.down();
}

fn exchange(mut stream: &TcpStream, product: &mut Product) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream);
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0_u64);
    reader.read_line(&mut first)?;
    while reader.read_line(&mut line)? > 2 {
        if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse()?;
        }
        line.clear();
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    let target = first.split(' ').nth(1).unwrap_or_default();
    let (status, text) = match act(target, product) {
        Ok(true) => ("200 OK", String::new()),
        Ok(false) => ("404 Not Found", String::new()),
        Err(fault) => ("500 Internal Server Error", fault.to_string()),
    };
    Ok(write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len())?)
}

/// Does what a path asks for; false when there is no such path.
fn act(target: &str, product: &mut Product) -> Result<bool> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match path {
        "/healthz" => {}
        // There is one configuration: the one that was loaded.
        "/start" => product.up()?,
        "/stop" => product.down(),
        "/restart" => {
            let seconds = query.split('&').find_map(|pair| pair.strip_prefix("seconds=")).and_then(|text| text.parse().ok()).unwrap_or(0);
            product.down();
            std::thread::sleep(Duration::from_secs(u64::min(seconds, 60)));
            product.up()?;
        }
        "/change" => {
            let other = if product.served(CHANGING)? == "foo" { "bar" } else { "foo" };
            product.serve(CHANGING, other)?;
        }
        "/reset" => {
            product.up()?;
            product.serve(CHANGING, "foo")?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

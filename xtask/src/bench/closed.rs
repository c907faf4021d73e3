//! As many requests as come back: each connection sends its next request when the last answer is read. Used for ratios between two servers
//! that are measured in turn, never for latencies (see [`super::load`]).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::proc;
use crate::Result;

/// Rounds of each server, in turn; the median counts.
const ROUNDS: usize = 11;
const CONNECTIONS: usize = 16;

/// A server, and the bytes of the request that it is sent.
pub struct Target {
    pub address: String,
    pub pid: u32,
    pub request: Vec<u8>,
    /// How the answer begins.
    pub expect: &'static str,
}

/// Requests a second, and processor time of the server for one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub per_second: f64,
    pub cpu: Duration,
}

impl Target {
    /// A request with a JSON body and further headers.
    pub fn post(address: &str, pid: u32, path: &str, headers: &str, body: &str) -> Self {
        let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n{headers}");
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
        Self { address: address.to_owned(), pid, request, expect: "HTTP/1.1 200" }
    }

    /// A request without a body, answered by 204.
    pub fn ask(address: &str, pid: u32, path: &str, headers: &str) -> Self {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n").into_bytes();
        Self { address: address.to_owned(), pid, request, expect: "HTTP/1.1 204" }
    }
}

/// Two servers that were measured in turn.
pub struct Compared {
    pub ours: Figures,
    pub bare: Figures,
    /// Of the requests a second, each round of ours to the round of the other that followed it: a machine that slows down for a minute slows
    /// both.
    pub ratio: f64,
}

/// Both servers in turn; the median round of each, and the median of the ratios.
pub fn compare(ours: &Target, bare: &Target, seconds: u32) -> Result<Compared> {
    let each = Duration::from_secs(u64::from(seconds.max(5))) / ROUNDS as u32;
    let (mut of_ours, mut of_bare) = (Vec::new(), Vec::new());
    round(ours, Duration::from_secs(1))?;
    round(bare, Duration::from_secs(1))?;
    for _ in 0..ROUNDS {
        of_ours.push(round(ours, each)?);
        of_bare.push(round(bare, each)?);
    }
    let ratios = of_ours.iter().zip(&of_bare).map(|(ours, bare)| ours.per_second / bare.per_second).collect();
    Ok(Compared {
        ratio: median(ratios, |ratio| *ratio),
        ours: median(of_ours, |round| round.per_second),
        bare: median(of_bare, |round| round.per_second),
    })
}

fn median<T: Copy + Default>(mut rounds: Vec<T>, by: impl Fn(&T) -> f64) -> T {
    rounds.sort_by(|a, b| by(a).total_cmp(&by(b)));
    rounds.get(rounds.len() / 2).copied().unwrap_or_default()
}

fn round(target: &Target, span: Duration) -> Result<Figures> {
    let before = proc::cpu(target.pid)?;
    let start = Instant::now();
    let counts: Vec<std::result::Result<u64, String>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(|| connection(target, start + span).map_err(|e| e.to_string()))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a connection's thread panicked".into()))).collect()
    });
    let took = start.elapsed();
    let mut answers = 0;
    for count in counts {
        answers += count?;
    }
    let cpu = proc::cpu(target.pid)?.saturating_sub(before);
    Ok(Figures { per_second: answers as f64 / took.as_secs_f64(), cpu: cpu.div_f64(answers.max(1) as f64) })
}

fn connection(target: &Target, end: Instant) -> Result<u64> {
    let mut stream = TcpStream::connect(&target.address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let (mut buffer, mut count) = (vec![0; 64 << 10], 0);
    while Instant::now() < end {
        stream.write_all(&target.request)?;
        answer(&mut stream, &mut buffer, target.expect)?;
        count += 1;
    }
    Ok(count)
}

/// Reads one whole answer: its head, and as many bytes as `Content-Length` says.
fn answer(stream: &mut TcpStream, buffer: &mut [u8], expect: &str) -> Result<()> {
    let mut filled = 0;
    loop {
        let free = buffer.get_mut(filled..).filter(|free| !free.is_empty()).ok_or("the answer is too large")?;
        let got = stream.read(free)?;
        if got == 0 {
            return Err("the server closed the connection".into());
        }
        filled += got;
        let text = buffer.get(..filled).unwrap_or_default();
        let Some(head) = text.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        if !text.starts_with(expect.as_bytes()) {
            return Err(format!("expected {expect}, got {}", String::from_utf8_lossy(text)).into());
        }
        if filled >= head + 4 + length(text.get(..head).unwrap_or_default()) {
            return Ok(());
        }
    }
}

/// `Content-Length` of a head, 0 without it. Reads in place: what it costs to measure an answer must not depend on how much stands in its head.
fn length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length:";
    let value =
        head.split(|byte| *byte == b'\n').find_map(|line| line.split_at_checked(NAME.len()).filter(|(name, _)| name.eq_ignore_ascii_case(NAME)));
    value.and_then(|(_, value)| std::str::from_utf8(value).ok()?.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_read_whatever_its_case() {
        for (head, expected) in
            [("HTTP/1.1 200 OK\r\nContent-Length: 17\r\nA: b", 17), ("HTTP/1.1 204 No Content\r\na: b", 0), ("x\r\ncontent-length:4", 4)]
        {
            assert_eq!(length(head.as_bytes()), expected, "{head}");
        }
    }

    #[test]
    fn the_median_is_the_middle_round() {
        assert_eq!(median(vec![3.0, 1.0, 2.0], |round| *round), 2.0);
    }
}

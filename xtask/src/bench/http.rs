//! A small HTTP/1.1 client that keeps its connection: enough for our own server on the loopback address.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::Result;

const PATIENCE: Duration = Duration::from_secs(30);

/// One connection.
pub struct Client {
    address: String,
    headers: String,
    stream: Option<BufReader<TcpStream>>,
}

/// An answer with its whole body, as it came over the wire.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Bytes of body on the wire.
    pub wire: u64,
}

impl Answer {
    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// All headers of that name (lower case).
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    /// For `address` (`127.0.0.1:7070`), with the same headers on each request.
    pub fn new(address: &str, headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Self { address: address.to_owned(), headers, stream: None }
    }

    /// Gets a path. A connection that the server has closed in the meantime is opened anew, once.
    pub fn get(&mut self, path: &str) -> Result<Answer> {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{}\r\n", self.address, self.headers))
    }

    /// Posts a form.
    pub fn post(&mut self, path: &str, form: &str) -> Result<Answer> {
        let head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\n{}", self.address, self.headers);
        self.send(&format!("{head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}", form.len()))
    }

    /// Posts JSON, and gives the body of a successful answer.
    pub fn json(&mut self, path: &str, body: &str) -> Result<String> {
        self.with_json("POST", path, body)
    }

    /// Sends a change as JSON, and gives the body of a successful answer.
    pub fn patch(&mut self, path: &str, body: &str) -> Result<String> {
        self.with_json("PATCH", path, body)
    }

    fn with_json(&mut self, method: &str, path: &str, body: &str) -> Result<String> {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{}", self.address, self.headers);
        let answer = self.send(&format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()))?;
        match answer.status {
            200..=299 => Ok(answer.text()),
            status => Err(format!("{path} answered {status}: {}", answer.text()).into()),
        }
    }

    fn send(&mut self, request: &str) -> Result<Answer> {
        let reused = self.stream.is_some();
        match self.exchange(request) {
            Err(_) if reused => {
                self.stream = None;
                self.exchange(request)
            }
            other => other,
        }
    }

    fn exchange(&mut self, request: &str) -> Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(&self.address)?,
        };
        stream.get_mut().write_all(request.as_bytes())?;
        let answer = read(&mut stream)?;
        if answer.header("connection") != Some("close") {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

fn connect(address: &str) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(BufReader::with_capacity(64 << 10, stream))
}

fn read(stream: &mut impl BufRead) -> Result<Answer> {
    let first = line(stream)?;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| format!("not HTTP: {first:?}"))?;
    let mut headers = Vec::new();
    loop {
        let text = line(stream)?;
        let Some((name, value)) = text.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: Vec::new(), wire: 0 };
    if answer.header("transfer-encoding") == Some("chunked") {
        while let Ok(size @ 1..) = usize::from_str_radix(line(stream)?.trim(), 16) {
            take(stream, size, &mut answer.body)?;
            line(stream)?;
        }
        line(stream)?;
    } else if let Some(length) = answer.header("content-length") {
        let length = length.parse()?;
        take(stream, length, &mut answer.body)?;
    }
    answer.wire = answer.body.len() as u64;
    Ok(answer)
}

fn line(stream: &mut impl BufRead) -> Result<String> {
    let mut text = String::new();
    if stream.read_line(&mut text)? == 0 {
        return Err("the server closed the connection".into());
    }
    text.truncate(text.trim_end().len());
    Ok(text)
}

fn take(stream: &mut impl BufRead, count: usize, body: &mut Vec<u8>) -> Result<()> {
    let got = stream.take(count as u64).read_to_end(body)?;
    if got == count { Ok(()) } else { Err("the answer was cut off".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_body_are_read_to_their_end() {
        let wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2\r\n !\r\n0\r\n\r\n\
                     HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nno!";
        let mut stream = BufReader::new(wire.as_slice());
        let first = read(&mut stream).unwrap();
        assert_eq!((first.status, first.text().as_str()), (200, "hello !"));
        let second = read(&mut stream).unwrap();
        assert_eq!((second.status, second.text().as_str(), second.all("set-cookie").count()), (404, "no!", 2));
    }

    #[test]
    fn a_cut_answer_is_an_error() {
        let wire = b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nshort";
        assert!(read(&mut BufReader::new(wire.as_slice())).is_err());
    }
}

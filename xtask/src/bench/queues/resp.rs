//! A small client of Redis: enough to fill one and to ask how slow it was.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::Result;

/// Commands that go over before their answers are read.
const AT_ONCE: usize = 2_000;

/// One connection.
pub struct Resp {
    stream: BufReader<TcpStream>,
    unread: usize,
    written: Vec<u8>,
}

impl Resp {
    /// To `redis://127.0.0.1:PORT`.
    pub fn connect(url: &str) -> Result<Self> {
        let stream = TcpStream::connect(url.trim_start_matches("redis://").trim_end_matches('/'))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(1 << 20, stream), unread: 0, written: Vec::new() })
    }

    /// Sends a command whose answer does not matter.
    pub fn send(&mut self, parts: &[&str]) -> Result<()> {
        write!(self.written, "*{}\r\n", parts.len())?;
        for part in parts {
            write!(self.written, "${}\r\n{part}\r\n", part.len())?;
        }
        self.unread += 1;
        if self.unread >= AT_ONCE { self.settle() } else { Ok(()) }
    }

    /// Waits until everything that was sent is answered. An error among the answers is one.
    pub fn settle(&mut self) -> Result<()> {
        self.stream.get_mut().write_all(&self.written)?;
        self.written.clear();
        for _ in 0..std::mem::take(&mut self.unread) {
            self.answer()?;
        }
        Ok(())
    }

    /// Sends a command and gives its answer as text, arrays as lines.
    pub fn ask(&mut self, parts: &[&str]) -> Result<String> {
        self.settle()?;
        self.send(parts)?;
        self.stream.get_mut().write_all(&std::mem::take(&mut self.written))?;
        self.unread = 0;
        self.answer()
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let line = line.trim_end();
        let (kind, rest) = line.split_at_checked(1).ok_or("Redis closed the connection")?;
        match kind {
            "+" | ":" => Ok(rest.to_owned()),
            "-" => Err(format!("Redis: {rest}").into()),
            "$" if rest == "-1" => Ok(String::new()),
            "$" => {
                let mut text = vec![0; rest.parse::<usize>()? + 2];
                self.stream.read_exact(&mut text)?;
                text.truncate(text.len() - 2);
                Ok(String::from_utf8_lossy(&text).into_owned())
            }
            "*" => (0..rest.parse::<i64>()?.max(0)).map(|_| self.answer()).collect::<Result<Vec<_>>>().map(|lines| lines.join("\n")),
            other => Err(format!("Redis answered {other:?}").into()),
        }
    }
}

//! Server-sent events: a stream of chunks cut into events, within bounds.
//!
//! Source: <https://html.spec.whatwg.org/multipage/server-sent-events.html>, section 9.2.6.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::Response;
use tokio::time::Instant;

use crate::endpoint::Fault;

/// An event may be so large; a larger one ends the stream.
const MAX_EVENT: usize = 1024 * 1024;

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// `message` when the server names none.
    pub name: String,
    pub data: String,
    /// The id that a reconnection would send, of this event or of one before.
    pub id: Option<String>,
}

/// Cuts lines out of chunks and events out of lines.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    after_cr: bool,
    name: String,
    data: String,
    id: Option<String>,
}

impl Parser {
    /// Takes a chunk; gives the events that it completes. An error when one grows beyond 1 MiB.
    pub(crate) fn take(&mut self, chunk: &[u8]) -> Result<Vec<Event>, Fault> {
        let mut events = Vec::new();
        for byte in chunk {
            let newline = *byte == b'\n';
            if newline && std::mem::take(&mut self.after_cr) {
                continue;
            }
            self.after_cr = *byte == b'\r';
            if newline || self.after_cr {
                let line = std::mem::take(&mut self.line);
                events.extend(self.line(&String::from_utf8_lossy(&line)));
            } else {
                self.line.push(*byte);
            }
            if self.line.len() + self.data.len() > MAX_EVENT {
                return Err(Fault::Odd("an event of more than 1 MiB".into()));
            }
        }
        Ok(events)
    }

    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field.trim_start_matches('\u{feff}') {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // Comments, `retry` (our own back-off is kinder) and what comes after us.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        let (mut name, mut data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        data.pop()?;
        if name.is_empty() {
            "message".clone_into(&mut name);
        }
        Some(Event { name, data, id: self.id.clone() })
    }
}

/// An open stream.
#[derive(Debug)]
pub(crate) struct Stream {
    answer: Response,
    parser: Parser,
    ready: VecDeque<Event>,
    /// Silence after which the connection is taken for dead.
    patience: Duration,
    heard: Instant,
}

impl Stream {
    /// Of an answer whose head is there.
    pub(crate) fn of(answer: Response, patience: Duration) -> Result<Self, Fault> {
        let kind = answer.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !answer.status().is_success() || !kind.starts_with("text/event-stream") {
            return Err(Fault::Odd(format!("status {} instead of a stream of events", answer.status().as_u16())));
        }
        Ok(Self { answer, parser: Parser::default(), ready: VecDeque::new(), patience, heard: Instant::now() })
    }

    /// The next event; `Ok(None)` when the server ended the stream. May be dropped and asked again: nothing is lost, and silence goes on.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Fault> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            match tokio::time::timeout_at(self.heard + self.patience, self.answer.chunk()).await {
                Ok(Ok(Some(chunk))) => {
                    self.heard = Instant::now();
                    self.ready.extend(self.parser.take(&chunk)?);
                }
                Ok(Ok(None)) => return Ok(None),
                Ok(Err(fault)) => return Err(fault.into()),
                Err(_) => return Err(Fault::Away(format!("silent for {} s", self.patience.as_secs()))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(chunks: &[&str]) -> Vec<Event> {
        let mut parser = Parser::default();
        chunks.iter().flat_map(|chunk| parser.take(chunk.as_bytes()).unwrap()).collect()
    }

    fn event(name: &str, data: &str, id: Option<&str>) -> Event {
        Event { name: name.into(), data: data.into(), id: id.map(str::to_owned) }
    }

    #[test]
    fn events_are_cut_wherever_the_chunks_end() {
        let text = ": hello\n\nid: 7\nevent: state\ndata: {\"a\":\ndata: 1}\n\ndata:x\r\n\r\nretry: 5\nid\n\ndata: y\r\r";
        let whole = [event("state", "{\"a\":\n1}", Some("7")), event("message", "x", Some("7")), event("message", "y", Some(""))];
        assert_eq!(parse(&[text]), whole);
        let letters: Vec<String> = text.chars().map(String::from).collect();
        assert_eq!(parse(&letters.iter().map(String::as_str).collect::<Vec<_>>()), whole);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut parser = Parser::default();
        let line = format!("data: {}\n", "x".repeat(1000));
        let refused = (0..2_000).any(|_| parser.take(line.as_bytes()).is_err());
        assert!(refused && Parser::default().take(&vec![b'x'; MAX_EVENT + 1]).is_err());
    }
}

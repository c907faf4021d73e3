//! Which protocol a connection speaks. Its first bytes say it, and are looked at without being taken: hyper's own detection takes them, and its
//! read buffer grows to twice the size over that for as long as the connection lives.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;

/// How every connection of HTTP/2 begins (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long to wait at first for the rest of a preface that came in pieces; twice as long each time, for nobody sends one so in good faith.
const PIECES: Duration = Duration::from_millis(5);

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.0 or 1.1.
    One,
    /// HTTP/2.
    Two,
}

/// Waits for the first bytes.
///
/// # Errors
/// When the connection fails before them.
pub async fn spoken(stream: &TcpStream) -> io::Result<Protocol> {
    let (mut seen, mut pause) = ([0; PREFACE.len()], PIECES);
    loop {
        let length = stream.peek(&mut seen).await?;
        if let Some(protocol) = told(seen.get(..length).unwrap_or_default()) {
            return Ok(protocol);
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

/// What the first bytes say; `None` while they could still become a preface. Nothing at all is the end of the connection.
fn told(first: &[u8]) -> Option<Protocol> {
    match (first.is_empty(), PREFACE.strip_prefix(first)) {
        (false, Some([])) => Some(Protocol::Two),
        (false, Some(_)) => None,
        (true, _) | (false, None) => Some(Protocol::One),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn the_first_bytes_say_it() {
        for (first, protocol) in [
            ("GET / HTTP/1.1\r\n", Some(Protocol::One)),
            ("P", None),
            ("POST /v1/traces HTTP/1.1\r\n", Some(Protocol::One)),
            ("PRI * HTTP/2.0\r\n", None),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Some(Protocol::Two)),
            ("", Some(Protocol::One)),
        ] {
            assert_eq!(told(first.as_bytes()), protocol, "{first:?}");
        }
    }

    #[tokio::test]
    async fn a_preface_in_pieces_is_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.write_all(&PREFACE[..5]).await.unwrap();
        let mut waiting = Box::pin(spoken(&server));
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        client.write_all(&PREFACE[5..]).await.unwrap();
        assert_eq!(waiting.await.unwrap(), Protocol::Two);
    }
}

//! A small SMTP client: plain text, one recipient, no login. Enough for a server on the same machine.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one delivery may take.
const LIMIT: Duration = Duration::from_secs(10);
/// Longest reply of a server.
const REPLY: usize = 4_096;

/// A letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Made once per letter, so that a second delivery is recognised.
    pub id: String,
    /// The address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// Why a letter was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The server cannot be reached, or hung up.
    #[error("mail server {0}: {1}")]
    Connection(SocketAddr, #[source] std::io::Error),
    /// The server took too long.
    #[error("mail server {0} did not answer within ten seconds")]
    Slow(SocketAddr),
    /// The server said no.
    #[error("the mail server refused: {0}")]
    Refused(String),
}

/// Hands `mail` to the server at `server`; `Ok` when the server took responsibility for it.
///
/// # Errors
/// Any [`MailError`]; the letter may be sent again.
pub async fn deliver(server: SocketAddr, mail: &Mail) -> Result<(), MailError> {
    timeout(LIMIT, talk(server, mail)).await.map_err(|_| MailError::Slow(server))?
}

async fn talk(server: SocketAddr, mail: &Mail) -> Result<(), MailError> {
    let failed = |error| MailError::Connection(server, error);
    let stream = TcpStream::connect(server).await.map_err(failed)?;
    let mut stream = BufReader::new(stream);
    expect(&mut stream, server, '2').await?;
    let address = clean(&mail.to);
    let steps = [
        ("HELO fernmarket.example".to_owned(), '2'),
        ("MAIL FROM:<orders@fernmarket.example>".to_owned(), '2'),
        (format!("RCPT TO:<{address}>"), '2'),
        ("DATA".to_owned(), '3'),
        (data(mail), '2'),
    ];
    for (line, wanted) in steps {
        stream.write_all(format!("{line}\r\n").as_bytes()).await.map_err(failed)?;
        stream.flush().await.map_err(failed)?;
        expect(&mut stream, server, wanted).await?;
    }
    // The letter is delivered; how the server takes leave does not matter.
    let _ = stream.write_all(b"QUIT\r\n").await;
    Ok(())
}

async fn expect(stream: &mut BufReader<TcpStream>, server: SocketAddr, wanted: char) -> Result<(), MailError> {
    let mut line = String::new();
    let limited = &mut tokio::io::AsyncReadExt::take(&mut *stream, REPLY as u64);
    let read = limited.read_line(&mut line).await.map_err(|error| MailError::Connection(server, error))?;
    if read == 0 {
        return Err(MailError::Connection(server, std::io::ErrorKind::UnexpectedEof.into()));
    }
    if line.starts_with(wanted) { Ok(()) } else { Err(MailError::Refused(line.trim().to_owned())) }
}

/// Headers and body with the dots doubled that stand at the start of a line, up to the final dot.
fn data(mail: &Mail) -> String {
    let mut text = format!(
        "Message-ID: <{}@fernmarket.example>\r\nFrom: Fernmarket <orders@fernmarket.example>\r\nTo: {}\r\nSubject: {}\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
        clean(&mail.id),
        clean(&mail.to),
        clean(&mail.subject)
    );
    for line in mail.body.lines() {
        let dot = if line.starts_with('.') { "." } else { "" };
        text.push_str(&format!("{dot}{}\r\n", line.trim_end_matches('\r')));
    }
    text.push('.');
    text
}

/// A header's value: nothing that could start another header.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && *c != '<' && *c != '>').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_cannot_end_early_or_grow_headers() {
        let mail =
            Mail { id: "1".into(), to: "a@example.com\r\nBcc: b@example.com".into(), subject: "Hi\r\n\r\nbody".into(), body: "one\n.\n..two".into() };
        let text = data(&mail);
        assert!(text.contains("To: a@example.comBcc: b@example.com\r\n"));
        assert!(text.contains("Subject: Hibody\r\n"));
        assert!(text.ends_with("\r\n\r\none\r\n..\r\n...two\r\n."));
    }
}

//! Reading a body: limits hold while it arrives and while it is unpacked, and its bytes count against the room of the whole process.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::features::telemetry::otlp::Refusal;

/// Seconds until a body has to be there; less than the frame gives to a whole request.
const SECONDS: u64 = 20;

/// Takes bytes until a limit.
struct Sink {
    bytes: Vec<u8>,
    limit: usize,
    room: Arc<Semaphore>,
    held: OwnedSemaphorePermit,
    refusal: Option<Refusal>,
}

impl Sink {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let length = self.bytes.len() + bytes.len();
        if length > self.limit {
            return Err(Refusal::TooLarge(self.limit));
        }
        let missing = (length >> 10).saturating_sub(self.held.num_permits());
        if missing > 0 {
            // A little more than needed, so that a body does not ask for room with every packet.
            let more = reserve(&self.room, missing + 64)?;
            self.held.merge(more);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.take(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(refusal) => {
                self.refusal = Some(refusal);
                Err(io::Error::other("limit"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Plain or gzip.
enum Reader {
    Plain(Sink),
    Gzip(Box<MultiGzDecoder<Sink>>),
}

impl Reader {
    fn unpacking(self) -> Self {
        match self {
            Self::Plain(sink) => Self::Gzip(Box::new(MultiGzDecoder::new(sink))),
            gzip @ Self::Gzip(_) => gzip,
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        match self {
            Self::Plain(sink) => sink.take(bytes),
            Self::Gzip(decoder) => decoder.write_all(bytes).map_err(|fault| because(decoder.get_mut(), &fault)),
        }
    }

    fn end(self) -> Result<Sink, Refusal> {
        match self {
            Self::Plain(sink) => Ok(sink),
            Self::Gzip(mut decoder) => match decoder.try_finish() {
                Ok(()) => decoder.finish().map_err(|fault| Refusal::Malformed(format!("The gzip stream is broken: {fault}."))),
                Err(fault) => Err(because(decoder.get_mut(), &fault)),
            },
        }
    }
}

fn because(sink: &mut Sink, fault: &io::Error) -> Refusal {
    sink.refusal.take().unwrap_or_else(|| Refusal::Malformed(format!("The gzip stream is broken: {fault}.")))
}

fn reserve(room: &Arc<Semaphore>, kib: usize) -> Result<OwnedSemaphorePermit, Refusal> {
    let busy = Refusal::Busy { detail: "Too many bodies are waiting.", retry_after: 1 };
    let kib = u32::try_from(kib).map_err(|_| busy.clone())?;
    Arc::clone(room).try_acquire_many_owned(kib).map_err(|_| busy)
}

/// The unpacked body, and its room.
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
    room: &Arc<Semaphore>,
) -> Result<(Vec<u8>, OwnedSemaphorePermit), Refusal> {
    let outcome = match open(headers, limit, room) {
        Ok((sink, gzip)) => {
            let arrived = tokio::time::timeout(Duration::from_secs(SECONDS), arrive(sink, gzip, &mut body)).await;
            arrived.unwrap_or(Err(Refusal::Slow(SECONDS)))
        }
        Err(refusal) => Err(refusal),
    };
    if outcome.is_err() {
        drain(body, limit).await;
    }
    outcome.map(|sink| (sink.bytes, sink.held))
}

/// What the headers say: room for a first packet, and whether it is gzip.
fn open(headers: &HeaderMap, limit: usize, room: &Arc<Semaphore>) -> Result<(Sink, bool), Refusal> {
    let coding = headers.get(header::CONTENT_ENCODING).map_or("", |value| value.to_str().unwrap_or("?")).trim().to_ascii_lowercase();
    let gzip = match coding.as_str() {
        "" | "identity" => false,
        "gzip" | "x-gzip" => true,
        other => return Err(Refusal::Unsupported(format!("Content-Encoding {other:?} is not read here. Use gzip or none."))),
    };
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(Refusal::TooLarge(limit));
    }
    Ok((Sink { bytes: Vec::new(), limit, room: Arc::clone(room), held: reserve(room, 16)?, refusal: None }, gzip))
}

/// Reads on for a moment and forgets it: a client that is cut off while it sends often never sees why.
async fn drain(mut body: Body, limit: usize) {
    let rest = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, bytes::Bytes::len);
            if seen > limit {
                break;
            }
        }
    };
    // Late or not, the answer goes out now.
    let _ = tokio::time::timeout(Duration::from_secs(2), rest).await;
}

async fn arrive(sink: Sink, gzip: bool, body: &mut Body) -> Result<Sink, Refusal> {
    let (mut raw, limit) = (0, sink.limit);
    let mut reader = Reader::Plain(sink);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|fault| Refusal::Malformed(format!("The body broke off: {fault}.")))?;
        let Some(bytes) = frame.into_data().ok().filter(|bytes| !bytes.is_empty()) else { continue };
        if raw == 0 && gzip {
            // Only now: a client may announce gzip and send nothing at all.
            reader = reader.unpacking();
        }
        raw += bytes.len();
        if raw > limit {
            return Err(Refusal::TooLarge(limit));
        }
        reader.take(&bytes)?;
    }
    reader.end()
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Without Content-Length, in pieces, as the JavaScript SDK sends.
    fn chunked(bytes: &[u8]) -> Body {
        let chunks: Vec<Result<_, io::Error>> = bytes.chunks(1_000).map(|chunk| Ok(bytes::Bytes::copy_from_slice(chunk))).collect();
        Body::from_stream(futures::stream::iter(chunks))
    }

    async fn read_with(coding: &'static str, body: Body, room: &Arc<Semaphore>) -> Result<Vec<u8>, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, coding.parse().unwrap());
        read(&headers, body, LIMIT, room).await.map(|(bytes, _)| bytes)
    }

    fn room() -> Arc<Semaphore> {
        Arc::new(Semaphore::new((4 * LIMIT) >> 10))
    }

    #[tokio::test]
    async fn plain_gzip_and_chunked_bodies_arrive_whole() {
        let (room, text) = (room(), b"otlp ".repeat(20_000));
        let two_members = [gzip(&text), gzip(b"more")].concat();
        assert_eq!(read_with("identity", chunked(&text), &room).await.unwrap(), text);
        assert_eq!(read_with("gzip", chunked(&gzip(&text)), &room).await.unwrap(), text);
        assert_eq!(read_with("GZIP", chunked(&two_members), &room).await.unwrap().len(), text.len() + 4);
        assert_eq!(read_with("gzip", Body::empty(), &room).await.unwrap(), b"");
        assert_eq!(room.available_permits(), (4 * LIMIT) >> 10);
    }

    #[tokio::test]
    async fn bombs_stop_at_the_limit() {
        let (room, bomb) = (room(), gzip(&vec![0; 64 << 20]));
        assert!(bomb.len() < 100_000);
        assert_eq!(read_with("gzip", chunked(&bomb), &room).await, Err(Refusal::TooLarge(LIMIT)));
        let endless = Body::from_stream(futures::stream::repeat_with(|| Ok::<_, io::Error>(bytes::Bytes::from_static(&[b'x'; 8_192]))));
        assert_eq!(read_with("identity", endless, &room).await, Err(Refusal::TooLarge(LIMIT)));
        let exact = vec![b'x'; LIMIT];
        assert_eq!(read_with("gzip", chunked(&gzip(&exact)), &room).await.unwrap().len(), LIMIT);
        assert_eq!(room.available_permits(), (4 * LIMIT) >> 10);
    }

    #[tokio::test]
    async fn broken_and_unknown_codings_are_refused() {
        let (room, whole) = (room(), gzip(&b"otlp ".repeat(1_000)));
        for bytes in [&whole[..whole.len() / 2], b"not gzip at all", &whole[..5]] {
            let refused = read_with("gzip", chunked(bytes), &room).await;
            assert!(matches!(refused, Err(Refusal::Malformed(_))), "{refused:?}");
        }
        assert!(matches!(read_with("zstd", Body::empty(), &room).await, Err(Refusal::Unsupported(_))));
    }

    #[tokio::test]
    async fn bodies_that_find_no_room_are_told_to_come_back() {
        let room = Arc::new(Semaphore::new(100));
        let refused = read_with("identity", chunked(&vec![b'x'; 300_000]), &room).await;
        assert_eq!(refused, Err(Refusal::Busy { detail: "Too many bodies are waiting.", retry_after: 1 }));
        assert_eq!(room.available_permits(), 100);
    }
}

//! Connections: bounded in number, together and of one address, and closed when their headers don't come. `axum::serve` has none of it.

mod patience;
mod protocol;

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app::web::{Answering, Site};
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tracing::{debug, warn};

use patience::Patience;
use protocol::Protocol;

/// Most connections at once: as many streams as may be open, and room for people, gates and ingest. One more waits in the kernel's queue.
const MAX_CONNECTIONS: usize = app::web::MAX_STREAMS + 2_000;
/// Most connections of one address that is not this machine's: nobody may take all the room. A proxy in front of us stands for everybody behind
/// it, so this leaves it most of the whole.
const MAX_OF_ONE: usize = MAX_CONNECTIONS - 1_000;
/// How long a request's headers may take, and how long a connection may idle between requests.
const HEADERS: Duration = Duration::from_secs(10);
/// How long running requests may go on after the signal to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Lets the process open as many files as the system allows it: each connection is one, and shells often start with 1,024.
pub fn raise_file_limit() {
    let wanted = MAX_CONNECTIONS as u64 + 500;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(limit) if limit < wanted => debug!(limit, wanted, "fewer open files than connections are allowed"),
        Ok(_) => {}
        Err(fault) => warn!(%fault, "the limit of open files could not be raised"),
    }
}

/// How many connections may be open.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Together; one more waits in the kernel's queue.
    pub together: usize,
    /// Of one address that is not this machine's own; one more is closed.
    pub of_one: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { together: MAX_CONNECTIONS, of_one: MAX_OF_ONE }
    }
}

/// Open connections by address.
type Places = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// A connection's place among those of its address.
struct Place(Places, IpAddr);

impl Place {
    /// `None` when the address has as many as it may. This machine's own proxies and the person at its console are not counted.
    fn take(places: &Places, ip: IpAddr, most: usize) -> Option<Self> {
        let mut open = places.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.entry(ip).or_default();
        if *own >= most && !ip.is_loopback() {
            return None;
        }
        *own += 1;
        Some(Self(Arc::clone(places), ip))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.1) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.1);
            }
        }
    }
}

/// The site as one connection sees it: each request comes from its peer.
struct Entrance {
    site: Site,
    peer: SocketAddr,
}

impl Service<Request<Incoming>> for Entrance {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.site.answer(self.peer, request)
    }
}

/// A connection that was accepted.
struct Accepted {
    stream: TcpStream,
    entrance: Entrance,
    /// Tells it to end after the request that runs.
    watcher: Watcher,
    /// Tells it to end before it has said anything.
    closing: watch::Receiver<()>,
}

/// Holds a connection for as long as it lives.
async fn hold(Accepted { stream, entrance, watcher, mut closing }: Accepted) -> Result<(), Box<dyn Error + Send + Sync>> {
    let spoken = tokio::select! {
        biased;
        spoken = tokio::time::timeout(HEADERS, protocol::spoken(&stream)) => spoken??,
        _ = closing.changed() => return Ok(()),
    };
    drop(closing);
    let io = TokioIo::new(stream);
    match spoken {
        Protocol::One => watcher.watch(http1().serve_connection(io, entrance)).await?,
        // Few speak it, and its state is large: it is kept beside the task.
        Protocol::Two => Box::pin(watcher.watch(http2().serve_connection(io, entrance))).await?,
    }
    Ok(())
}

fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(Patience::default()).header_read_timeout(HEADERS);
    builder
}

fn http2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).keep_alive_interval(HEADERS).max_concurrent_streams(100);
    builder
}

/// The next connection, once there is a seat for it.
async fn next(listener: &TcpListener, seats: &Arc<Semaphore>) -> std::io::Result<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    let seat = Arc::clone(seats).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((seat, stream, peer))
}

/// Serves until `stopped` resolves; then running requests get two seconds.
pub(crate) async fn serve(listener: TcpListener, site: Site, limits: Limits, mut stopped: oneshot::Receiver<()>) {
    let (graceful, seats, places) = (GracefulShutdown::new(), Arc::new(Semaphore::new(limits.together)), Places::default());
    let closing = watch::Sender::new(());
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = next(&listener, &seats) => accepted,
            _ = &mut stopped => break,
        };
        match accepted {
            Ok((seat, stream, peer)) => {
                let Some(place) = Place::take(&places, peer.ip(), limits.of_one) else { continue };
                // Small answers and events must not wait for more to come.
                let _best_effort = stream.set_nodelay(true);
                let entrance = Entrance { site: site.clone(), peer };
                let connection = hold(Accepted { stream, entrance, watcher: graceful.watcher(), closing: closing.subscribe() });
                tasks.spawn(async move {
                    let _held = (seat, place);
                    if let Err(fault) = connection.await {
                        debug!(%peer, fault, "connection ended");
                    }
                });
            }
            Err(fault) => {
                // Out of file handles, most likely: wait for some to be given back instead of spinning.
                warn!(%fault, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        while tasks.try_join_next().is_some() {}
    }
    drop(listener);
    closing.send_replace(());
    // Live screens never end by themselves: their streams are cut with the tasks.
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    tasks.shutdown().await;
}

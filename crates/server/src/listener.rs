//! Connections: bounded in number, and closed when their headers don't come. `axum::serve` has neither limit.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tracing::{debug, warn};

/// Most connections at once: as many applications as may listen, and room for people and ingest. One more waits in the kernel's queue.
const MAX_CONNECTIONS: usize = app::web::MAX_STREAMS + 2_000;
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

/// Serves until `stopped` resolves; then running requests get two seconds.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stopped: oneshot::Receiver<()>) {
    let (graceful, seats) = (GracefulShutdown::new(), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    let mut tasks = tokio::task::JoinSet::new();
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(HEADERS).max_concurrent_streams(100);
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stopped => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let service = TowerToHyperService::new(router.clone().layer(Extension(ConnectInfo(peer))));
                let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
                let connection = graceful.watch(connection);
                tasks.spawn(async move {
                    let _seat = seat;
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
    // Live screens never end by themselves: their streams are cut with the tasks.
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    tasks.shutdown().await;
}

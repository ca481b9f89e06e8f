//! The accept loop: sockets are counted, slow heads time out, and at a limit new ones are refused
//! while the old ones stay.

use crate::{
    edge::Edge,
    settings::millis,
    socket::upgrade::{self, upgrade},
};
use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// After an accept failed (no file descriptor is left, most likely).
const PAUSE: Duration = Duration::from_millis(50);

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub IpAddr);

/// Accepts until `stop`.
pub(crate) async fn run(edge: Arc<Edge>, listener: TcpListener, router: Router, stop: CancellationToken) {
    let sockets_max = sockets_max(edge.settings.sockets_max, edge.settings.files_reserve);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "no new socket could be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if edge.http_open.load(Relaxed) + edge.hub.count() >= sockets_max {
            metrics::counter!("gateway_sockets_refused_total").increment(1);
            continue;
        }
        let counted = Counted::new(&edge.http_open);
        let (edge, router, stop) = (edge.clone(), router.clone(), stop.clone());
        edge.clone().tasks.spawn(async move {
            serve(edge, stream, peer.ip().to_canonical(), router, stop).await;
            drop(counted);
        });
    }
}

/// A socket that is open. One that became a WebSocket is counted by the hub from then on.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

async fn serve(edge: Arc<Edge>, stream: TcpStream, ip: IpAddr, router: Router, stop: CancellationToken) {
    // A frame is small and must not wait for the acknowledgement of the one before.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let header_timeout = millis(edge.settings.header_timeout_ms);
    let service = service_fn(move |request: Request<Incoming>| {
        let (edge, router) = (edge.clone(), router.clone());
        async move {
            if request.uri().path() == upgrade::PATH {
                return Ok::<_, Infallible>(upgrade(edge, ip, request).await);
            }
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(ip));
            router.oneshot(request).await
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let done = tokio::select! {
        done = connection.as_mut() => done,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = done {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

/// The setting, or less where the process may not open so many files.
fn sockets_max(setting: usize, reserve: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
    match files {
        Some(files) => setting.min(files.saturating_sub(reserve).max(files / 2)),
        None => setting,
    }
}

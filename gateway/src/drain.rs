//! The end: not ready → no new sockets → `reconnect` with jitter → flush → close 1012.

use crate::{edge::Edge, settings::millis};
use parlor_schemas::frames::{Close, ServerFrame};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::time::{Instant, sleep};

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Sends every socket away. New ones are refused already.
pub(crate) async fn sockets(edge: &Arc<Edge>) {
    let spread_ms = edge.settings.drain_spread_ms;
    for connection in edge.hub.all() {
        let after_ms = rand::random_range(0..=spread_ms);
        connection.outbox.push(ServerFrame::Reconnect { after_ms, reason: "restart" }.text());
    }
    if edge.hub.count() > 0 {
        sleep(millis(edge.settings.drain_reconnect_ms)).await;
    }
    for connection in edge.hub.all() {
        connection.outbox.close(Close::Restart);
    }
    let until = Instant::now() + millis(edge.settings.drain_max_ms);
    // Calls that have begun are answered.
    while edge.hub.count() + edge.http_open.load(Relaxed) > 0 && Instant::now() < until {
        sleep(LOOK_EVERY).await;
    }
    let left = edge.hub.count();
    if left > 0 {
        tracing::warn!(left, "sockets are cut: they did not close in time");
    }
}

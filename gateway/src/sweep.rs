//! One slow round over all sockets instead of a timer for each: the silent, the late, the expired;
//! and what else is to be looked after now and then.

use crate::{edge::Edge, settings::millis};
use parlor_schemas::frames::Close;
use std::sync::{Arc, atomic::Ordering::Relaxed};
use tokio::time::{MissedTickBehavior, interval};

/// Sweeps between two looks at buckets and memory.
const SLOW: u32 = 10;
/// Linux's, on every machine this runs on.
const PAGE_BYTES: u64 = 4096;

/// Runs until the task is ended.
pub(crate) async fn run(edge: Arc<Edge>) {
    let mut sweep = interval(millis(edge.settings.sweep_ms));
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        sweep.tick().await;
        let tick = edge.hub.next_tick();
        round(&edge, tick);
        edge.waiters.expire(tick.saturating_sub(ticks(&edge, edge.settings.answer_ms)));
        edge.tasks.reap();
        if tick.is_multiple_of(SLOW) {
            edge.buckets.prune();
            look_at_memory(&edge);
        }
    }
}

/// So many sweeps take at least this time.
fn ticks(edge: &Edge, duration_ms: u64) -> u32 {
    duration_ms.div_ceil(edge.settings.sweep_ms.max(1)) as u32 + 1
}

fn round(edge: &Edge, tick: u32) {
    let now = edge.engines.clock.now();
    let silence = ticks(edge, edge.settings.silence_ms);
    let patience = ticks(edge, edge.settings.auth_timeout_ms);
    let leeway_ms = edge.auth.settings.leeway_ms as i64;
    for connection in edge.hub.all() {
        if connection.identity.get().is_none() && tick.saturating_sub(connection.born) >= patience {
            connection.outbox.close(Close::NoAuth);
        } else if tick.saturating_sub(connection.heard.load(Relaxed)) >= silence {
            connection.outbox.close(Close::Silent);
            // At once: the close may wait for the other side.
            if connection.say(None)
                && let Some(identity) = connection.identity.get()
            {
                edge.presence.changed(identity.user_id);
            }
        } else if connection.token_ends.load(Relaxed).saturating_add(leeway_ms) <= now.0 {
            connection.outbox.close(Close::BadToken);
        }
    }
}

fn look_at_memory(edge: &Edge) {
    if edge.settings.memory_max == 0 {
        return;
    }
    let resident = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| statm.split_whitespace().nth(1)?.parse::<u64>().ok());
    let Some(resident) = resident else { return };
    let is_full = resident * PAGE_BYTES > edge.settings.memory_max;
    if edge.is_full.swap(is_full, Relaxed) != is_full {
        tracing::warn!(is_full, "memory: new sockets are refused while it is full");
    }
}

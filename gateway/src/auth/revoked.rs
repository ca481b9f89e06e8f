//! Hears, every two seconds, which sessions ended elsewhere.

use super::sessions;
use crate::{edge::Edge, settings::millis};
use parlor_schemas::{SessionId, Timestamp};
use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering::Relaxed},
};

/// Rows asked for at once.
const BATCH: usize = 256;
/// An ended session is remembered so much longer than a token can live.
const MARGIN_MS: i64 = 60_000;

/// Runs until the task is ended.
pub(crate) async fn run(edge: Arc<Edge>) {
    let mut seen = 0;
    let mut is_first = true;
    loop {
        match edge.engines.live.revoked(seen).await {
            Ok((newest, Some(ended))) => {
                seen = newest;
                sessions::close(&edge, &ended);
            }
            Ok((newest, None)) => {
                seen = newest;
                edge.auth.sessions.unchecked.store(!is_first, Relaxed);
            }
            Err(error) => tracing::warn!(%error, "revocations"),
        }
        is_first = false;
        if edge.auth.sessions.unchecked.swap(false, Relaxed) && !recheck(&edge).await {
            edge.auth.sessions.unchecked.store(true, Relaxed);
        }
        edge.auth.sessions.prune(oldest(&edge));
        tokio::time::sleep(millis(edge.settings.revoked_every_ms)).await;
    }
}

/// What ended before this can have no valid token.
fn oldest(edge: &Edge) -> Timestamp {
    let auth = &edge.auth.settings;
    edge.engines.clock.now().plus_millis(-((auth.access_ttl_ms + auth.leeway_ms) as i64 + MARGIN_MS))
}

/// Looks up the session of every socket; `false`: the store is away.
async fn recheck(edge: &Edge) -> bool {
    let here: HashSet<SessionId> =
        edge.hub.all().iter().filter_map(|c| c.identity.get().map(|i| i.session_id)).collect();
    let here: Vec<SessionId> = here.into_iter().collect();
    for some in here.chunks(BATCH) {
        let rows = match edge.engines.store.sessions(some).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "sessions could not be looked up again");
                return false;
            }
        };
        let gone: Vec<SessionId> = some
            .iter()
            .zip(rows)
            .filter(|(_, row)| row.as_ref().is_none_or(|row| row.ended_at.is_some()))
            .map(|(session, _)| *session)
            .collect();
        sessions::close(edge, &gone);
    }
    true
}

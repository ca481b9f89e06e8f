//! Which sessions go on: rows believed for a few seconds, and those that are known to have ended.

use super::Identity;
use crate::{
    admin,
    edge::Edge,
    problem::Problem,
    settings::{EdgeLimits, millis},
};
use parking_lot::Mutex;
use parlor_engines::store::Session;
use parlor_schemas::{SessionId, Timestamp, frames::Close};
use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

/// A swap that lost a race is tried again.
const ROUNDS: usize = 8;

/// What is known about sessions.
#[derive(Debug)]
pub(crate) struct Book {
    /// Rows, for a few seconds.
    fresh: moka::sync::Cache<SessionId, Session>,
    /// Ended ones, until no token of theirs can be valid.
    ended: Mutex<HashMap<SessionId, Timestamp>>,
    /// Somebody was let in while the store was away: all are to be looked up again.
    pub unchecked: AtomicBool,
}

impl Book {
    /// An empty one.
    pub fn new(limits: &EdgeLimits) -> Self {
        let fresh = moka::sync::Cache::builder()
            .max_capacity(limits.session_cache_max)
            .time_to_live(millis(limits.session_cache_ms))
            .build();
        Self { fresh, ended: Mutex::default(), unchecked: AtomicBool::new(false) }
    }

    /// Whether the session is known to have ended.
    pub fn has_ended(&self, session: SessionId) -> bool {
        self.ended.lock().contains_key(&session)
    }

    /// These have ended.
    pub fn mark_ended(&self, sessions: &[SessionId], now: Timestamp) {
        let mut ended = self.ended.lock();
        for session in sessions {
            ended.insert(*session, now);
            self.fresh.invalidate(session);
        }
    }

    /// Forgets those whose tokens are all too old by now.
    pub fn prune(&self, before: Timestamp) {
        self.ended.lock().retain(|_, at| *at >= before);
    }

    /// The row is another one now.
    pub fn forget(&self, session: SessionId) {
        self.fresh.invalidate(&session);
    }
}

/// Whether the token's session goes on; and writes down that a token of its generation was used,
/// so that the refresh token before it is of no use any more. While the store is away a token that
/// is not known to have ended is good: messages flow without the store (DESIGN §2).
pub(crate) async fn check(edge: &Edge, identity: &Identity) -> Result<(), Problem> {
    let book = &edge.auth.sessions;
    if book.has_ended(identity.session_id) {
        return Err(Problem::unauthenticated());
    }
    for _ in 0..ROUNDS {
        let Ok(row) = row(edge, identity).await else {
            book.unchecked.store(true, Relaxed);
            return Ok(());
        };
        let row = row.filter(|row| row.ended_at.is_none()).ok_or_else(Problem::unauthenticated)?;
        // The first generation has none before it.
        if row.generation != identity.generation || row.generation_used || row.generation == 1 {
            return Ok(());
        }
        let used = Session { generation_used: true, ..row.clone() };
        match edge.engines.store.swap_session(&row, &used).await {
            Ok(true) => {
                book.fresh.insert(used.session_id, used);
                return Ok(());
            }
            Ok(false) => book.forget(row.session_id),
            Err(error) => {
                drop(Problem::from(error));
                return Ok(());
            }
        }
    }
    Err(Problem::unavailable("the session is being changed; try again"))
}

async fn row(edge: &Edge, identity: &Identity) -> Result<Option<Session>, Problem> {
    let book = &edge.auth.sessions;
    if let Some(row) = book.fresh.get(&identity.session_id)
        && row.generation >= identity.generation
    {
        return Ok(Some(row));
    }
    let row = edge.engines.store.sessions(&[identity.session_id]).await?.pop().flatten();
    if let Some(row) = &row {
        book.fresh.insert(row.session_id, row.clone());
    }
    Ok(row)
}

/// Ends a session: the row first, then all gateways are told, this one at once.
pub(crate) async fn end(edge: &Edge, session: Session) -> Result<(), Problem> {
    let id = session.session_id;
    admin::end_row(&edge.engines, session).await?;
    close(edge, &[id]);
    // The row is the truth; a gateway that does not hear of it looks the row up in a few seconds.
    if let Err(error) = edge.engines.live.revoke(&[id]).await {
        tracing::warn!(%error, "gateways could not be told that a session ended");
    }
    Ok(())
}

/// Ends, on this gateway, what these sessions had open.
pub(crate) fn close(edge: &Edge, sessions: &[SessionId]) {
    if sessions.is_empty() {
        return;
    }
    edge.auth.sessions.mark_ended(sessions, edge.engines.clock.now());
    for connection in edge.hub.all() {
        let is_of = |session: &SessionId| connection.identity.get().is_some_and(|i| i.session_id == *session);
        if sessions.iter().any(is_of) {
            connection.outbox.close(Close::SessionEnded);
        }
    }
}

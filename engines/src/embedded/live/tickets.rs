//! Tickets and revocations.

use super::EmbeddedLive;
use crate::live::{LiveError, Tickets};
use async_trait::async_trait;
use bytes::Bytes;
use dashmap::DashMap;
use parking_lot::Mutex;
use parlor_schemas::{SessionId, Timestamp};
use std::{collections::VecDeque, time::Duration};

/// Tickets with their meaning and end.
#[derive(Default)]
pub(super) struct Doors {
    tickets: DashMap<String, (Bytes, Timestamp)>,
}

impl Doors {
    pub(super) fn sweep(&self, now: Timestamp) {
        self.tickets.retain(|_, (_, end)| *end > now);
    }
}

/// Ended sessions, numbered.
pub(super) struct Revocations {
    list: Mutex<List>,
    keep_ms: i64,
}

struct List {
    /// The number before the oldest one kept.
    dropped: u64,
    newest: u64,
    kept: VecDeque<(Timestamp, SessionId)>,
}

/// Numbers of an epoch begin at its start time times this, so that those of an earlier epoch are
/// below them all, as if they had been dropped.
const NUMBERS_PER_MILLI: u64 = 1_000;

impl Revocations {
    pub(super) fn new(now: Timestamp, keep_ms: i64) -> Self {
        let start = (now.0.max(1) as u64).saturating_mul(NUMBERS_PER_MILLI);
        let list = List { dropped: start, newest: start, kept: VecDeque::new() };
        Self { list: Mutex::new(list), keep_ms }
    }

    pub(super) fn sweep(&self, now: Timestamp) {
        let mut list = self.list.lock();
        while list.kept.front().is_some_and(|(at, _)| at.plus_millis(self.keep_ms) < now) {
            list.kept.pop_front();
            list.dropped += 1;
        }
    }

    fn add(&self, sessions: &[SessionId], now: Timestamp) {
        let mut list = self.list.lock();
        list.newest += sessions.len() as u64;
        list.kept.extend(sessions.iter().map(|session| (now, *session)));
    }

    fn since(&self, since: u64) -> (u64, Option<Vec<SessionId>>) {
        let list = self.list.lock();
        let since = if since == 0 { list.dropped } else { since };
        let known = (list.dropped..=list.newest).contains(&since);
        let sessions = || {
            let skip = (since - list.dropped) as usize;
            list.kept.iter().skip(skip).map(|(_, session)| *session).collect()
        };
        (list.newest, known.then(sessions))
    }
}

#[async_trait]
impl Tickets for EmbeddedLive {
    async fn put_ticket(&self, ticket: &str, meaning: Bytes, ttl: Duration) -> Result<(), LiveError> {
        let ttl_ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        self.doors.tickets.insert(ticket.to_owned(), (meaning, self.clock.now().plus_millis(ttl_ms)));
        Ok(())
    }

    async fn take_ticket(&self, ticket: &str) -> Result<Option<Bytes>, LiveError> {
        let taken = self.doors.tickets.remove(ticket);
        Ok(taken.filter(|(_, (_, end))| *end > self.clock.now()).map(|(_, (meaning, _))| meaning))
    }

    async fn revoke(&self, sessions: &[SessionId]) -> Result<(), LiveError> {
        self.revocations.add(sessions, self.clock.now());
        Ok(())
    }

    async fn revoked(&self, since: u64) -> Result<(u64, Option<Vec<SessionId>>), LiveError> {
        Ok(self.revocations.since(since))
    }
}

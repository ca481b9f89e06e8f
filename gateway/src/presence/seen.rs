//! When own users were last seen: written to the store on coming and going and every few minutes
//! between, never per heartbeat. What the store does not take waits.

use crate::{edge::Edge, settings::millis};
use parking_lot::Mutex;
use parlor_engines::store::StoreError;
use parlor_schemas::{Timestamp, UserId};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

/// After a failed write.
const PAUSE: Duration = Duration::from_secs(1);

/// What the store has not taken yet.
#[derive(Debug)]
pub(super) struct Waiting {
    users: Mutex<HashMap<UserId, Timestamp>>,
    bell: Notify,
    max: usize,
}

impl Waiting {
    /// Nothing, and never more than `max` users.
    pub(super) fn new(max: usize) -> Self {
        Self { users: Mutex::default(), bell: Notify::new(), max }
    }

    /// The latest time stays.
    fn add(&self, seen: &[(UserId, Timestamp)]) {
        let mut users = self.users.lock();
        for (user, at) in seen {
            if users.len() < self.max || users.contains_key(user) {
                let known = users.entry(*user).or_insert(*at);
                *known = (*known).max(*at);
            } else {
                metrics::counter!("gateway_last_seen_dropped_total").increment(1);
            }
        }
        drop(users);
        self.bell.notify_one();
    }

    fn take(&self) -> Vec<(UserId, Timestamp)> {
        std::mem::take(&mut *self.users.lock()).into_iter().collect()
    }
}

/// Writes, and waits a moment for it: who is said to be gone has a last seen then. A slow store
/// does not hold presence up: what it has not taken in time is written later.
pub(super) async fn write(edge: &Edge, users: &[UserId], now: Timestamp) {
    let seen: Vec<(UserId, Timestamp)> = users.iter().map(|user| (*user, now)).collect();
    if seen.is_empty() {
        return;
    }
    let patience = millis(edge.settings.seen_wait_ms);
    match timeout(patience, raise(edge, &seen)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(%error, "last seen is written later");
            edge.presence.waiting.add(&seen);
        }
        Err(_) => edge.presence.waiting.add(&seen),
    }
}

async fn raise(edge: &Edge, seen: &[(UserId, Timestamp)]) -> Result<(), StoreError> {
    for some in seen.chunks(edge.settings.routes_batch) {
        edge.engines.store.raise_seen(some).await?;
    }
    Ok(())
}

/// Writes what waits, until the task is ended.
pub(super) async fn run(edge: Arc<Edge>) {
    loop {
        edge.presence.waiting.bell.notified().await;
        if !flush(&edge).await {
            sleep(PAUSE).await;
            edge.presence.waiting.bell.notify_one();
        }
    }
}

/// Writes what waits; `false`: it still does.
pub(super) async fn flush(edge: &Edge) -> bool {
    let seen = edge.presence.waiting.take();
    let result = raise(edge, &seen).await;
    if let Err(error) = &result {
        tracing::warn!(%error, users = seen.len(), "last seen still waits for the store");
        edge.presence.waiting.add(&seen);
    }
    result.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_latest_waits_and_the_number_is_bounded() {
        let (ada, eve) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let waiting = Waiting::new(1);
        waiting.add(&[(ada, Timestamp(5)), (eve, Timestamp(5)), (ada, Timestamp(3))]);
        assert_eq!(waiting.take(), [(ada, Timestamp(5))]);
        assert_eq!(waiting.take(), []);
    }
}

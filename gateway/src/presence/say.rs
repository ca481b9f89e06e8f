//! What this gateway says of its own users: one word per user and change, one beat for all.

use super::{hint, seen};
use crate::{edge::Edge, settings::millis};
use parlor_engines::live::LiveError;
use parlor_schemas::{Timestamp, UserId, presence::Here};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval, sleep};

/// After a failed round.
const PAUSE: Duration = Duration::from_secs(1);

/// What was said, and when the user was last written down as seen.
#[derive(Debug, Default)]
pub(super) struct Speaker {
    said: HashMap<UserId, Said>,
}

#[derive(Clone, Copy, Debug)]
struct Said {
    here: Here,
    seen_at: Timestamp,
}

/// Runs until the task is ended.
pub(super) async fn run(edge: Arc<Edge>) {
    let mut beat = interval(millis(edge.settings.presence_beat_ms));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // A moment later: who comes back at once has not been away, and a crowd is one batch.
            () = edge.presence.bell.notified() => sleep(millis(edge.settings.presence_every_ms)).await,
            _ = beat.tick() => live_on(&edge).await,
        }
        if let Err(error) = round(&edge).await {
            tracing::warn!(%error, "presence could not be said; trying again");
            sleep(PAUSE).await;
            edge.presence.bell.notify_one();
        }
    }
}

/// Says that this boot lives; what the engine has forgotten is said again.
async fn live_on(edge: &Edge) {
    let believed = millis(edge.settings.presence_believed_ms);
    match edge.engines.live.live_on(edge.gateway_id, believed).await {
        Ok(true) => {}
        Ok(false) => edge.presence.again.store(true, Relaxed),
        // The next beat tells whether something is forgotten.
        Err(error) => tracing::warn!(%error, "the live engine does not hear that this gateway lives"),
    }
}

/// Says what has changed, and repeats what was said long ago.
pub(super) async fn round(edge: &Edge) -> Result<(), LiveError> {
    let presence = &edge.presence;
    let mut speaker = presence.speaker.lock().await;
    let again = presence.again.swap(false, Relaxed);
    let mut users = std::mem::take(&mut *presence.changed.lock());
    let now = edge.engines.clock.now();
    if again {
        users.extend(speaker.said.keys());
        users.extend(edge.hub.users());
    }
    users.extend(speaker.old(now.plus_millis(-edge.settings.seen_every_ms)));
    let words: Vec<(UserId, Option<Here>)> = users.iter().map(|user| (*user, edge.hub.here(*user))).collect();
    let said = speaker.say(edge, words, (again, now)).await;
    if said.is_err() {
        presence.changed.lock().extend(users);
        if again {
            presence.again.store(true, Relaxed);
        }
    }
    said
}

impl Speaker {
    /// Users whose word was not repeated since then.
    fn old(&self, before: Timestamp) -> HashSet<UserId> {
        self.said.iter().filter(|(_, said)| said.seen_at <= before).map(|(user, _)| *user).collect()
    }

    async fn say(
        &mut self,
        edge: &Edge,
        words: Vec<(UserId, Option<Here>)>,
        (again, now): (bool, Timestamp),
    ) -> Result<(), LiveError> {
        let known = |user: &UserId| self.said.get(user).map(|said| said.here);
        let moved: Vec<UserId> =
            words.iter().filter(|(user, here)| known(user) != *here).map(|(user, _)| *user).collect();
        // Who comes, goes, or has been here for long. Written first: who is gone has a last seen.
        let old = now.plus_millis(-edge.settings.seen_every_ms);
        let is_seen = |(user, here): &&(UserId, Option<Here>)| match (self.said.get(user), here) {
            (Some(said), Some(_)) => said.seen_at <= old,
            (Some(_), None) | (None, Some(_)) => true,
            (None, None) => false,
        };
        let seen: Vec<UserId> = words.iter().filter(is_seen).map(|(user, _)| *user).collect();
        seen::write(edge, &seen, now).await;
        if again {
            let believed = millis(edge.settings.presence_believed_ms);
            edge.engines.live.live_on(edge.gateway_id, believed).await?;
        }
        edge.engines.live.say(edge.gateway_id, &words).await?;
        for (user, here) in words {
            match (here, self.said.get_mut(&user)) {
                (Some(here), Some(said)) => {
                    said.here = here;
                    said.seen_at = if said.seen_at <= old { now } else { said.seen_at };
                }
                (Some(here), None) => drop(self.said.insert(user, Said { here, seen_at: now })),
                (None, _) => drop(self.said.remove(&user)),
            }
        }
        if !moved.is_empty() {
            hint(edge, moved, false).await;
        }
        Ok(())
    }
}

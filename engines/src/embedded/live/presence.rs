//! Who is here, as the gateways of this process say.

use super::EmbeddedLive;
use crate::live::{LiveError, Presence};
use async_trait::async_trait;
use dashmap::DashMap;
use parlor_schemas::{GatewayId, Timestamp, UserId, presence::Here};
use std::time::Duration;

/// The word of each boot about each user.
#[derive(Default)]
pub(super) struct Words {
    /// Until when each boot is believed.
    boots: DashMap<GatewayId, Timestamp>,
    users: DashMap<UserId, Vec<(GatewayId, Here)>>,
}

impl Words {
    /// Forgets boots that are no longer believed, with what they said.
    pub(super) fn sweep(&self, now: Timestamp) {
        self.boots.retain(|_, end| *end > now);
        self.users.retain(|_, words| {
            words.retain(|(gateway, _)| self.boots.contains_key(gateway));
            !words.is_empty()
        });
    }

    fn say(&self, gateway: GatewayId, user: UserId, here: Option<Here>) {
        let mut words = self.users.entry(user).or_default();
        words.retain(|(known, _)| *known != gateway);
        words.extend(here.map(|here| (gateway, here)));
        let is_empty = words.is_empty();
        drop(words);
        if is_empty {
            self.users.remove_if(&user, |_, words| words.is_empty());
        }
    }

    fn present(&self, user: UserId, now: Timestamp) -> Option<Here> {
        let words = self.users.get(&user)?;
        let lives = |gateway| self.boots.get(gateway).is_some_and(|end| *end > now);
        words.iter().filter(|(gateway, _)| lives(gateway)).map(|(_, here)| *here).max()
    }
}

#[async_trait]
impl Presence for EmbeddedLive {
    async fn live_on(&self, gateway: GatewayId, believed: Duration) -> Result<bool, LiveError> {
        let now = self.clock.now();
        let end = now.plus_millis(i64::try_from(believed.as_millis()).unwrap_or(i64::MAX));
        let before = self.words.boots.insert(gateway, end);
        Ok(before.is_some_and(|end| end > now))
    }

    async fn say(&self, gateway: GatewayId, of: &[(UserId, Option<Here>)]) -> Result<(), LiveError> {
        for (user, here) in of {
            self.words.say(gateway, *user, *here);
        }
        Ok(())
    }

    async fn present(&self, of: &[UserId]) -> Result<Vec<Option<Here>>, LiveError> {
        let now = self.clock.now();
        Ok(of.iter().map(|user| self.words.present(*user, now)).collect())
    }

    async fn end_presence(&self, gateway: GatewayId) -> Result<(), LiveError> {
        self.words.boots.remove(&gateway);
        self.words.sweep(self.clock.now());
        Ok(())
    }
}

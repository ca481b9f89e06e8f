//! The people, their devices, and the time they live through.

use super::acts::{self, Tally};
use crate::world::{Device, Person, World};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// One person and their devices.
pub struct Dweller {
    pub person: Person,
    pub devices: Vec<Device>,
    pub(super) random: StdRng,
    pub(super) tally: Tally,
    /// What was set last, by conversation.
    pub(super) own_settings: BTreeMap<String, Value>,
    /// Everybody's user id.
    pub(super) everybody: Arc<Vec<String>>,
}

/// All of them.
pub struct Town {
    pub dwellers: Vec<Dweller>,
}

impl Town {
    /// People register, connect, and meet in some conversations.
    pub async fn settle(world: &World, count: usize, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut people = Vec::new();
        for n in 0..count {
            people.push(world.person(&format!("dweller{n}")).await);
        }
        let everybody = Arc::new(people.iter().map(|person| person.user_id.clone()).collect::<Vec<_>>());
        let mut dwellers = Vec::new();
        for person in people {
            let mut devices = vec![person.connect().await];
            for _ in 0..random.random_range(0..3) {
                devices.push(person.log_in().await.connect().await);
            }
            let (random, tally) = (StdRng::from_rng(&mut random), Tally::default());
            let (own_settings, everybody) = (BTreeMap::new(), everybody.clone());
            dwellers.push(Dweller { person, devices, random, tally, own_settings, everybody });
        }
        for dweller in &mut dwellers {
            acts::make_direct(dweller).await;
        }
        for dweller in dwellers.iter_mut().take(count / 4 + 1) {
            acts::make_group(dweller).await;
        }
        Self { dwellers }
    }

    /// Everybody acts, each at their own pace.
    pub async fn live(self, lasts: Duration) -> Self {
        let until = Instant::now() + lasts;
        let lives = self.dwellers.into_iter().map(|mut dweller| {
            tokio::spawn(async move {
                while Instant::now() < until {
                    acts::any(&mut dweller).await;
                    let pause = dweller.random.random_range(50..1_500);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                dweller
            })
        });
        let mut dwellers = Vec::new();
        for life in lives.collect::<Vec<_>>() {
            dwellers.push(life.await.expect("a life does not break"));
        }
        Self { dwellers }
    }

    /// All are online, and every command has its answer.
    pub async fn come_to_rest(&self) {
        for device in self.devices() {
            device.come_back();
        }
        for device in self.devices() {
            device.wait("it is online again", |state| state.online.then_some(())).await;
            device.wait("all is answered", |state| state.outbox.is_empty().then_some(())).await;
        }
    }

    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.dwellers.iter().flat_map(|dweller| &dweller.devices)
    }

    /// What was done, in words.
    pub fn told(&self) -> String {
        let mut all = Tally::default();
        for dweller in &self.dwellers {
            for (name, (done, refused)) in &dweller.tally {
                let sum = all.entry(name).or_default();
                *sum = (sum.0 + done, sum.1 + refused);
            }
        }
        let acts = all.iter().map(|(name, (done, refused))| format!("{name} {done}+{refused}"));
        let (people, devices) = (self.dwellers.len(), self.devices().count());
        format!("{people} people, {devices} devices; done+refused: {}", acts.collect::<Vec<_>>().join(", "))
    }
}

impl Dweller {
    /// Any of the own devices.
    pub(super) fn device(&mut self) -> &Device {
        self.devices.choose(&mut self.random).expect("at least one")
    }

    /// Another person's user id.
    pub(super) fn another(&mut self) -> String {
        let own = &self.person.user_id;
        let others: Vec<_> = self.everybody.iter().filter(|id| *id != own).collect();
        (*others.choose(&mut self.random).expect("not alone")).clone()
    }
}

//! The people, their devices, and the time they live through.

use super::acts::{self, Tally};
use crate::world::{Device, Person, World};
use parlor::{
    admin,
    cli::{AdminCommand, AdminTarget},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use reqwest::{Method, StatusCode};
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
    /// The display name that was set last.
    pub(super) name: Option<String>,
    /// Pictures that were sent somewhere.
    pub(super) pictures: Vec<String>,
    /// Devices whose sessions have ended.
    pub former: Vec<Device>,
    /// May ban the doomed.
    pub(super) is_admin: bool,
    /// May delete the own account, and may be banned.
    pub(super) is_doomed: bool,
    /// Did, or was.
    pub is_gone: bool,
    /// Everybody's user id; the doomed are every [`DOOMED`]th.
    pub(super) everybody: Arc<Vec<String>>,
}

/// One in so many people may go for good.
pub(super) const DOOMED: usize = 13;

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
        let first = AdminTarget { username: people[0].username.clone() };
        admin::done(world.engines(), &AdminCommand::Grant(first)).await.expect("the host may");
        let mut dwellers = Vec::new();
        for (n, person) in people.into_iter().enumerate() {
            let mut devices = vec![person.connect().await];
            for _ in 0..random.random_range(0..3) {
                devices.push(person.log_in().await.connect().await);
            }
            let (random, tally) = (StdRng::from_rng(&mut random), Tally::default());
            dwellers.push(Dweller {
                person,
                devices,
                random,
                tally,
                own_settings: BTreeMap::new(),
                name: None,
                pictures: Vec::new(),
                former: Vec::new(),
                is_admin: n == 0,
                is_doomed: n % DOOMED == DOOMED - 1,
                is_gone: false,
                everybody: everybody.clone(),
            });
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
                while Instant::now() < until && !dweller.is_gone {
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

    /// All who are left are online, and every command has its answer.
    pub async fn come_to_rest(&mut self) {
        for dweller in self.dwellers.iter_mut().filter(|dweller| dweller.is_doomed) {
            let (status, _) = dweller.person.call(Method::GET, "/me", None).await;
            assert!(status == StatusCode::OK || status == StatusCode::UNAUTHORIZED, "{status}");
            dweller.is_gone = status == StatusCode::UNAUTHORIZED;
        }
        for device in self.devices() {
            device.come_back();
        }
        for device in self.devices() {
            device.wait("it is online again", |state| state.online.then_some(())).await;
            device.wait("all is answered", |state| state.outbox.is_empty().then_some(())).await;
        }
    }

    /// Those who are left.
    pub fn people(&self) -> impl Iterator<Item = &Dweller> {
        self.dwellers.iter().filter(|dweller| !dweller.is_gone)
    }

    /// Their devices.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.people().flat_map(|dweller| &dweller.devices)
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
        let (people, devices, left) = (self.dwellers.len(), self.devices().count(), self.people().count());
        format!(
            "{people} people, {left} in the end with {devices} devices; done+refused: {}",
            acts.collect::<Vec<_>>().join(", ")
        )
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

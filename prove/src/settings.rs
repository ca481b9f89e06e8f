//! What a run is told.

use serde::Serialize;
use std::{path::PathBuf, time::Duration};

/// The settings of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    /// Gateways, like `http://127.0.0.1:8080`; devices move between them. At least one.
    pub urls: Vec<String>,
    /// Accounts that are made, each with one to three devices. At least 2.
    pub people: usize,
    /// Acts a second, of all together; 0: as fast as answers come.
    pub rate: u32,
    /// What the plan is made from: the same seed, the same people do the same things in the same order.
    pub seed: u64,
    /// The file that the history is written to; one that is there is replaced.
    pub history: PathBuf,
    /// Unanswered commands of one device, at most; acts beyond that are left out.
    pub window: usize,
    /// The mean time between two sockets that are cut by their devices; 0: never.
    pub restless_ms: u64,
    /// Waiting for anything takes at most so long: outstanding answers, devices that catch up.
    pub patience: Duration,
}

impl Settings {
    /// A small run against these gateways.
    pub fn new(urls: Vec<String>, history: PathBuf) -> Self {
        Self {
            urls,
            people: 10,
            rate: 50,
            seed: 1,
            history,
            window: 50,
            restless_ms: 1_000,
            patience: Duration::from_secs(60),
        }
    }
}

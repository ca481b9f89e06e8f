//! Ends a process whose consume loop is silent: it holds partitions that others could serve.
//!
//! Only the loop itself counts. An engine that is being retried, a rebuild or a wait for a row are
//! progress: the store may be down for an hour (DESIGN §4).

use parlor_engines::Health;
use std::{collections::BTreeMap, time::Duration};

/// A loop beats several times a second.
const SILENCE: u32 = 30;

/// Watches on a thread of its own, since it is the runtime that may hang.
pub fn start(health: Health) -> std::io::Result<()> {
    std::thread::Builder::new().name("watchdog".into()).spawn(move || watch(&health)).map(drop)
}

fn watch(health: &Health) {
    let mut seen: BTreeMap<String, (u64, u32)> = BTreeMap::new();
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let beats = health.beats();
        seen.retain(|name, _| beats.contains_key(name));
        for (name, beat) in beats {
            let (last, silent) = seen.entry(name.clone()).or_insert((beat, 0));
            *silent = if *last == beat { *silent + 1 } else { 0 };
            *last = beat;
            if *silent >= SILENCE {
                eprintln!("parlor: the consume loop of {name} has been silent for {SILENCE} s");
                std::process::abort();
            }
        }
    }
}

//! Lives of shards, and the epoch made of them.

use super::{
    client::{Client, text},
    keys::Keys,
    scripts, unexpected,
};
use crate::{
    live::LiveError,
    sabotage::{self, Sabotage},
};
use parking_lot::Mutex;
use redis::Cmd;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

/// How often the monitor asks (a loss must be noticed within 5 s).
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Epochs whose shards' lives are remembered: that of a slow caller may be an earlier one.
const EPOCHS: usize = 8;

/// The commands that name the lives of all shards.
pub(super) fn commands(keys: &Keys) -> Vec<Cmd> {
    let name = Uuid::new_v4().simple().to_string();
    let command = |shard| {
        let keys = [keys.of_shard(shard, "life"), keys.of_shard(shard, "places")];
        let mut command = scripts::LIFE.call(&keys);
        command.arg(&name);
        command
    };
    (0..keys.shards()).map(command).collect()
}

/// The epochs that were seen, and when one follows another.
pub(super) struct Lives {
    seen: Mutex<VecDeque<(String, Arc<[String]>)>>,
    present: watch::Sender<String>,
}

impl Default for Lives {
    fn default() -> Self {
        Self { seen: Mutex::default(), present: watch::Sender::new(String::new()) }
    }
}

impl Lives {
    /// Asks for the present epoch.
    pub(super) async fn ask(&self, client: &Client, keys: &Keys) -> Result<String, LiveError> {
        let answers = client.run(commands(keys)).await?;
        let names = answers.iter().map(|answer| text(answer).map(str::to_owned));
        let names: Arc<[String]> =
            names.collect::<Option<_>>().ok_or_else(|| unexpected("the name of a life"))?;
        // A name of fixed length, since consumers store it with their offsets.
        let epoch = match &*names {
            [only] => only.clone(),
            several => format!("{:032x}", xxh3_128(several.join(" ").as_bytes())),
        };
        let mut seen = self.seen.lock();
        if seen.back().is_none_or(|(newest, _)| *newest != epoch) {
            seen.retain(|(known, _)| *known != epoch);
            seen.push_back((epoch.clone(), names));
            if seen.len() > EPOCHS {
                seen.pop_front();
            }
        }
        drop(seen);
        self.present.send_if_modified(|present| {
            let is_other = *present != epoch;
            present.clone_from(&epoch);
            is_other
        });
        Ok(epoch)
    }

    /// The life of a shard in an epoch.
    pub(super) fn of(&self, epoch: &str, shard: u32) -> Option<String> {
        let seen = self.seen.lock();
        let is_it = |known: &str| known == epoch || sabotage::is(Sabotage::NoLiveCheck);
        let (_, names) = seen.iter().rev().find(|(known, _)| is_it(known))?;
        names.get(shard as usize).cloned()
    }

    /// Tells of every new epoch.
    pub(super) fn changes(&self) -> watch::Receiver<String> {
        self.present.subscribe()
    }
}

/// Asks again and again, until the engine is closed.
pub(super) async fn watch(client: Arc<Client>, keys: Keys, lives: Arc<Lives>, closing: CancellationToken) {
    let mut again = tokio::time::interval(ASK_EVERY);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            _ = again.tick() => {}
        }
        if let Err(error) = lives.ask(&client, &keys).await {
            tracing::warn!(%error, "the live engine does not answer");
        }
    }
}

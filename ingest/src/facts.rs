//! What the core needs to know of the store and the tails, asked for as soon as a command is
//! polled, while earlier batches commit (DESIGN §3).

use crate::core::{Facts, IndexFact, TargetFact, is_certainly_new};
use futures_util::future::join_all;
use parlor_engines::Engines;
use parlor_schemas::{
    Command, ConversationId, Limits, Timestamp,
    topics::{Offset, Partition},
};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio_util::task::AbortOnDropHandle;

/// Memory may forget this much more, in log time, between asking and deciding.
const FORGETTING_MARGIN_MS: i64 = 60_000;
/// How often an engine that did not answer is probed.
const PROBE_EVERY: Duration = Duration::from_millis(500);

/// Asks for facts, for one partition.
pub struct Finder {
    engines: Engines,
    limits: Limits,
    partition: Partition,
    /// The engines did not answer in time; until a probe succeeds nothing more is asked.
    down: Arc<AtomicBool>,
    probe: Option<AbortOnDropHandle<()>>,
}

impl Finder {
    /// For one partition.
    pub fn new(engines: Engines, limits: Limits, partition: Partition) -> Self {
        Self { engines, limits, partition, down: Arc::default(), probe: None }
    }

    /// The facts for each command, in order. What can't be had in time is absent, and then the
    /// core answers `unavailable`.
    pub async fn gather(
        &mut self,
        commands: &[&Command],
        log_time: Timestamp,
        forgotten: Option<(Offset, Timestamp)>,
    ) -> Vec<Facts> {
        let forgotten = forgotten.map(|(offset, at)| (offset, at.plus_millis(FORGETTING_MARGIN_MS)));
        let unsure = |c: &Command| is_certainly_new(&self.limits, c, log_time, forgotten) == Ok(false);
        let index: Vec<usize> = (0..commands.len()).filter(|at| unsure(commands[*at])).collect();
        let targets: Vec<(usize, ConversationId, u64)> = commands
            .iter()
            .enumerate()
            .filter_map(|(at, c)| c.action.target().map(|target| (at, c.conversation_id, target)))
            .filter(|(_, _, target)| *target > 0)
            .collect();
        let mut facts = vec![Facts::default(); commands.len()];
        if !index.is_empty() {
            let keys: Vec<_> = index
                .iter()
                .map(|at| {
                    (commands[*at].conversation_id, commands[*at].sender_id, commands[*at].client_msg_id)
                })
                .collect();
            if let Some(found) = self.in_time(self.ask_index(keys)).await {
                for (at, fact) in index.into_iter().zip(found) {
                    facts[at].index = Some(fact);
                }
            }
        }
        if !targets.is_empty()
            && let Some(found) = self.in_time(self.ask_targets(targets.clone())).await
        {
            for ((at, _, _), fact) in targets.into_iter().zip(found) {
                facts[at].target = fact;
            }
        }
        if self.down.load(Ordering::Relaxed) {
            self.start_probe();
        }
        facts
    }

    /// `None` if the answer can't be had in time.
    async fn in_time<T>(&self, asking: impl Future<Output = Option<T>>) -> Option<T> {
        if self.down.load(Ordering::Relaxed) {
            return None;
        }
        let limit = Duration::from_millis(self.limits.facts_timeout_ms);
        let answer = tokio::time::timeout(limit, asking).await.ok().flatten();
        if answer.is_none() {
            self.down.store(true, Ordering::Relaxed);
        }
        answer
    }

    fn ask_index(
        &self,
        keys: Vec<(ConversationId, parlor_schemas::UserId, parlor_schemas::ClientMsgId)>,
    ) -> impl Future<Output = Option<Vec<IndexFact>>> + use<> {
        let (store, partition) = (self.engines.store.clone(), self.partition);
        async move {
            // Before the index: then everything below it is in the index.
            let written_to = store.written_to(partition).await.ok()?;
            let acks = store.acks(&keys).await.ok()?;
            Some(acks.into_iter().map(|ack| IndexFact { written_to, ack }).collect())
        }
    }

    fn ask_targets(
        &self,
        targets: Vec<(usize, ConversationId, u64)>,
    ) -> impl Future<Output = Option<Vec<Option<TargetFact>>>> + use<> {
        let engines = self.engines.clone();
        async move {
            // The tail first: a record that leaves it meanwhile is in the store by then.
            let tails = targets
                .iter()
                .map(|(_, conversation, seq)| engines.live.tail(*conversation, seq - 1, seq + 1, 1, false));
            let tails = join_all(tails).await;
            let keys: Vec<_> = targets.iter().map(|(_, conversation, seq)| (*conversation, *seq)).collect();
            let stored = engines.store.pick(&keys).await.ok();
            let facts = keys.iter().enumerate().map(|(at, (_, seq))| {
                let tail = tails[at].as_ref().ok();
                let live = tail.and_then(|tail| tail.records.first());
                let stored = stored.as_ref().and_then(|stored| stored[at].as_ref());
                let text = live.or(stored)?.clone();
                let deleted = tail.is_some_and(|tail| tail.deleted.contains(seq))
                    || stored.is_some_and(|stored| stored.redacted);
                // Without the tail a delete that the store does not have yet could be missed.
                tail.is_some().then_some(TargetFact { text, deleted })
            });
            let facts: Vec<_> = facts.collect();
            (stored.is_some() || facts.iter().all(Option::is_some)).then_some(facts)
        }
    }

    fn start_probe(&mut self) {
        if self.probe.as_ref().is_some_and(|probe| !probe.is_finished()) {
            return;
        }
        let (store, partition, down) = (self.engines.store.clone(), self.partition, self.down.clone());
        self.probe = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            while store.written_to(partition).await.is_err() {
                tokio::time::sleep(PROBE_EVERY).await;
            }
            down.store(false, Ordering::Relaxed);
        })));
    }
}

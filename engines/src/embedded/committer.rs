//! The one thread that writes.

use super::{
    block::{self, Block, Builder},
    failure::Failure,
    keys,
    pending::Pending,
    queue::{Answer, Offsets, Op, Taken},
    running::Shared,
    tables::Table,
};
use crate::{
    crash::{self, Point},
    log::{Entry, LogError},
};
use fjall::{OwnedWriteBatch, PersistMode};
use parlor_schemas::{
    Timestamp, Topic,
    topics::{Offset, Partition},
};
use std::{collections::BTreeMap, mem, sync::Arc, thread};
use tokio::sync::oneshot;

/// Where commits go. `Ok`: the batch survives the loss of power, as a whole.
pub(super) trait Disk: Send + 'static {
    fn commit(&mut self, batch: OwnedWriteBatch) -> Result<(), Failure>;
}

/// The database with an fsync.
pub(super) struct Synced;

impl Disk for Synced {
    fn commit(&mut self, batch: OwnedWriteBatch) -> Result<(), Failure> {
        // The journal's file was made, and its directory synced, before: its data is all that is new.
        Ok(batch.durability(Some(PersistMode::SyncData)).commit()?)
    }
}

/// How far a partition is, on the writing side.
#[derive(Clone, Copy, Default)]
pub(super) struct Tip {
    pub(super) next: Offset,
    /// Bytes that were ever written to it.
    pub(super) bytes: u64,
}

pub(super) struct Committer<D> {
    shared: Arc<Shared>,
    disk: D,
    /// By [`Shared::slot`].
    tips: Vec<Tip>,
    /// The epoch of each partition's owner.
    epochs: Vec<u64>,
    /// Per slot, while a commit is being made.
    blocks: BTreeMap<usize, Vec<Builder>>,
}

/// Who waits for the commit.
enum Waiter {
    Append(oneshot::Sender<Result<(), LogError>>),
    Commit(oneshot::Sender<Result<Vec<Offset>, LogError>>, Vec<Offset>),
    Claim(oneshot::Sender<Result<u64, LogError>>, u64),
    Change(Answer),
}

impl Waiter {
    /// The other side may have stopped waiting: that is its own affair.
    fn tell(self, outcome: Result<(), Failure>) {
        match self {
            Self::Append(waiter) => drop(waiter.send(outcome.map_err(Into::into))),
            Self::Commit(waiter, offsets) => {
                drop(waiter.send(outcome.map(|()| offsets).map_err(Into::into)));
            }
            Self::Claim(waiter, epoch) => drop(waiter.send(outcome.map(|()| epoch).map_err(Into::into))),
            Self::Change(answer) => answer(outcome),
        }
    }
}

impl<D: Disk> Committer<D> {
    pub(super) fn new(shared: Arc<Shared>, disk: D, tips: Vec<Tip>) -> Self {
        let epochs = vec![0; shared.partitions as usize];
        Self { shared, disk, tips, epochs, blocks: BTreeMap::new() }
    }

    /// Commits until the queue is closed and empty, or until the first failure.
    pub(super) fn run(mut self) {
        // Should a defect end the thread, nobody waits for ever.
        let _guard = FailOnPanic(self.shared.clone());
        while let Some(Taken { ops, offsets, weight }) = self.shared.queue.take() {
            let mut waiters = Vec::with_capacity(ops.len());
            let outcome = self.commit(ops, offsets, &mut waiters);
            let failed = outcome.as_ref().err().cloned();
            if let Some(failure) = &failed {
                tracing::error!(reason = ?failure, "writing has failed: nothing is taken any more");
                fail(&self.shared, failure);
            }
            for waiter in waiters {
                waiter.tell(outcome.clone());
            }
            if failed.is_some() {
                break;
            }
            self.shared.queue.done(weight);
        }
    }

    fn commit(&mut self, ops: Vec<Op>, offsets: Offsets, waiters: &mut Vec<Waiter>) -> Result<(), Failure> {
        let shared = self.shared.clone();
        let mut pending = Pending::new(&shared.tables);
        let at = shared.clock.now();
        for op in ops {
            if let Some(waiter) = self.take(op, at, &mut pending) {
                waiters.push(waiter);
            }
        }
        for ((group, partition), stored) in offsets {
            let mut value = stored.offset.to_be_bytes().to_vec();
            value.extend(stored.metadata.as_bytes());
            pending.put(Table::LogOffsets, keys::log_offset(group, partition), value);
        }
        let mut batch = shared.tables.batch();
        let blocks = self.finish(&mut batch, &mut pending)?;
        pending.move_into(&mut batch);
        if !batch.is_empty() {
            self.disk.commit(batch)?;
            crash::pass(Point::CommitterSynced);
        }
        self.publish(blocks);
        Ok(())
    }

    fn take(&mut self, op: Op, at: Timestamp, pending: &mut Pending) -> Option<Waiter> {
        match op {
            Op::Append { entries, answer } => {
                for entry in entries {
                    self.stage(entry, at);
                }
                Some(Waiter::Append(answer))
            }
            Op::Commit { partition, epoch, entries, answer } => {
                if self.epochs[partition as usize] != epoch {
                    drop(answer.send(Err(LogError::Fenced)));
                    return None;
                }
                let offsets = entries.into_iter().map(|entry| self.stage(entry, at)).collect();
                Some(Waiter::Commit(answer, offsets))
            }
            Op::Claim { partition, answer } => {
                // Answered after this commit: what earlier owners got in is readable by then.
                let epoch = &mut self.epochs[partition as usize];
                *epoch += 1;
                Some(Waiter::Claim(answer, *epoch))
            }
            Op::Change(change) => Some(Waiter::Change(change(pending))),
        }
    }

    /// Gives an entry its offset and its place in a block.
    fn stage(&mut self, entry: Entry, at: Timestamp) -> Offset {
        let slot = self.shared.slot(entry.topic, entry.partition);
        let tip = &mut self.tips[slot];
        let blocks = self.blocks.entry(slot).or_default();
        let is_compacted = entry.topic.is_compacted();
        match blocks.last_mut() {
            Some(block) if !is_compacted && block.len() < block::FULL => block.push(entry),
            last => {
                tip.bytes += last.map_or(0, |full| full.len() as u64);
                // In a compacted topic each record is a row, so that one can go alone.
                let mut block = Builder::new(tip.next, at, tip.bytes);
                block.push(entry);
                blocks.push(block);
            }
        }
        tip.next += 1;
        tip.next - 1
    }

    fn finish(
        &mut self,
        batch: &mut OwnedWriteBatch,
        pending: &mut Pending,
    ) -> Result<Vec<(usize, Block)>, Failure> {
        let mut finished = Vec::new();
        for (slot, builders) in mem::take(&mut self.blocks) {
            let (topic, partition) = self.shared.place(slot);
            self.tips[slot].bytes += builders.last().map_or(0, |last| last.len() as u64);
            for block in builders.into_iter().map(Builder::finish) {
                let key = keys::log(topic, partition, block.first);
                if topic.is_compacted() {
                    supersede(pending, topic, partition, &block)?;
                    pending.put(Table::LogCompacted, key, block.bytes.clone());
                } else {
                    self.shared.tables.put(batch, Table::Log, &key, block.bytes.clone());
                }
                finished.push((slot, block));
            }
        }
        Ok(finished)
    }

    fn publish(&self, blocks: Vec<(usize, Block)>) {
        let shared = &self.shared;
        let mut touched: Vec<usize> = blocks.iter().map(|(slot, _)| *slot).collect();
        touched.dedup();
        for (slot, block) in blocks {
            shared.slots[slot].publish(block, shared.tuning.ring_bytes);
        }
        for &slot in &touched {
            shared.slots[slot].moved.notify_waiters();
        }
        let mut topics: Vec<usize> = touched.iter().map(|slot| slot / shared.partitions as usize).collect();
        topics.dedup();
        for topic in topics {
            shared.topics_moved[topic].notify_waiters();
        }
    }
}

/// The record before with the same key goes, in the same commit.
fn supersede(
    pending: &mut Pending,
    topic: Topic,
    partition: Partition,
    block: &Block,
) -> Result<(), Failure> {
    let latest = keys::log_latest(topic, partition, &block.records[0].key);
    if let Some(old) = pending.get(Table::LogLatest, &latest)?.as_deref().and_then(keys::number) {
        pending.remove(Table::LogCompacted, keys::log(topic, partition, old));
    }
    pending.put(Table::LogLatest, latest, block.first.to_be_bytes().to_vec());
    Ok(())
}

/// Latches the failure and tells those that still wait.
fn fail(shared: &Shared, failure: &Failure) {
    for op in shared.queue.fail(failure.clone()) {
        match op {
            Op::Append { answer, .. } => drop(answer.send(Err(failure.clone().into()))),
            Op::Commit { answer, .. } => drop(answer.send(Err(failure.clone().into()))),
            Op::Claim { answer, .. } => drop(answer.send(Err(failure.clone().into()))),
            // Dropped undecided: its waiter asks the queue for the reason.
            Op::Change(change) => drop(change),
        }
    }
    for moved in &shared.topics_moved {
        moved.notify_waiters();
    }
}

struct FailOnPanic(Arc<Shared>);

impl Drop for FailOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            fail(&self.0, &Failure::new("the committer has ended by a defect"));
        }
    }
}

//! The opened database with what runs on it, and how it ends.

use super::{
    block,
    committer::{Committer, Disk, Synced, Tip},
    directory,
    failure::Failure,
    groups::Groups,
    journal, keys,
    keys::TOPICS,
    partition::{Partition as Readable, Room},
    pending::Pending,
    queue::{Answer, Op, Queue},
    retention,
    tables::{Table, Tables},
};
use crate::{
    Clock, OpenError, Tuning,
    log::{Ends, LogError, StoredOffset},
};
use parlor_schemas::{
    Topic,
    topics::{Group, Offset, Partition},
};
use std::{fs::File, path::Path, sync::Arc, thread, time::Duration};
use tokio::sync::{Notify, oneshot};
use tokio_util::task::AbortOnDropHandle;

/// A directory that was just closed, or whose process is just ending, is waited for.
const LOCK_TRIES: usize = 25;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// What the committer, the handles and the background work share.
pub(super) struct Shared {
    pub(super) tables: Tables,
    pub(super) queue: Queue,
    pub(super) partitions: u32,
    /// All partitions of all topics, by [`Shared::slot`].
    pub(super) slots: Vec<Readable>,
    /// Told when any partition of a topic moved, by the topic's code.
    pub(super) topics_moved: Vec<Notify>,
    pub(super) groups: Groups,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tuning: Tuning,
    /// After the tables, so that the directory is free only when they are closed.
    _lock: File,
}

impl Shared {
    pub(super) fn slot(&self, topic: Topic, partition: Partition) -> usize {
        keys::topic_code(topic) * self.partitions as usize + partition as usize
    }

    pub(super) fn place(&self, slot: usize) -> (Topic, Partition) {
        let partitions = self.partitions as usize;
        (TOPICS[slot / partitions], (slot % partitions) as Partition)
    }

    pub(super) fn readable(&self, topic: Topic, partition: Partition) -> &Readable {
        &self.slots[self.slot(topic, partition)]
    }

    pub(super) fn room(&self) -> Room {
        Room { records: self.tuning.read_records, bytes: self.tuning.read_bytes }
    }

    /// A partition that is not there is a wrong partition count.
    pub(super) fn check_partition(&self, topic: Topic, partition: Partition) -> Result<(), LogError> {
        if partition < self.partitions {
            return Ok(());
        }
        let count = self.partitions;
        Err(LogError::Failed(format!("{} has {count} partitions, there is no {partition}", topic.name())))
    }

    /// Changes rows in the next commit: `decide` sees the changes before it; what it returns is the
    /// result when the commit is durable.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        weight: usize,
        decide: impl FnOnce(&mut Pending) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, outcome) = oneshot::channel();
        let change = move |pending: &mut Pending| -> Answer {
            let decided = decide(pending);
            // Whoever asked may have stopped waiting.
            Box::new(move |durable| drop(answer.send(durable.and(decided))))
        };
        self.queue.push(weight, Op::Change(Box::new(change))).await?;
        outcome.await.unwrap_or_else(|_| Err(self.queue.why_closed()))
    }
}

/// Keeps the committer running; the last handle to go closes the database.
pub(crate) struct Running {
    pub(super) shared: Arc<Shared>,
    committer: Option<thread::JoinHandle<()>>,
    retention: AbortOnDropHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.retention.abort();
        self.shared.queue.close();
        if let Some(committer) = self.committer.take() {
            // A defect in it was told to all waiters.
            drop(committer.join());
        }
    }
}

/// Opens the database of a data directory and starts its committer.
pub(crate) async fn open(
    data: &Path,
    tuning: &Tuning,
    clock: Arc<dyn Clock>,
) -> Result<Arc<Running>, OpenError> {
    open_on(data, tuning, clock, Synced).await
}

/// The same with another way to the disk.
pub(super) async fn open_on(
    data: &Path,
    tuning: &Tuning,
    clock: Arc<dyn Clock>,
    disk: impl Disk,
) -> Result<Arc<Running>, OpenError> {
    let lock = lock(data).await?;
    let (data, tuning) = (data.to_owned(), tuning.clone());
    let opening = tokio::task::spawn_blocking(move || load(&data, tuning, clock, lock));
    let (shared, tips) = opening.await.expect("opening the database does not panic")?;
    let committer = Committer::new(shared.clone(), disk, tips);
    let committer = thread::Builder::new().name("committer".into()).spawn(move || committer.run());
    let committer = committer.map_err(|source| directory::io_error(Path::new("committer"), source))?;
    let retention = AbortOnDropHandle::new(tokio::spawn(retention::run(Arc::downgrade(&shared))));
    Ok(Arc::new(Running { shared, committer: Some(committer), retention }))
}

async fn lock(data: &Path) -> Result<File, OpenError> {
    for _ in 0..LOCK_TRIES {
        if let Some(lock) = directory::lock(data)? {
            return Ok(lock);
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
    Err(directory::in_use(data))
}

fn load(
    data: &Path,
    tuning: Tuning,
    clock: Arc<dyn Clock>,
    lock: File,
) -> Result<(Arc<Shared>, Vec<Tip>), OpenError> {
    directory::check_format(data, tuning.partitions)?;
    let path = directory::database(data);
    journal::check(&path)?;
    let refuse = |reason: String| OpenError::Engine { directory: data.to_owned(), reason };
    let tables = Tables::open(&path, tuning.cache_bytes, tuning.memtable_bytes)
        .map_err(|error| refuse(error.to_string()))?;
    let broken = |failure: Failure| refuse(format!("{failure:?}"));
    let (mut slots, mut tips) = (Vec::new(), Vec::new());
    for topic in TOPICS {
        for partition in 0..tuning.partitions {
            let (ends, tip) = ends(&tables, topic, partition).map_err(broken)?;
            slots.push(Readable::new(ends));
            tips.push(tip);
        }
    }
    let groups = Groups::new(tuning.partitions, stored(&tables, tuning.partitions).map_err(broken)?);
    let shared = Shared {
        tables,
        queue: Queue::new(tuning.queue_bytes, Duration::from_millis(tuning.offsets_every_ms)),
        partitions: tuning.partitions,
        slots,
        topics_moved: TOPICS.iter().map(|_| Notify::new()).collect(),
        groups,
        clock,
        tuning,
        _lock: lock,
    };
    Ok((Arc::new(shared), tips))
}

/// The ends of a partition, from its first and last row: retention always leaves the last one.
fn ends(tables: &Tables, topic: Topic, partition: Partition) -> Result<(Ends, Tip), Failure> {
    let table = if topic.is_compacted() { Table::LogCompacted } else { Table::Log };
    let mut rows = tables.prefix(table, &keys::log_prefix(topic, partition));
    let Some(first) = rows.next() else {
        return Ok((Ends { first: 0, end: 0 }, Tip::default()));
    };
    let (first, value) = first?;
    let (last, value) = rows.next_back().unwrap_or_else(|| Ok((first.clone(), value)))?;
    let offset = |key: &[u8]| keys::last_number(key).ok_or_else(|| Failure::new("a key of the log is short"));
    let head = block::head(&value)?;
    let end = offset(&last)? + u64::from(head.records);
    // What a compacted topic has dropped was superseded, not lost.
    let first = if topic.is_compacted() { 0 } else { offset(&first)? };
    Ok((Ends { first, end }, Tip { next: end, bytes: head.before + value.len() as u64 }))
}

/// The stored offsets of all groups, by group and partition.
fn stored(tables: &Tables, partitions: u32) -> Result<Vec<Vec<Option<StoredOffset>>>, Failure> {
    let load = |group: Group, partition: Partition| {
        let value = tables.get(Table::LogOffsets, &keys::log_offset(group, partition))?;
        let Some(value) = value else { return Ok(None) };
        let split = value.split_first_chunk();
        let (offset, metadata) = split.ok_or_else(|| Failure::new("a stored offset is short"))?;
        let offset: Offset = u64::from_be_bytes(*offset);
        Ok(Some(StoredOffset { offset, metadata: String::from_utf8_lossy(metadata).into_owned() }))
    };
    Group::ALL.into_iter().map(|group| (0..partitions).map(|p| load(group, p)).collect()).collect()
}

#[cfg(test)]
mod tests;

//! The log port on the database.

use super::{
    consumer::Member,
    queue::{OVERHEAD, Op},
    reader::From,
    running::Running,
};
use crate::log::{Consumer, Durable, Ends, Entry, Log, LogError, Owner, Reader, StoredOffset};
use async_trait::async_trait;
use parlor_schemas::{
    Topic,
    topics::{Group, Offset, Partition},
};
use std::sync::Arc;
use tokio::sync::oneshot;

/// The embedded log.
pub(crate) struct EmbeddedLog {
    running: Arc<Running>,
}

impl EmbeddedLog {
    pub(crate) fn new(running: Arc<Running>) -> Self {
        Self { running }
    }

    fn check(&self, entries: &[Entry]) -> Result<(), LogError> {
        entries.iter().try_for_each(|entry| self.running.shared.check_partition(entry.topic, entry.partition))
    }
}

#[async_trait]
impl Log for EmbeddedLog {
    fn partitions(&self, _topic: Topic) -> u32 {
        self.running.shared.partitions
    }

    async fn append(&self, entries: Vec<Entry>) -> Result<Durable, LogError> {
        self.check(&entries)?;
        let shared = self.running.shared.clone();
        let (answer, outcome) = oneshot::channel();
        shared.queue.push(weight(&entries), Op::Append { entries, answer }).await?;
        Ok(Box::pin(async move { outcome.await.unwrap_or_else(|_| Err(shared.queue.why_closed().into())) }))
    }

    async fn claim(&self, partition: Partition) -> Result<Box<dyn Owner>, LogError> {
        let shared = &self.running.shared;
        shared.check_partition(Topic::Messages, partition)?;
        let (answer, outcome) = oneshot::channel();
        shared.queue.push(OVERHEAD, Op::Claim { partition, answer }).await?;
        let epoch = outcome.await.unwrap_or_else(|_| Err(shared.queue.why_closed().into()))?;
        Ok(Box::new(Claimed { running: self.running.clone(), partition, epoch }))
    }

    async fn join(&self, group: Group) -> Result<Box<dyn Consumer>, LogError> {
        self.running.shared.queue.check()?;
        Ok(Box::new(Member::join(self.running.clone(), group)))
    }

    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
    ) -> Result<Box<dyn Reader>, LogError> {
        self.running.shared.check_partition(topic, partition)?;
        Ok(Box::new(From::open(self.running.clone(), topic, partition, from)?))
    }

    async fn ends(&self, topic: Topic, partition: Partition) -> Result<Ends, LogError> {
        self.running.shared.check_partition(topic, partition)?;
        Ok(self.running.shared.readable(topic, partition).ends())
    }

    async fn stored(&self, group: Group) -> Result<Vec<Option<StoredOffset>>, LogError> {
        Ok(self.running.shared.groups.stored(group))
    }

    async fn rewind(&self, group: Group, partition: Partition, to: StoredOffset) -> Result<(), LogError> {
        let shared = &self.running.shared;
        shared.check_partition(group.topic(), partition)?;
        shared.groups.rewind(group, partition, to.clone())?;
        shared.queue.push_offsets(group, vec![(partition, to)])?;
        // The next commit takes the offsets along.
        Ok(shared.change(OVERHEAD, |_| Ok(())).await?)
    }
}

/// The single writer of a partition's ordered topics, while no later one claims it.
struct Claimed {
    running: Arc<Running>,
    partition: Partition,
    epoch: u64,
}

#[async_trait]
impl Owner for Claimed {
    async fn commit(&mut self, entries: Vec<Entry>) -> Result<Vec<Offset>, LogError> {
        let shared = &self.running.shared;
        for entry in &entries {
            shared.check_partition(entry.topic, entry.partition)?;
        }
        let (answer, outcome) = oneshot::channel();
        let (partition, epoch) = (self.partition, self.epoch);
        shared.queue.push(weight(&entries), Op::Commit { partition, epoch, entries, answer }).await?;
        outcome.await.unwrap_or_else(|_| Err(shared.queue.why_closed().into()))
    }
}

/// What entries weigh in the queue.
fn weight(entries: &[Entry]) -> usize {
    let bytes = |entry: &Entry| {
        let headers: usize = entry.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        OVERHEAD + entry.key.len() + entry.value.as_ref().map_or(0, bytes::Bytes::len) + headers
    };
    OVERHEAD + entries.iter().map(bytes).sum::<usize>()
}

/// The error that an offset outside the log is.
pub(super) fn outside(topic: Topic, partition: Partition, asked: Offset, ends: Ends) -> LogError {
    LogError::OutOfRange { topic: topic.name(), partition, asked, first: ends.first, end: ends.end }
}

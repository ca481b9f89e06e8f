//! The log port on a cluster.

use super::{
    cluster::Cluster, errors::unavailable, groups, member, owner, producer::Producer, reader::Readers,
};
use crate::{
    Clock,
    log::{Consumer, Durable, Ends, Entry, Log, LogError, Owner, Reader, StoredOffset},
};
use async_trait::async_trait;
use parlor_schemas::{
    Topic,
    topics::{Group, Offset, Partition},
};
use rdkafka::producer::Producer as _;
use std::sync::Arc;

/// The log on Kafka.
pub(super) struct KafkaLog {
    cluster: Arc<Cluster>,
    producer: Arc<Producer>,
    readers: Arc<Readers>,
    clock: Arc<dyn Clock>,
}

impl KafkaLog {
    pub(super) fn new(cluster: Arc<Cluster>, producer: Producer, clock: Arc<dyn Clock>) -> Self {
        let producer = Arc::new(producer);
        let readers = Readers::new(cluster.clone(), producer.clone());
        Self { cluster, producer, readers, clock }
    }
}

#[async_trait]
impl Log for KafkaLog {
    fn partitions(&self, _topic: Topic) -> u32 {
        self.cluster.partitions
    }

    async fn append(&self, entries: Vec<Entry>) -> Result<Durable, LogError> {
        self.cluster.check_all(&entries)?;
        self.producer.append(entries).await
    }

    async fn claim(&self, partition: Partition) -> Result<Box<dyn Owner>, LogError> {
        self.cluster.check(Topic::Messages, partition)?;
        Ok(Box::new(owner::claim(self.cluster.clone(), partition).await?))
    }

    async fn join(&self, group: Group) -> Result<Box<dyn Consumer>, LogError> {
        let (cluster, producer) = (self.cluster.clone(), self.producer.clone());
        Ok(Box::new(member::join(cluster, producer, self.clock.clone(), group).await?))
    }

    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
    ) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(self.readers.open(topic, partition, from).await?))
    }

    async fn ends(&self, topic: Topic, partition: Partition) -> Result<Ends, LogError> {
        ends(&self.cluster, &self.producer, topic, partition).await
    }

    async fn stored(&self, group: Group) -> Result<Vec<Option<StoredOffset>>, LogError> {
        let cluster = self.cluster.clone();
        blocking(move || groups::stored(&cluster, group)).await
    }

    async fn rewind(&self, group: Group, partition: Partition, to: StoredOffset) -> Result<(), LogError> {
        self.cluster.check(group.topic(), partition)?;
        let cluster = self.cluster.clone();
        blocking(move || groups::rewind(&cluster, group, partition, &to)).await
    }
}

/// First and next offset of what is readable (committed).
pub(super) async fn ends(
    cluster: &Arc<Cluster>,
    producer: &Producer,
    topic: Topic,
    partition: Partition,
) -> Result<Ends, LogError> {
    cluster.check(topic, partition)?;
    let (cluster, client) = (cluster.clone(), producer.client()?);
    blocking(move || {
        let ends =
            client.client().fetch_watermarks(cluster.topic(topic), partition as i32, cluster.patience());
        let (first, end) = ends.map_err(|error| unavailable("read the ends", &error))?;
        Ok(Ends { first: first as Offset, end: end as Offset })
    })
    .await
}

/// The error that an offset outside the log is.
pub(super) fn outside(
    cluster: &Cluster,
    topic: Topic,
    partition: Partition,
    asked: Offset,
    ends: Ends,
) -> LogError {
    let topic = cluster.topic(topic).to_owned();
    LogError::OutOfRange { topic, partition, asked, first: ends.first, end: ends.end }
}

/// Off the runtime's threads: the client's questions wait for an answer.
pub(super) async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    let asked = tokio::task::spawn_blocking(ask).await;
    asked.unwrap_or_else(|error| Err(LogError::Failed(error.to_string())))
}

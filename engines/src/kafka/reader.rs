//! Reading one partition without a group.

use super::{
    cluster::Cluster,
    errors::{Happened, client_context, is_out_of_range, unavailable},
    log::{blocking, ends, outside},
    producer::Producer,
    record::{incoming, size},
};
use crate::log::{LogError, LogRecord, Read, Reader};
use async_trait::async_trait;
use futures_util::{FutureExt as _, StreamExt as _};
use parking_lot::Mutex;
use parlor_schemas::{
    Topic,
    topics::{Offset, Partition},
};
use rdkafka::{
    Offset as Place, Statistics, TopicPartitionList,
    consumer::{Consumer as _, ConsumerContext, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
};
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::runtime::Handle;

type Client = StreamConsumer<Context>;

/// Connected clients that are kept for the next readers: most readers read a little and are gone,
/// and connecting takes longer than reading.
const IDLE: usize = 4;
/// How often idle clients are heard.
const TEND_EVERY: Duration = Duration::from_secs(10);
/// How soon a client that has lost all brokers is replaced, once its statistics say so.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where readers get their clients from. A reader has one to itself: its fetches do not wait for
/// those of others.
pub(super) struct Readers {
    cluster: Arc<Cluster>,
    /// Is asked where a partition ends.
    producer: Arc<Producer>,
    /// With the topic that each has read last: it knows that one's leaders.
    idle: Mutex<Vec<(Client, Topic)>>,
}

impl Readers {
    pub(super) fn new(cluster: Arc<Cluster>, producer: Arc<Producer>) -> Arc<Self> {
        let readers = Arc::new(Self { cluster, producer, idle: Mutex::default() });
        tokio::spawn(tend(Arc::downgrade(&readers)));
        readers
    }

    pub(super) async fn open(
        self: &Arc<Self>,
        topic: Topic,
        partition: Partition,
        from: Offset,
    ) -> Result<From, LogError> {
        let ends = ends(&self.cluster, &self.producer, topic, partition).await?;
        if from < ends.first || from > ends.end {
            return Err(outside(&self.cluster, topic, partition, from, ends));
        }
        let readers = self.clone();
        let client = Some(blocking(move || readers.client(topic, partition, from)).await?);
        let readers = self.clone();
        Ok(From { readers, client, topic, partition, position: from, told_end: false, next: None })
    }

    /// One that reads from there, a kept one if there is one. Blocks.
    fn client(&self, topic: Topic, partition: Partition, from: Offset) -> Result<Client, LogError> {
        match self.take(topic) {
            Some(client) => self.assigned(client, topic, partition, from),
            None => self.connected(topic, partition, from),
        }
    }

    /// A new one that reads from there. Blocks.
    fn connected(&self, topic: Topic, partition: Partition, from: Offset) -> Result<Client, LogError> {
        let client = connect(&self.cluster).map_err(|error| unavailable("read", &error))?;
        self.assigned(client, topic, partition, from)
    }

    fn assigned(
        &self,
        client: Client,
        topic: Topic,
        partition: Partition,
        from: Offset,
    ) -> Result<Client, LogError> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(self.cluster.topic(topic), partition as i32, Place::Offset(from as i64))
            .and_then(|()| client.assign(&list))
            .map_err(|error| unavailable("read", &error))?;
        Ok(client)
    }

    fn take(&self, topic: Topic) -> Option<Client> {
        let mut idle = self.idle.lock();
        let best = idle.iter().position(|(_, last)| *last == topic).or(idle.len().checked_sub(1))?;
        Some(idle.swap_remove(best).0)
    }

    /// Keeps a client that is not needed any more, or closes it. What it had fetched is dropped
    /// with its assignment. Blocks.
    fn give(&self, client: Client, topic: Topic) {
        let is_free = client.unassign().is_ok();
        hear(&client);
        let mut idle = self.idle.lock();
        if is_free && idle.len() < IDLE {
            idle.push((client, topic));
        } else {
            drop(idle);
            drop(client);
        }
    }
}

/// What it had to tell meanwhile, which nobody waits for.
fn hear(client: &Client) {
    while client.recv().now_or_never().is_some() {}
}

/// Hears what idle clients tell, statistics above all, which would pile up; lost ones are closed.
async fn tend(readers: Weak<Readers>) {
    loop {
        tokio::time::sleep(TEND_EVERY).await;
        let Some(readers) = readers.upgrade() else { return };
        let lost = move || {
            let mut idle = readers.idle.lock();
            idle.iter().for_each(|(client, _)| hear(client));
            let lost = idle.extract_if(.., |(client, _)| client.context().happened.is_lost());
            let lost: Vec<_> = lost.collect();
            drop(idle);
            drop(lost);
        };
        drop(tokio::task::spawn_blocking(lost).await);
    }
}

/// A reader of one partition.
pub(super) struct From {
    readers: Arc<Readers>,
    /// Until it is dropped.
    client: Option<Client>,
    topic: Topic,
    partition: Partition,
    /// Next offset after what was read.
    position: Offset,
    told_end: bool,
    /// Met behind records that had to be told first.
    next: Option<KafkaError>,
}

impl From {
    /// What is there now, after waiting for the first of it.
    async fn batch(&mut self) -> Result<Vec<LogRecord>, KafkaError> {
        if let Some(next) = self.next.take() {
            return Err(next);
        }
        let client = self.client.as_ref().ok_or(KafkaError::Canceled)?;
        let first = tokio::select! {
            message = client.recv() => incoming(&message?),
            () = lost(client) => return Err(KafkaError::Canceled),
        };
        let mut bytes = size(&first);
        let mut records = vec![first];
        let mut stream = client.stream();
        while records.len() < self.readers.cluster.read_records && bytes < self.readers.cluster.read_bytes {
            match stream.next().now_or_never().flatten() {
                None => break,
                Some(Ok(message)) => {
                    let record = incoming(&message);
                    bytes += size(&record);
                    records.push(record);
                }
                Some(Err(error)) => {
                    self.next = Some(error);
                    break;
                }
            }
        }
        Ok(records)
    }

    /// Its client has lost all brokers: goes on with another one.
    async fn renew(&mut self) -> Result<(), LogError> {
        tracing::warn!(
            topic = self.topic.name(),
            self.partition,
            "a reader's client knows no broker any more"
        );
        let (readers, topic, partition, from) =
            (self.readers.clone(), self.topic, self.partition, self.position);
        let client = blocking(move || readers.connected(topic, partition, from)).await?;
        let lost = self.client.replace(client);
        // Closing may block.
        drop(Handle::current().spawn_blocking(move || drop(lost)));
        Ok(())
    }

    async fn out_of_range(&self) -> LogError {
        let Readers { cluster, producer, .. } = &*self.readers;
        match ends(cluster, producer, self.topic, self.partition).await {
            Ok(ends) => outside(cluster, self.topic, self.partition, self.position, ends),
            Err(error) => error,
        }
    }
}

#[async_trait]
impl Reader for From {
    async fn next(&mut self) -> Result<Read, LogError> {
        loop {
            match self.batch().await {
                Ok(records) => {
                    self.position = records.last().map_or(self.position, |last| last.offset + 1);
                    self.told_end = false;
                    return Ok(Read::Records(records));
                }
                // Also told when only a marker came; that is no news.
                Err(KafkaError::PartitionEOF(_)) if self.told_end => {}
                Err(KafkaError::PartitionEOF(_)) => {
                    self.told_end = true;
                    return Ok(Read::End(self.position));
                }
                Err(KafkaError::Canceled) => self.renew().await?,
                Err(error) => match error.rdkafka_error_code() {
                    Some(code) if is_out_of_range(code) => return Err(self.out_of_range().await),
                    // Whoever follows the end waits for the brokers; whoever wants what is there
                    // is told that it can't be had.
                    Some(RDKafkaErrorCode::AllBrokersDown) if self.told_end => {}
                    Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve) => {}
                    _ => return Err(unavailable("read", &error)),
                },
            }
        }
    }
}

impl Drop for From {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        let (readers, topic) = (self.readers.clone(), self.topic);
        let give = move || readers.give(client, topic);
        // Without a runtime everything ends anyway.
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(give)),
            Err(_) => give(),
        }
    }
}

/// Returns when the client has lost all brokers.
async fn lost(client: &Client) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    while !client.context().happened.is_lost() {
        look.tick().await;
    }
}

fn connect(cluster: &Cluster) -> Result<Client, KafkaError> {
    let statistics = cluster.settings.statistics_ms.to_string();
    let bytes = (4 * cluster.read_bytes).to_string();
    let kilobytes = (4 * cluster.read_bytes / 1024).max(1_024).to_string();
    let messages = (4 * cluster.read_records).to_string();
    // The group is only a name: nothing is ever stored in it.
    let config = cluster.config(&[
        ("group.id", &format!("{}parlor-reader", cluster.settings.prefix)),
        ("isolation.level", "read_committed"),
        ("auto.offset.reset", "error"),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("enable.partition.eof", "true"),
        // Small fetches, since most readers want the first records only, and a short rest when the
        // queue is full: the next reader waits for it.
        ("fetch.message.max.bytes", "131072"),
        ("fetch.wait.max.ms", "100"),
        ("fetch.queue.backoff.ms", "2"),
        ("fetch.error.backoff.ms", "100"),
        ("fetch.max.bytes", &bytes),
        ("queued.min.messages", &messages),
        ("queued.max.messages.kbytes", &kilobytes),
        ("statistics.interval.ms", &statistics),
    ]);
    config.create_with_context(Context { name: "reader", happened: Happened::default() })
}

struct Context {
    name: &'static str,
    happened: Happened,
}

client_context!(Context);

impl Context {
    fn statistics(&self, statistics: &Statistics) {
        super::metrics::brokers(self.name, statistics);
    }
}

impl ConsumerContext for Context {}

//! The bare Kafka client, with the settings that ours has.

use parlor_engines::log::Entry;
use parlor_schemas::Topic;
use rdkafka::{
    ClientConfig, ClientContext, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer},
};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// Nothing that is waited for may take longer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A producer that counts acknowledgements.
pub type Producer = ThreadedProducer<Counting>;

#[derive(Default)]
pub struct Counting(AtomicUsize);

impl Counting {
    /// Acknowledged so far.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

impl ClientContext for Counting {}

impl ProducerContext for Counting {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        assert!(result.is_ok(), "durable");
        self.0.fetch_add(1, Ordering::Release);
    }
}

/// A producer; with an id: a transactional one, its epoch begun.
pub fn producer(brokers: &str, transactional_id: Option<&str>) -> Producer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("linger.ms", "0").set("compression.codec", "lz4");
    config.set("queue.buffering.max.messages", "0").set("enable.idempotence", "true");
    if let Some(id) = transactional_id {
        config.set("transactional.id", id);
    }
    let producer: Producer = config.create_with_context(Counting::default()).expect("a producer");
    if transactional_id.is_some() {
        producer.init_transactions(PATIENCE).expect("an epoch");
    }
    producer
}

/// One transaction. `topic`: where each entry goes.
pub fn commit(producer: &Producer, topic: impl Fn(Topic) -> String, entries: &[Entry]) {
    producer.begin_transaction().expect("begun");
    for entry in entries {
        let topic = topic(entry.topic);
        let mut record = BaseRecord::to(&topic).partition(entry.partition as i32).key(&entry.key[..]);
        if let Some(value) = &entry.value {
            record = record.payload(&value[..]);
        }
        if !entry.headers.is_empty() {
            let headers = entry.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
                headers.insert(Header { key, value: Some(&value[..]) })
            });
            record = record.headers(headers);
        }
        producer.send(record).map_err(|(error, _)| error).expect("taken");
    }
    // Waits for what is under way.
    producer.commit_transaction(PATIENCE).expect("committed");
}

/// A consumer of committed records from the beginning of all partitions.
pub fn consumer(brokers: &str, topic: &str, partitions: i32) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("group.id", "bench")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).expect("a place");
    }
    consumer.assign(&list).expect("assigned");
    consumer
}

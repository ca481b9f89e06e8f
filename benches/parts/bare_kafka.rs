//! The bare Kafka client, with the settings that ours has.

use parking_lot::{Condvar, Mutex};
use parlor_engines::log::Entry;
use parlor_schemas::Topic;
use rdkafka::{
    ClientConfig, ClientContext, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer},
};
use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

/// Nothing that is waited for may take longer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A producer that counts acknowledgements.
pub type Producer = ThreadedProducer<Counting>;

/// Acknowledgements so far, and who waits for so many of them.
#[derive(Default)]
pub struct Counting {
    count: AtomicUsize,
    wanted: AtomicUsize,
    gate: Mutex<()>,
    reached: Condvar,
}

impl Counting {
    /// Sleeps until so many have come: turning would take the broker's core.
    pub fn wait(&self, wanted: usize) {
        self.wanted.store(wanted, SeqCst);
        let mut gate = self.gate.lock();
        while self.count.load(SeqCst) < wanted {
            assert!(!self.reached.wait_for(&mut gate, PATIENCE).timed_out(), "acknowledged");
        }
    }

    /// So far.
    pub fn count(&self) -> usize {
        self.count.load(SeqCst)
    }
}

impl ClientContext for Counting {}

impl ProducerContext for Counting {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        assert!(result.is_ok(), "durable");
        if self.count.fetch_add(1, SeqCst) + 1 >= self.wanted.load(SeqCst) {
            let _gate = self.gate.lock();
            self.reached.notify_all();
        }
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
    let acknowledged = producer.context().count();
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
    // A commit that finds one under way looks again only after 100 ms; the last is counted down a moment
    // after it was told of. Ours waits likewise.
    producer.context().wait(acknowledged + entries.len());
    while producer.in_flight_count() > 0 {
        std::thread::yield_now();
    }
    producer.commit_transaction(PATIENCE).expect("committed");
}

/// A consumer of committed records from the beginning of all partitions.
pub fn consumer(brokers: &str, topic: &str, partitions: i32) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("group.id", "bench")
        .set("isolation.level", "read_committed")
        .set("fetch.wait.max.ms", "100")
        // By default a full queue makes it rest for a second.
        .set("fetch.queue.backoff.ms", "5")
        .set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).expect("a place");
    }
    consumer.assign(&list).expect("assigned");
    consumer
}

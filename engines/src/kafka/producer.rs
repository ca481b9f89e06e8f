//! Appending: one idempotent producer for everybody, fed in order.
//!
//! All entries go through one lock into the client's queue, so a partition has them in the order
//! of the calls. An entry that is reported as unknown never lands behind a later one of the same
//! producer: the client raises its epoch, or numbers on, and the brokers refuse the straggler.
//! After a fatal error, or when it has lost all brokers, the producer is made anew, and takes nothing
//! before the old one is drained and its connections are closed.

use super::{
    cluster::{Cluster, all_topics},
    errors::{Happened, client_context, unavailable},
    record::{outgoing, weight},
};
use crate::log::{Durable, Entry, LogError};
use parking_lot::Mutex;
use rdkafka::{
    Statistics,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{DeliveryResult, Producer as _, ProducerContext, ThreadedProducer},
};
use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// The client that appends, and that is asked for offsets.
pub(super) type Client = ThreadedProducer<Context>;

/// Pause between tries to make a producer anew.
const AGAIN: Duration = Duration::from_millis(500);

/// The one that appends.
pub(super) struct Producer {
    shared: Arc<Shared>,
    /// Bytes that may still be taken.
    room: Arc<Semaphore>,
}

struct Shared {
    cluster: Arc<Cluster>,
    /// `None` while it is being made anew.
    client: Mutex<Option<Arc<Client>>>,
}

impl Producer {
    /// Connected, and with the leaders of all topics known.
    pub(super) fn open(cluster: Arc<Cluster>) -> Result<Self, LogError> {
        let room = Arc::new(Semaphore::new(cluster.queue_bytes));
        let client = Mutex::new(None);
        let shared = Arc::new(Shared { cluster, client });
        *shared.client.lock() = Some(Arc::new(shared.connect()?));
        Ok(Self { shared, room })
    }

    /// The client, for questions.
    pub(super) fn client(&self) -> Result<Arc<Client>, LogError> {
        self.shared.client.lock().clone().ok_or_else(being_renewed)
    }

    /// Takes the entries in order; waits only for room. See [`crate::Log::append`].
    pub(super) async fn append(&self, entries: Vec<Entry>) -> Result<Durable, LogError> {
        if entries.is_empty() {
            return Ok(Box::pin(async { Ok(()) }));
        }
        // A batch that is larger than the whole queue goes in when the queue is empty.
        let weight = entries.iter().map(weight).sum::<usize>().min(self.shared.cluster.queue_bytes);
        let room = self.room.clone().acquire_many_owned(weight as u32).await;
        let room = room.map_err(|_| LogError::Unavailable("the log is closed".to_owned()))?;
        let (answer, outcome) = oneshot::channel();
        let batch = Arc::new(Batch::new(entries.len(), answer, room));
        self.shared.enqueue(&entries, &batch)?;
        Ok(Box::pin(async move {
            outcome.await.unwrap_or_else(|_| Err(LogError::Unavailable("the producer is gone".to_owned())))
        }))
    }
}

impl Shared {
    fn connect(self: &Arc<Self>) -> Result<Client, LogError> {
        let settings = &self.cluster.settings;
        let (delivery, statistics) = (settings.delivery_ms.to_string(), settings.statistics_ms.to_string());
        // The bound is in bytes and ours; the client's own are out of the way.
        let kilobytes = (self.cluster.queue_bytes / 512).max(1_024).to_string();
        let config = self.cluster.config(&[
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("linger.ms", "0"),
            ("compression.codec", "lz4"),
            ("delivery.timeout.ms", &delivery),
            ("queue.buffering.max.messages", "0"),
            ("queue.buffering.max.kbytes", &kilobytes),
            ("statistics.interval.ms", &statistics),
        ]);
        let context =
            Context { name: "producer", happened: Happened::default(), shared: Arc::downgrade(self) };
        let failed = |error| unavailable("make a producer", &error);
        let client: Client = config.create_with_context(context).map_err(failed)?;
        for topic in all_topics() {
            let metadata =
                client.client().fetch_metadata(Some(self.cluster.topic(topic)), self.cluster.patience());
            metadata.map_err(|error| unavailable("find the topics' leaders", &error))?;
        }
        Ok(client)
    }

    /// Into the client's queue, under one lock: this is where the order is made.
    fn enqueue(self: &Arc<Self>, entries: &[Entry], batch: &Arc<Batch>) -> Result<(), LogError> {
        let held = self.client.lock();
        let client = held.as_ref().ok_or_else(being_renewed)?.clone();
        for (taken, entry) in entries.iter().enumerate() {
            let record = outgoing(self.cluster.topic(entry.topic), entry, batch.clone());
            if let Err((error, _)) = client.send(record) {
                drop(held);
                if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
                    self.renew();
                }
                // What was taken may land; the whole is unknown.
                batch.fail(&unavailable("append", &error));
                batch.done(entries.len() - taken);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Takes nothing more into this producer, waits until what is in it is decided, closes it, and
    /// only then makes another one.
    fn renew(self: &Arc<Self>) {
        let Some(broken) = self.client.lock().take() else {
            return;
        };
        let fatal = broken.client().fatal_error().map(|(code, reason)| format!("{code}: {reason}"));
        let reason = fatal.unwrap_or_else(|| "it knows no broker any more".to_owned());
        tracing::error!(reason, "the producer has failed and is made anew");
        metrics::counter!("parlor_kafka_producers_renewed_total").increment(1);
        let shared = self.clone();
        let renewing = move || {
            drain(&broken, Duration::from_millis(shared.cluster.settings.delivery_ms.into()));
            close(broken);
            // Nobody but this thread and whoever dropped the log hold it.
            while Arc::strong_count(&shared) > 1 {
                match shared.connect() {
                    Ok(client) => {
                        *shared.client.lock() = Some(Arc::new(client));
                        return;
                    }
                    Err(error) => tracing::warn!(%error, "no new producer yet"),
                }
                thread::sleep(AGAIN);
            }
        };
        let thread = thread::Builder::new().name("kafka-renew".to_owned());
        thread.spawn(renewing).expect("a thread can be started");
    }
}

impl Drop for Producer {
    /// What was taken is durable or reported before the last handle is gone.
    fn drop(&mut self) {
        let Some(client) = self.shared.client.lock().take() else {
            return;
        };
        drain(&client, Duration::from_millis(self.shared.cluster.settings.delivery_ms.into()));
        // Closing connections may block: not for whoever drops.
        let thread = thread::Builder::new().name("kafka-close".to_owned());
        drop(thread.spawn(move || drop(client)));
    }
}

/// Waits until every entry is acknowledged or given up; its own thread hears the answers.
fn drain(client: &Client, at_most: Duration) {
    const STEP: Duration = Duration::from_millis(1);
    let mut waited = Duration::ZERO;
    while client.in_flight_count() > 0 && waited < at_most {
        thread::sleep(STEP);
        waited += STEP;
    }
}

/// Closes it as soon as nobody uses it any more.
fn close(mut client: Arc<Client>) {
    while let Err(used) = Arc::try_unwrap(client) {
        client = used;
        thread::sleep(Duration::from_millis(1));
    }
}

fn being_renewed() -> LogError {
    LogError::Unavailable("the producer is being made anew".to_owned())
}

type Answer = oneshot::Sender<Result<(), LogError>>;

/// The entries of one append.
pub(super) struct Batch {
    left: AtomicUsize,
    error: Mutex<Option<LogError>>,
    /// With its place in the queue.
    answer: Mutex<Option<(Answer, OwnedSemaphorePermit)>>,
}

impl Batch {
    fn new(
        entries: usize,
        answer: oneshot::Sender<Result<(), LogError>>,
        room: OwnedSemaphorePermit,
    ) -> Self {
        let answer = Mutex::new(Some((answer, room)));
        Self { left: AtomicUsize::new(entries), error: Mutex::new(None), answer }
    }

    fn fail(&self, error: &LogError) {
        self.error.lock().get_or_insert_with(|| error.clone());
    }

    /// So many more entries are decided.
    fn done(&self, entries: usize) {
        if self.left.fetch_sub(entries, Ordering::AcqRel) != entries {
            return;
        }
        if let Some((answer, room)) = self.answer.lock().take() {
            drop(room);
            let outcome = self.error.lock().take().map_or(Ok(()), Err);
            drop(answer.send(outcome));
        }
    }
}

/// Hears the acknowledgements.
pub(super) struct Context {
    name: &'static str,
    happened: Happened,
    shared: Weak<Shared>,
}

client_context!(Context);

impl Context {
    fn statistics(&self, statistics: &Statistics) {
        let client = self.name;
        metrics::gauge!("parlor_kafka_queue_messages", "client" => client).set(statistics.msg_cnt as f64);
        metrics::gauge!("parlor_kafka_queue_bytes", "client" => client).set(statistics.msg_size as f64);
        super::metrics::brokers(client, statistics);
        if let (true, Some(shared)) = (self.happened.is_lost(), self.shared.upgrade()) {
            shared.renew();
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Arc<Batch>;

    fn delivery(&self, result: &DeliveryResult<'_>, batch: Arc<Batch>) {
        if let Err((error, _)) = result {
            batch.fail(&undelivered(error));
            if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal)
                && let Some(shared) = self.shared.upgrade()
            {
                shared.renew();
            }
        }
        batch.done(1);
    }
}

fn undelivered(error: &KafkaError) -> LogError {
    match unavailable("append", error) {
        // Somebody has to look, and going on is not harmful: the entry was refused.
        LogError::Failed(reason) => LogError::Failed(reason),
        _ => LogError::Unavailable(format!("not acknowledged: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tuning;
    use bytes::Bytes;
    use parlor_schemas::Topic;
    use rdkafka::{
        ClientContext as _,
        mocking::MockCluster,
        types::{RDKafkaApiKey, RDKafkaRespErr},
    };

    fn entry(value: usize) -> Entry {
        let (topic, value) = (Topic::Commands, Some(Bytes::from(value.to_string())));
        Entry { topic, partition: 0, key: Bytes::from_static(b"k"), value, headers: Vec::new() }
    }

    async fn open() -> (MockCluster<'static, rdkafka::producer::DefaultProducerContext>, Producer) {
        let brokers = MockCluster::new(1).unwrap();
        let url = format!("kafka://{}", brokers.bootstrap_servers());
        let cluster = Arc::new(Cluster::new(&url, &Tuning::default()).unwrap());
        for topic in all_topics() {
            brokers.create_topic(cluster.topic(topic), 4, 1).unwrap();
        }
        let producer = tokio::task::spawn_blocking(move || Producer::open(cluster)).await.unwrap().unwrap();
        producer.append(vec![entry(0)]).await.unwrap().await.unwrap();
        (brokers, producer)
    }

    async fn takes_again(producer: &Producer) {
        let taken = async {
            loop {
                let taken = match producer.append(vec![entry(3)]).await {
                    Ok(durable) => durable.await,
                    Err(error) => Err(error),
                };
                match taken {
                    Ok(()) => return,
                    Err(LogError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                    Err(error) => panic!("{error}"),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), taken).await.expect("a new producer");
    }

    /// Brokers that lost what an idempotent producer wrote: it can't go on, a new one can.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_producer_that_has_failed_is_made_anew() {
        let (brokers, producer) = open().await;
        let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
        brokers.request_errors(RDKafkaApiKey::Produce, &[refused]);
        let broken = producer.append(vec![entry(1), entry(2)]).await.unwrap().await;
        assert!(matches!(broken, Err(LogError::Unavailable(_))), "{broken:?}");
        takes_again(&producer).await;
    }

    /// Nobody tells a client that knows no broker any more of another one.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_producer_that_has_lost_all_brokers_is_made_anew() {
        let (_brokers, producer) = open().await;
        let lost = producer.client().unwrap();
        lost.client().context().stats(Statistics::default());
        drop(lost);
        assert!(matches!(producer.append(vec![entry(1)]).await, Err(LogError::Unavailable(_))));
        takes_again(&producer).await;
    }
}

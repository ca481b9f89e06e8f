//! The single writer of a partition: a transactional producer on a thread of its own.
//!
//! A commit that did not simply succeed is never tried again on the same producer: a delayed end of
//! one transaction must not meet the next one. The owner is of no use any more then; a new claim
//! gets a new epoch, and the brokers abort what the old one left open.

use super::{
    cluster::Cluster,
    errors::{Happened, client_context, is_fenced, unavailable},
    record::outgoing,
};
use crate::log::{Entry, LogError, Owner};
use async_trait::async_trait;
use parking_lot::{Condvar, Mutex};
use parlor_schemas::topics::{Offset, Partition};
use rdkafka::{
    Message as _, Statistics,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{DeliveryResult, Producer, ProducerContext, ThreadedProducer},
};
use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

type Client = ThreadedProducer<Context>;
type Answer<T> = oneshot::Sender<Result<T, LogError>>;

/// A commit to be made.
struct Job {
    entries: Vec<Entry>,
    answer: Answer<Vec<Offset>>,
}

/// The handle of the thread. Dropped, the thread ends, and with it the producer: an open
/// transaction is aborted by the brokers.
pub(super) struct Claimed {
    cluster: Arc<Cluster>,
    jobs: mpsc::Sender<Job>,
    /// Why it is of no use any more.
    over: Option<LogError>,
}

/// Fences every earlier owner, and aborts what they left open.
pub(super) async fn claim(cluster: Arc<Cluster>, partition: Partition) -> Result<Claimed, LogError> {
    let (jobs, queue) = mpsc::channel();
    let (ready, claimed) = oneshot::channel();
    let writer = Writer { cluster: cluster.clone(), partition };
    let thread = thread::Builder::new().name(format!("kafka-owner-{partition}"));
    thread
        .spawn(move || writer.run(&queue, ready))
        .map_err(|error| LogError::Unavailable(format!("no thread for an owner: {error}")))?;
    claimed.await.unwrap_or_else(|_| Err(gone()))?;
    Ok(Claimed { cluster, jobs, over: None })
}

fn gone() -> LogError {
    LogError::Unavailable("the owner's producer is gone".to_owned())
}

#[async_trait]
impl Owner for Claimed {
    async fn commit(&mut self, entries: Vec<Entry>) -> Result<Vec<Offset>, LogError> {
        self.cluster.check_all(&entries)?;
        if let Some(over) = &self.over {
            return Err(over.clone());
        }
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        // Dropped while it waits, the outcome is unknown, and nothing more may be committed.
        self.over = Some(LogError::Unavailable("an earlier commit is unclear".to_owned()));
        let (answer, outcome) = oneshot::channel();
        self.jobs.send(Job { entries, answer }).map_err(|_| gone())?;
        let outcome = outcome.await.unwrap_or_else(|_| Err(gone()));
        self.over = outcome.as_ref().err().cloned();
        outcome
    }
}

/// The thread's side.
struct Writer {
    cluster: Arc<Cluster>,
    partition: Partition,
}

impl Writer {
    fn run(self, queue: &mpsc::Receiver<Job>, ready: Answer<()>) {
        let client = match self.connect() {
            Ok(client) => client,
            Err(error) => return drop(ready.send(Err(error))),
        };
        if ready.send(Ok(())).is_err() {
            return;
        }
        while let Ok(Job { entries, answer }) = queue.recv() {
            if client.context().happened.is_lost() {
                return drop(answer.send(Err(LogError::Unavailable("no broker is known".to_owned()))));
            }
            let troubles = client.context().happened.troubles();
            let outcome = self.commit(&client, &entries);
            let failed = outcome.is_err();
            drop(answer.send(outcome));
            // It may have succeeded only at the second try of the client itself. That try is done,
            // but the first one may still be on its way: the next transaction needs a new epoch.
            if failed || client.context().happened.troubles() != troubles {
                return;
            }
        }
    }

    fn connect(&self) -> Result<Client, LogError> {
        let settings = &self.cluster.settings;
        let id = format!("{}parlor-ingest-{}", settings.prefix, self.partition);
        let (timeout, statistics) = (settings.transaction_ms.to_string(), settings.statistics_ms.to_string());
        let config = self.cluster.config(&[
            ("transactional.id", &id),
            ("transaction.timeout.ms", &timeout),
            ("message.timeout.ms", &timeout),
            ("linger.ms", "0"),
            ("compression.codec", "lz4"),
            ("queue.buffering.max.messages", "0"),
            ("connections.max.idle.ms", "0"),
            ("statistics.interval.ms", &statistics),
        ]);
        let context =
            Context { name: "owner", happened: Happened::default(), delivered: Delivered::default() };
        let failed = |error: KafkaError| refused("claim", &error, None);
        let client: Client = config.create_with_context(context).map_err(failed)?;
        client.init_transactions(self.patience()).map_err(failed)?;
        Ok(client)
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(self.cluster.settings.transaction_ms.into())
    }

    fn commit(&self, client: &Client, entries: &[Entry]) -> Result<Vec<Offset>, LogError> {
        let failed = |what, error: KafkaError| refused(what, &error, Some(client));
        let delivered = &client.context().delivered;
        delivered.expect(entries.len());
        client.begin_transaction().map_err(|error| failed("begin", error))?;
        for (index, entry) in entries.iter().enumerate() {
            self.send(client, entry, index)?;
        }
        let offsets = delivered.wait(self.patience()).map_err(|error| match error {
            Some(error) => failed("write", error),
            None => LogError::Unavailable("write: the brokers did not acknowledge in time".to_owned()),
        })?;
        // The client counts the last one down a moment after it has told of it, and a flush that
        // finds it there sleeps.
        while client.in_flight_count() > 0 {
            thread::yield_now();
        }
        client.commit_transaction(self.patience()).map_err(|error| failed("commit", error))?;
        Ok(offsets)
    }

    /// Waits for room in the client's queue.
    fn send(&self, client: &Client, entry: &Entry, index: usize) -> Result<(), LogError> {
        const STEP: Duration = Duration::from_millis(1);
        let mut waited = Duration::ZERO;
        loop {
            let record = outgoing(self.cluster.topic(entry.topic), entry, index);
            match client.send(record) {
                Ok(()) => return Ok(()),
                Err((error, _)) => {
                    let is_full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
                    if !is_full || waited > self.patience() {
                        return Err(refused("write", &error, Some(client)));
                    }
                }
            }
            thread::sleep(STEP);
            waited += STEP;
        }
    }
}

/// What an error means: the client keeps the reason why it can't go on for good.
fn refused(what: &str, error: &KafkaError, client: Option<&Client>) -> LogError {
    let fatal = client.and_then(|client| client.client().fatal_error()).map(|(code, _)| code);
    if fatal.or(error.rdkafka_error_code()).is_some_and(is_fenced) {
        return LogError::Fenced;
    }
    unavailable(what, error)
}

/// Hears the acknowledgements.
struct Context {
    name: &'static str,
    happened: Happened,
    delivered: Delivered,
}

client_context!(Context);

impl Context {
    fn statistics(&self, statistics: &Statistics) {
        super::metrics::brokers(self.name, statistics);
    }
}

impl ProducerContext for Context {
    /// The entry's place in its commit.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        match result {
            Ok(message) => self.delivered.tell(index, Ok(message.offset() as Offset)),
            Err((error, _)) => self.delivered.tell(index, Err(error.clone())),
        }
    }
}

/// The acknowledgements of one commit.
#[derive(Default)]
struct Delivered {
    state: Mutex<Deliveries>,
    changed: Condvar,
}

#[derive(Default)]
struct Deliveries {
    offsets: Vec<Offset>,
    left: usize,
    error: Option<KafkaError>,
}

impl Delivered {
    fn expect(&self, entries: usize) {
        *self.state.lock() = Deliveries { offsets: vec![0; entries], left: entries, error: None };
    }

    fn tell(&self, index: usize, outcome: Result<Offset, KafkaError>) {
        let mut state = self.state.lock();
        match outcome {
            Ok(offset) => state.offsets[index] = offset,
            Err(error) => drop(state.error.get_or_insert(error)),
        }
        state.left -= 1;
        if state.left == 0 || state.error.is_some() {
            self.changed.notify_one();
        }
    }

    /// The offsets once all are there, or the first error; `None`: not in time.
    fn wait(&self, at_most: Duration) -> Result<Vec<Offset>, Option<KafkaError>> {
        let mut state = self.state.lock();
        let waiting = |state: &mut Deliveries| state.left > 0 && state.error.is_none();
        let late = self.changed.wait_while_for(&mut state, waiting, at_most).timed_out();
        match state.error.take() {
            Some(error) => Err(Some(error)),
            None if late && state.left > 0 => Err(None),
            None => Ok(std::mem::take(&mut state.offsets)),
        }
    }
}

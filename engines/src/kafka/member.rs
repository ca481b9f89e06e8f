//! A member of a group.
//!
//! ```text
//!  caller ── commands ──▶ thread: polls the client, answers its rebalances, drains the
//!  caller ◀── events ──── queues of the started partitions, one after the other
//! ```
//!
//! The thread never waits for the caller: when the events are not taken it leaves the records in
//! the client's bounded queues and goes on polling, so a member whose handlers wait for an hour
//! stays one. A partition has a queue of its own at the client: a paused one is just not asked.

mod context;
mod lag;
mod partition;
mod poller;
mod storing;
#[cfg(test)]
mod tests;

use super::{cluster::Cluster, errors::unavailable, producer::Producer};
use crate::{
    Clock,
    log::{Consumer, Ends, Event, LogError, StoredOffset},
};
use async_trait::async_trait;
use parlor_schemas::topics::{Group, Offset, Partition};
use poller::{Poller, Wake};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

/// Events that wait for the caller.
const EVENTS: usize = 8;
/// A member that leaves waits so long for its last offsets, and for the group.
const LEAVE: Duration = Duration::from_secs(10);

type Client = BaseConsumer<context::Context>;
type Answer<T> = oneshot::Sender<T>;

/// What the caller asks the thread for.
enum Command {
    Start {
        partition: Partition,
        from: Offset,
        generation: u64,
        answer: Answer<Result<(), LogError>>,
    },
    Pause {
        partition: Partition,
        paused: bool,
    },
    Store {
        offsets: Vec<(Partition, StoredOffset)>,
        answer: Answer<Result<(), LogError>>,
    },
    Release {
        partition: Partition,
    },
    /// Answered when the last offsets are stored and the group is left.
    Leave {
        answer: Answer<()>,
    },
}

/// What the thread has for the caller; records and ends are of a partition's `generation`th start.
struct News {
    generation: u64,
    event: Result<Event, LogError>,
}

/// The caller's side. Dropped without `leave`, it leaves too.
pub(super) struct Member {
    cluster: Arc<Cluster>,
    producer: Arc<Producer>,
    group: Group,
    commands: mpsc::Sender<Command>,
    wake: Wake,
    news: tokio::sync::mpsc::Receiver<News>,
    /// Partitions that the caller was told of and that are still its own, with the number of their
    /// last start.
    held: BTreeMap<Partition, u64>,
    starts: u64,
}

/// Joins. Connecting is done by the thread, and an unreachable cluster is waited for there.
pub(super) async fn join(
    cluster: Arc<Cluster>,
    producer: Arc<Producer>,
    clock: Arc<dyn Clock>,
    group: Group,
) -> Result<Member, LogError> {
    let (commands, queue) = mpsc::channel();
    let (events, news) = tokio::sync::mpsc::channel(EVENTS);
    let (ready, joined) = oneshot::channel();
    let with = cluster.clone();
    let run = move || {
        let wake = Wake::here();
        match connect(&with, group, &wake) {
            Ok(client) => {
                if ready.send(Ok(wake.clone())).is_ok() {
                    let poller = Poller::new(with, clock, group, Arc::new(client), wake, events);
                    poller.run(&queue);
                }
            }
            Err(error) => drop(ready.send(Err(error))),
        }
    };
    let thread = thread::Builder::new().name(format!("kafka-{}", group.name()));
    thread.spawn(run).map_err(|error| LogError::Unavailable(format!("no thread for a member: {error}")))?;
    let wake = joined.await.unwrap_or_else(|_| Err(gone()))?;
    Ok(Member { cluster, producer, group, commands, wake, news, held: BTreeMap::new(), starts: 0 })
}

fn connect(cluster: &Cluster, group: Group, wake: &Wake) -> Result<Client, LogError> {
    let settings = &cluster.settings;
    let (session, drain) = (settings.session_ms.to_string(), settings.drain_ms.to_string());
    let beat = (settings.session_ms / 4).max(1).to_string();
    let (statistics, bytes) = (settings.statistics_ms.to_string(), (4 * cluster.read_bytes).to_string());
    let kilobytes = (4 * cluster.read_bytes / 1024).max(1_024).to_string();
    let messages = (4 * cluster.read_records).to_string();
    // Brokers answer a group that nobody waits for when there is something to carry, or at the end of
    // the wait: each answer costs them, and at middling loads there would be one for every record.
    let worth_it = if group.is_urgent() { "1" } else { "65536" };
    let config = cluster.config(&[
        ("group.id", &cluster.group(group)),
        ("fetch.min.bytes", worth_it),
        ("partition.assignment.strategy", "cooperative-sticky"),
        ("isolation.level", "read_committed"),
        ("auto.offset.reset", "error"),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("enable.partition.eof", "true"),
        ("session.timeout.ms", &session),
        ("heartbeat.interval.ms", &beat),
        // Also how long the others wait for one that drains.
        ("max.poll.interval.ms", &drain),
        // A partition that is started waits for the request under way, and for the rest that is
        // made when queues are full.
        ("fetch.wait.max.ms", "100"),
        ("fetch.queue.backoff.ms", "5"),
        // Compressed: what comes out of one fetch is many times as much.
        ("fetch.message.max.bytes", "262144"),
        ("fetch.error.backoff.ms", "100"),
        ("fetch.max.bytes", &bytes),
        ("queued.min.messages", &messages),
        ("queued.max.messages.kbytes", &kilobytes),
        ("statistics.interval.ms", &statistics),
    ]);
    let failed = |error| unavailable("join the group", &error);
    let mut client: Client = config.create_with_context(context::Context::new(group)).map_err(failed)?;
    let wake = wake.clone();
    client.set_nonempty_callback(move || wake.up());
    client.subscribe(&[cluster.topic(group.topic())]).map_err(failed)?;
    Ok(client)
}

fn gone() -> LogError {
    LogError::Failed("the member's thread is gone".to_owned())
}

impl Member {
    fn tell(&self, command: Command) -> Result<(), LogError> {
        self.commands.send(command).map_err(|_| gone())?;
        self.wake.up();
        Ok(())
    }

    /// What of the thread's news the caller is to know: what it asked for last, of what it has.
    fn take(&mut self, News { generation, event }: News) -> Option<Result<Event, LogError>> {
        match &event {
            Ok(Event::Assigned(assigned)) => {
                self.held.extend(assigned.iter().map(|(partition, _)| (*partition, 0)));
            }
            Ok(Event::Lost(lost)) => self.held.retain(|partition, _| !lost.contains(partition)),
            Ok(Event::Records(partition, _) | Event::End(partition)) => {
                let wanted = self.held.get(partition) == Some(&generation);
                return wanted.then_some(event);
            }
            Ok(Event::Revoked(_)) | Err(_) => {}
        }
        Some(event)
    }
}

#[async_trait]
impl Consumer for Member {
    async fn next(&mut self) -> Result<Event, LogError> {
        loop {
            let news = self.news.recv().await.ok_or_else(gone)?;
            self.wake.there_is_room();
            if let Some(event) = self.take(news) {
                return event;
            }
        }
    }

    async fn start(&mut self, partition: Partition, from: Offset) -> Result<(), LogError> {
        if !self.held.contains_key(&partition) {
            return Err(LogError::Fenced);
        }
        // If the brokers can't be asked now, the first fetch finds out.
        let topic = self.group.topic();
        if let Ok(ends) = super::log::ends(&self.cluster, &self.producer, topic, partition).await {
            let Ends { first, end } = ends;
            if from < first || from > end {
                return Err(super::log::outside(&self.cluster, topic, partition, from, ends));
            }
        }
        self.starts += 1;
        let generation = self.starts;
        self.held.insert(partition, generation);
        let (answer, started) = oneshot::channel();
        self.tell(Command::Start { partition, from, generation, answer })?;
        started.await.unwrap_or_else(|_| Err(gone()))
    }

    async fn pause(&mut self, partition: Partition, paused: bool) -> Result<(), LogError> {
        self.tell(Command::Pause { partition, paused })
    }

    async fn store(&mut self, offsets: Vec<(Partition, StoredOffset)>) -> Result<(), LogError> {
        if offsets.iter().any(|(partition, _)| !self.held.contains_key(partition)) {
            return Err(LogError::Fenced);
        }
        let (answer, taken) = oneshot::channel();
        self.tell(Command::Store { offsets, answer })?;
        taken.await.unwrap_or_else(|_| Err(gone()))
    }

    async fn release(&mut self, partition: Partition) -> Result<(), LogError> {
        // One that was lost meanwhile is another's already.
        if self.held.remove(&partition).is_some() {
            self.tell(Command::Release { partition })?;
        }
        Ok(())
    }

    async fn leave(mut self: Box<Self>) -> Result<(), LogError> {
        let (answer, left) = oneshot::channel();
        self.tell(Command::Leave { answer })?;
        self.news.close();
        if tokio::time::timeout(LEAVE, left).await.is_err() {
            // Its session ends by itself; what it could not store is done again by the next one.
            tracing::warn!(group = self.group.name(), "left without an answer of the group");
        }
        Ok(())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // The thread sees that the commands have ended.
        let (commands, _) = mpsc::channel();
        self.commands = commands;
        self.wake.up();
    }
}

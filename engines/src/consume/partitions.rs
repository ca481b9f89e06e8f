//! The partitions that this member has: their tasks, their queues, what waits for room.

use super::{
    Retry, Role, Stop,
    feed::{Delivery, Feed, Notice, Shared, queue_of},
    name_of,
    retry::pauses,
};
use crate::log::{LogError, LogRecord, StoredOffset};
use parlor_schemas::topics::{Group, Offset, Partition};
use std::{collections::HashMap, sync::Arc};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Notices from feeds that wait; each feed has at most a few under way.
const NOTICES: usize = 1_024;

/// A partition's task has ended.
pub(super) struct Ended {
    pub(super) partition: Partition,
    pub(super) outcome: Result<(), Stop>,
    /// To be stored before the partition is released.
    pub(super) done: Option<StoredOffset>,
    /// The log asked for it and waits for `release`.
    pub(super) revoked: bool,
}

struct Open {
    queue: mpsc::Sender<Delivery>,
    closing: CancellationToken,
    shared: Arc<Shared>,
    /// Read, but the queue was full: the partition is paused until it has room.
    held: Option<Delivery>,
    /// Of the start that the log has carried out last: what is read belongs to it, whatever the
    /// feed has asked for meanwhile.
    generation: u64,
    revoked: bool,
    lost: bool,
    last_offset: Offset,
}

/// The tasks of the partitions.
pub(super) type Tasks = JoinSet<(Partition, Result<(), Stop>)>;

pub(super) struct Partitions {
    group: Group,
    role: Arc<dyn Role>,
    retry: Retry,
    open: HashMap<Partition, Open>,
    notices: mpsc::Sender<Notice>,
    pauses: Box<dyn Iterator<Item = std::time::Duration> + Send>,
}

impl Partitions {
    /// With the notices that its feeds will send.
    pub(super) fn new(group: Group, role: Arc<dyn Role>, retry: Retry) -> (Self, mpsc::Receiver<Notice>) {
        let (sender, notices) = mpsc::channel(NOTICES);
        let pauses = Box::new(pauses());
        (Self { group, role, retry, open: HashMap::new(), notices: sender, pauses }, notices)
    }

    /// Begins to serve a partition.
    pub(super) fn open(&mut self, tasks: &mut Tasks, partition: Partition, stored: Option<StoredOffset>) {
        let (queue, receiver) = mpsc::channel(queue_of(self.group));
        let retry = self.retry.child(name_of(self.group, partition));
        retry.health().set(retry.name(), true, "running");
        let shared = Arc::new(Shared::default());
        let feed = Feed {
            group: self.group,
            partition,
            stored,
            retry: retry.clone(),
            queue: receiver,
            notices: self.notices.clone(),
            shared: shared.clone(),
            not_before: tokio::time::Instant::now(),
        };
        let role = self.role.clone();
        tasks.spawn(async move { (partition, role.serve(feed).await) });
        let closing = retry.closing().clone();
        let open = Open {
            queue,
            closing,
            shared,
            held: None,
            generation: 0,
            revoked: false,
            lost: false,
            last_offset: 0,
        };
        self.open.insert(partition, open);
        tracing::debug!(group = self.group.name(), partition, "serves the partition");
    }

    /// Tells the watchdog that the loop goes round.
    pub(super) fn beat(&self) {
        self.retry.health().beat(self.group.name());
    }

    /// Asks a partition's task to end; `revoked`: it drains and is then released.
    pub(super) fn close(&mut self, partition: Partition, revoked: bool) {
        if let Some(open) = self.open.get_mut(&partition) {
            open.revoked |= revoked;
            open.lost |= !revoked;
            open.closing.cancel();
        }
    }

    pub(super) fn close_all(&mut self) {
        self.open.values().for_each(|open| open.closing.cancel());
    }

    /// What a task's end means.
    pub(super) fn ended(
        &mut self,
        joined: Result<(Partition, Result<(), Stop>), tokio::task::JoinError>,
    ) -> Ended {
        let (partition, outcome) = match joined {
            Ok(ended) => ended,
            Err(error) => {
                // A panic is a defect: it ends the process, non-zero.
                let outcome = Err(Stop::Alarm(format!("{}: a task broke: {error}", self.group.name())));
                return Ended { partition: Partition::MAX, outcome, done: None, revoked: false };
            }
        };
        self.retry.health().clear(&name_of(self.group, partition));
        // Another member's from here on: what we knew of its lag would never change again.
        self.gauge(partition).set(0.0);
        let open = self.open.remove(&partition);
        let done = open.as_ref().filter(|open| !open.lost).and_then(|open| open.shared.done.lock().take());
        let revoked = open.is_some_and(|open| open.revoked);
        Ended { partition, outcome, done, revoked }
    }

    /// Queues records; `false`: the queue is full, they are held and the partition must pause.
    pub(super) fn offer(&mut self, partition: Partition, records: Vec<LogRecord>) -> bool {
        let Some(open) = self.open.get_mut(&partition) else {
            return true;
        };
        if let Some(last) = records.last() {
            open.last_offset = last.offset;
        }
        let generation = open.generation;
        if let Some(held) = &mut open.held {
            // Read before the pause took hold: it stays behind what is held already.
            held.records.extend(records);
            return false;
        }
        match open.queue.try_send(Delivery { generation, records }) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => true,
            Err(mpsc::error::TrySendError::Full(delivery)) => {
                open.held = Some(delivery);
                // Room may have come between: look again at once.
                drop(self.notices.try_send(Notice::Room(partition)));
                false
            }
        }
    }

    /// The log reads from a new place: what was held is of the old one.
    pub(super) fn started(&mut self, partition: Partition, generation: u64) {
        if let Some(open) = self.open.get_mut(&partition) {
            open.generation = generation;
            open.held = None;
        }
    }

    /// Queues what was held; `true`: the partition may be read on.
    pub(super) fn hand_over(&mut self, partition: Partition) -> bool {
        let Some(open) = self.open.get_mut(&partition) else {
            return false;
        };
        match open.held.take() {
            None => false,
            Some(delivery) => match open.queue.try_send(delivery) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => true,
                Err(mpsc::error::TrySendError::Full(delivery)) => {
                    open.held = Some(delivery);
                    false
                }
            },
        }
    }

    /// A log that delivers on although its partitions are paused is not asked for more.
    pub(super) fn is_holding_too_much(&self) -> bool {
        self.open.values().any(|open| open.held.as_ref().is_some_and(|held| held.records.len() > 50_000))
    }

    /// Offsets that became done since the last call.
    pub(super) fn take_done(&mut self) -> Vec<(Partition, StoredOffset)> {
        let mut done = Vec::new();
        for (partition, open) in self.open.iter().filter(|(_, open)| !open.lost) {
            if let Some(offset) = open.shared.done.lock().take() {
                let lag = (open.last_offset + 1).saturating_sub(offset.offset);
                self.gauge(*partition).set(lag as f64);
                done.push((*partition, offset));
            }
        }
        done
    }

    /// These could not be stored: they come again, unless more is done meanwhile.
    pub(super) fn put_back(&mut self, done: Vec<(Partition, StoredOffset)>) {
        for (partition, offset) in done {
            if let Some(open) = self.open.get(&partition) {
                open.shared.done.lock().get_or_insert(offset);
            }
        }
    }

    /// The end of the log was read: what is not done is what is queued.
    pub(super) fn at_end(&mut self, partition: Partition) {
        if self.open.get(&partition).is_some_and(|open| open.shared.done.lock().is_none()) {
            self.gauge(partition).set(0.0);
        }
    }

    fn gauge(&self, partition: Partition) -> metrics::Gauge {
        metrics::gauge!("parlor_consumer_lag_records", "group" => self.group.name(), "partition" => partition.to_string())
    }

    /// After an error of the log itself: waits if that may mend it.
    pub(super) async fn wait_after(&mut self, error: &LogError) -> Result<(), Stop> {
        if !matches!(error, LogError::Unavailable(_)) {
            return Err(Stop::Alarm(format!("{}: {error}", self.group.name())));
        }
        tracing::warn!(group = self.group.name(), %error, "waits for the log");
        let pause = self.pauses.next().unwrap_or(std::time::Duration::from_secs(5));
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Health, consume::Role};
    use async_trait::async_trait;
    use bytes::Bytes;
    use parlor_schemas::Timestamp;
    use tokio_util::sync::CancellationToken;

    /// Hands its feed out.
    struct Lend(mpsc::UnboundedSender<Feed>);

    #[async_trait]
    impl Role for Lend {
        async fn serve(&self, feed: Feed) -> Result<(), Stop> {
            drop(self.0.send(feed));
            std::future::pending().await
        }
    }

    fn record(offset: Offset) -> LogRecord {
        let (key, at) = (Bytes::new(), Timestamp(0));
        LogRecord { partition: 0, offset, at, key, value: None, headers: vec![] }
    }

    /// What the log had read before it came to the new start is dropped, however late it comes.
    #[tokio::test]
    async fn records_of_before_a_new_start_are_not_taken_for_new_ones() {
        let (lend, mut feeds) = mpsc::unbounded_channel();
        let retry = Retry::new("test", Health::default(), CancellationToken::new());
        let (mut partitions, mut notices) = Partitions::new(Group::Fanout, Arc::new(Lend(lend)), retry);
        let mut tasks = Tasks::new();
        partitions.open(&mut tasks, 0, None);
        let mut feed = feeds.recv().await.unwrap();
        let mut start = async |feed: &mut Feed, from| {
            feed.start(from).await.unwrap();
            loop {
                if let Notice::Start { partition, from: asked, generation } = notices.recv().await.unwrap() {
                    assert_eq!(asked, from);
                    return (partition, generation);
                }
            }
        };
        let (partition, first) = start(&mut feed, 0).await;
        partitions.started(partition, first);
        assert!(partitions.offer(0, vec![record(100)]));
        assert_eq!(feed.next().await.unwrap()[0].offset, 100);
        let (partition, second) = start(&mut feed, 50).await;
        // The loop meets records of the old place before it carries the new start out.
        assert!(partitions.offer(0, vec![record(101)]));
        partitions.started(partition, second);
        assert!(partitions.offer(0, vec![record(50)]));
        assert_eq!(feed.next().await.unwrap()[0].offset, 50);
    }
}

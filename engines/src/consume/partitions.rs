//! The partitions that this member has: their tasks, their queues, what waits for room.

use super::{
    Retry, Role, Stop,
    feed::{Delivery, Feed, Notice, Shared, queue_of},
    name_of,
    retry::pauses,
};
use crate::log::{LogError, LogRecord, StoredOffset};
use parking_lot::Mutex;
use parlor_schemas::topics::{Group, Offset, Partition};
use std::{collections::HashMap, sync::Arc};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Notices from feeds that wait; each feed has at most a few under way.
const NOTICES: usize = 1_024;
/// The low bits of a generation count a task's starts, the high ones are the task's number.
const GENERATION_BITS: u32 = 32;

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
    /// Given again before the task that lost them has ended: two must never serve the same one.
    parked: HashMap<Partition, Option<StoredOffset>>,
    /// Tasks begun so far.
    begun: u64,
    notices: mpsc::Sender<Notice>,
    pauses: Box<dyn Iterator<Item = std::time::Duration> + Send>,
}

impl Partitions {
    /// With the notices that its feeds will send.
    pub(super) fn new(group: Group, role: Arc<dyn Role>, retry: Retry) -> (Self, mpsc::Receiver<Notice>) {
        let (sender, notices) = mpsc::channel(NOTICES);
        let pauses = Box::new(pauses());
        let (open, parked) = (HashMap::new(), HashMap::new());
        (Self { group, role, retry, open, parked, begun: 0, notices: sender, pauses }, notices)
    }

    /// Begins to serve a partition, as soon as nobody does any more.
    pub(super) fn open(&mut self, tasks: &mut Tasks, partition: Partition, stored: Option<StoredOffset>) {
        if self.open.contains_key(&partition) {
            self.parked.insert(partition, stored);
            return;
        }
        self.begun += 1;
        let generation = self.begun << GENERATION_BITS;
        let (queue, receiver) = mpsc::channel(queue_of(self.group));
        let retry = self.retry.child(name_of(self.group, partition));
        retry.health().set(retry.name(), true, "running");
        let shared = Arc::new(Shared { generation: generation.into(), done: Mutex::default() });
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
            generation,
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

    /// Asks a partition's task to end; `revoked`: it drains and is then released. `true`: it has no task
    /// yet, and may be released at once.
    pub(super) fn close(&mut self, partition: Partition, revoked: bool) -> bool {
        if self.parked.remove(&partition).is_some() {
            return revoked;
        }
        if let Some(open) = self.open.get_mut(&partition) {
            open.revoked |= revoked;
            open.lost |= !revoked;
            open.closing.cancel();
        }
        false
    }

    pub(super) fn close_all(&mut self) {
        self.parked.clear();
        self.open.values().for_each(|open| open.closing.cancel());
    }

    /// What a task's end means. A partition that was given again meanwhile is served from now on.
    pub(super) fn ended(
        &mut self,
        tasks: &mut Tasks,
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
        let revoked = open.is_some_and(|open| open.revoked && !open.lost);
        if let Some(stored) = self.parked.remove(&partition) {
            self.open(tasks, partition, stored);
        }
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

    /// Whether a start was asked for by the task that serves the partition now.
    pub(super) fn is_current(&self, partition: Partition, generation: u64) -> bool {
        let task = |generation: u64| generation >> GENERATION_BITS;
        self.open.get(&partition).is_some_and(|open| task(open.generation) == task(generation))
    }

    /// The log reads from a new place: what was held is of the old one.
    pub(super) fn started(&mut self, partition: Partition, generation: u64) {
        if let Some(open) = self.open.get_mut(&partition) {
            open.generation = generation;
            open.held = None;
        }
    }

    /// Partitions with something that waits for room.
    pub(super) fn held(&self) -> Vec<Partition> {
        self.open.iter().filter(|(_, open)| open.held.is_some()).map(|(partition, _)| *partition).collect()
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

    /// Ends when it is told to, long after its partition was lost.
    struct Lingering(mpsc::UnboundedSender<Feed>, Arc<tokio::sync::Semaphore>);

    #[async_trait]
    impl Role for Lingering {
        async fn serve(&self, feed: Feed) -> Result<(), Stop> {
            drop(self.0.send(feed));
            self.1.acquire().await.expect("open").forget();
            Err(Stop::Closing)
        }
    }

    /// Lost and given again while the old task still runs: the new one waits for its end, has the new
    /// offset, is delivered to, and what the old one had asked for is not carried out any more.
    #[tokio::test]
    async fn a_partition_that_comes_back_early_is_served_when_the_old_task_has_ended() {
        let (lend, mut feeds) = mpsc::unbounded_channel();
        let may_end = Arc::new(tokio::sync::Semaphore::new(0));
        let role = Arc::new(Lingering(lend, may_end.clone()));
        let retry = Retry::new("test", Health::default(), CancellationToken::new());
        let (mut partitions, mut notices) = Partitions::new(Group::Fanout, role, retry);
        let mut tasks = Tasks::new();
        partitions.open(&mut tasks, 0, None);
        let mut old = feeds.recv().await.unwrap();
        old.start(10).await.unwrap();
        assert!(!partitions.close(0, false));
        let stored = StoredOffset { offset: 70, metadata: String::new() };
        partitions.open(&mut tasks, 0, Some(stored.clone()));
        tokio::task::yield_now().await;
        assert!(feeds.try_recv().is_err(), "two serve one partition");
        may_end.add_permits(1);
        let joined = tasks.join_next().await.unwrap();
        let ended = partitions.ended(&mut tasks, joined);
        assert!(!ended.revoked);
        let mut feed = feeds.recv().await.unwrap();
        assert_eq!(feed.stored, Some(stored));
        feed.start(70).await.unwrap();
        let mut started = Vec::new();
        while let Ok(notice) = notices.try_recv() {
            if let Notice::Start { partition, from, generation } = notice
                && partitions.is_current(partition, generation)
            {
                partitions.started(partition, generation);
                started.push(from);
            }
        }
        assert_eq!(started, [70]);
        assert!(partitions.offer(0, vec![record(70)]));
        assert_eq!(feed.next().await.unwrap()[0].offset, 70);
        // One that has no task yet is released at once, and nothing comes of it.
        partitions.close(0, false);
        partitions.open(&mut tasks, 0, None);
        assert!(partitions.close(0, true));
        may_end.add_permits(1);
        let joined = tasks.join_next().await.unwrap();
        partitions.ended(&mut tasks, joined);
        assert!(tasks.is_empty());
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

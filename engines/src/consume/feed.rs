//! A partition's side of the loop: batches in, done offsets out.

use super::{Retry, Stop};
use crate::log::{LogRecord, StoredOffset};
use parking_lot::Mutex;
use parlor_schemas::topics::{Group, Offset, Partition};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};

/// Batches that wait in a partition's queue.
const QUEUE: usize = 4;
/// Those of a group that nobody waits for: while it is full the log is not asked for more.
const QUEUE_PATIENT: usize = 1;
/// Such a group takes records this often at most, so that at middling loads each write has many ...
const LINGER: Duration = Duration::from_millis(25);
/// ... unless its last batch was as large as this: then there are more to come.
const BACKLOG: usize = 200;
/// Records that one `next` gives at most; more stay queued.
const BATCH_MAX: usize = 2_000;

/// A run of records read since the `generation`th start.
pub(super) struct Delivery {
    pub(super) generation: u64,
    pub(super) records: Vec<LogRecord>,
}

/// What a feed tells the loop.
pub(super) enum Notice {
    /// Begin to read here; what is read from then on is of this generation.
    Start { partition: Partition, from: Offset, generation: u64 },
    /// The queue has room again.
    Room(Partition),
}

/// What the loop and the feed share.
pub(super) struct Shared {
    /// Of the last start. Those of one task of a partition are never those of the next one.
    pub(super) generation: AtomicU64,
    pub(super) done: Mutex<Option<StoredOffset>>,
}

/// The records of one partition for the task that serves it.
pub struct Feed {
    /// The group.
    pub group: Group,
    /// The partition.
    pub partition: Partition,
    /// What the group stored for it.
    pub stored: Option<StoredOffset>,
    /// Retries engine calls until they succeed or the feed closes.
    pub retry: Retry,
    pub(super) queue: mpsc::Receiver<Delivery>,
    pub(super) notices: mpsc::Sender<Notice>,
    pub(super) shared: Arc<Shared>,
    /// A patient group's next batch is not taken before.
    pub(super) not_before: Instant,
}

/// How many batches may wait for a task of the group.
pub(super) fn queue_of(group: Group) -> usize {
    if group.is_urgent() { QUEUE } else { QUEUE_PATIENT }
}

impl Feed {
    /// Starts (again) at an offset; what was queued from before is dropped.
    pub async fn start(&mut self, from: Offset) -> Result<(), Stop> {
        let generation = self.shared.generation.fetch_add(1, Ordering::SeqCst) + 1;
        while self.queue.try_recv().is_ok() {}
        let start = Notice::Start { partition: self.partition, from, generation };
        self.notices.send(start).await.map_err(|_| Stop::Closing)?;
        self.tell_room();
        Ok(())
    }

    /// The next records: waits for some, then takes all that queued. [`Stop::Closing`] when the
    /// partition is being given up. Cancel-safe.
    pub async fn next(&mut self) -> Result<Vec<LogRecord>, Stop> {
        loop {
            let delivery = async {
                tokio::time::sleep_until(self.not_before).await;
                self.queue.recv().await
            };
            let delivery = tokio::select! {
                biased;
                () = self.retry.closing().cancelled() => return Err(Stop::Closing),
                delivery = delivery => delivery.ok_or(Stop::Closing)?,
            };
            if self.is_stale(&delivery) {
                self.tell_room();
                continue;
            }
            let mut records = delivery.records;
            while records.len() < BATCH_MAX {
                match self.queue.try_recv() {
                    Ok(more) if self.is_stale(&more) => {}
                    Ok(more) => records.extend(more.records),
                    Err(_) => break,
                }
            }
            if !self.group.is_urgent() && records.len() < BACKLOG {
                self.not_before = Instant::now() + LINGER;
            }
            self.tell_room();
            return Ok(records);
        }
    }

    /// Whether records wait that [`Feed::next`] would give at once.
    pub fn has_more(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Reports what is done; may be used beside a waiting [`Feed::next`].
    pub fn progress(&self) -> Progress {
        Progress { shared: self.shared.clone() }
    }

    /// See [`Progress::done`].
    pub fn done(&self, next: Offset, metadata: &str) {
        self.progress().done(next, metadata);
    }

    fn is_stale(&self, delivery: &Delivery) -> bool {
        delivery.generation != self.shared.generation.load(Ordering::SeqCst)
    }

    fn tell_room(&self) {
        // A full channel is no harm: the loop looks at every held partition from time to time.
        drop(self.notices.try_send(Notice::Room(self.partition)));
    }
}

/// Where a partition's task reports what is done.
#[derive(Clone)]
pub struct Progress {
    shared: Arc<Shared>,
}

impl Progress {
    /// Everything before `next` has had its effect; `metadata` is kept with the offset.
    pub fn done(&self, next: Offset, metadata: &str) {
        *self.shared.done.lock() = Some(StoredOffset { offset: next, metadata: metadata.to_owned() });
    }
}

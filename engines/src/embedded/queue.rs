//! The bounded queue to the committer.

use super::{failure::Failure, pending::Pending};
use crate::log::{Entry, LogError, StoredOffset};
use parking_lot::{Condvar, Mutex};
use parlor_schemas::topics::{Group, Offset, Partition};
use std::{collections::HashMap, mem, time::Duration};
use tokio::sync::{Semaphore, oneshot};

/// What an entry or change weighs in the queue beside its own bytes.
pub(super) const OVERHEAD: usize = 128;

/// Something to be done in the next commit.
pub(super) enum Op {
    /// Entries of anybody.
    Append { entries: Vec<Entry>, answer: oneshot::Sender<Result<(), LogError>> },
    /// Entries of a partition's owner, if it still is.
    Commit { partition: Partition, epoch: u64, entries: Vec<Entry>, answer: Commits },
    /// A new owner; the answer is its epoch.
    Claim { partition: Partition, answer: oneshot::Sender<Result<u64, LogError>> },
    /// Rows that change.
    Change(Change),
}

/// Answers the offsets of a commit.
pub(super) type Commits = oneshot::Sender<Result<Vec<Offset>, LogError>>;
/// Decides a change of rows with the commit's earlier changes in view, and says whom to tell.
pub(super) type Change = Box<dyn FnOnce(&mut Pending) -> Answer + Send>;
/// Tells somebody what became of the commit.
pub(super) type Answer = Box<dyn FnOnce(Result<(), Failure>) + Send>;
/// Groups' offsets to be stored.
pub(super) type Offsets = HashMap<(Group, Partition), StoredOffset>;

/// What one commit takes from the queue.
pub(super) struct Taken {
    pub(super) ops: Vec<Op>,
    pub(super) offsets: Offsets,
    /// To be given back after the commit.
    pub(super) weight: usize,
}

pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    room: Semaphore,
    capacity: usize,
    offsets_every: Duration,
}

#[derive(Default)]
struct State {
    ops: Vec<Op>,
    weight: usize,
    offsets: Offsets,
    closed: bool,
    failed: Option<Failure>,
}

impl Queue {
    pub(super) fn new(capacity: usize, offsets_every: Duration) -> Self {
        let (state, filled) = (Mutex::default(), Condvar::new());
        Self { state, filled, room: Semaphore::new(capacity), capacity, offsets_every }
    }

    /// Queues an operation; waits only for room.
    pub(super) async fn push(&self, weight: usize, op: Op) -> Result<(), Failure> {
        // One that is larger than the whole queue goes in when the queue is empty.
        let weight = weight.min(self.capacity);
        match self.room.acquire_many(weight as u32).await {
            Ok(permit) => permit.forget(),
            Err(_) => return Err(self.why_closed()),
        }
        let mut state = self.state.lock();
        if state.closed {
            return Err(state.why_closed());
        }
        state.ops.push(op);
        state.weight += weight;
        self.filled.notify_one();
        Ok(())
    }

    /// Queues offsets for the next commit, or for one of their own a little later.
    pub(super) fn push_offsets(
        &self,
        group: Group,
        offsets: Vec<(Partition, StoredOffset)>,
    ) -> Result<(), Failure> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(state.why_closed());
        }
        if state.offsets.is_empty() {
            self.filled.notify_one();
        }
        state.offsets.extend(offsets.into_iter().map(|(partition, offset)| ((group, partition), offset)));
        Ok(())
    }

    /// Everything that queued; waits for something. `None`: closed and empty.
    pub(super) fn take(&self) -> Option<Taken> {
        let mut state = self.state.lock();
        let mut is_late = false;
        loop {
            let offsets_due = !state.offsets.is_empty() && (is_late || state.closed);
            if !state.ops.is_empty() || offsets_due {
                return Some(Taken {
                    ops: mem::take(&mut state.ops),
                    offsets: mem::take(&mut state.offsets),
                    weight: mem::take(&mut state.weight),
                });
            }
            if state.closed {
                return None;
            }
            if state.offsets.is_empty() {
                self.filled.wait(&mut state);
            } else {
                is_late = self.filled.wait_for(&mut state, self.offsets_every).timed_out();
            }
        }
    }

    /// Gives room back.
    pub(super) fn done(&self, weight: usize) {
        self.room.add_permits(weight);
    }

    /// Takes nothing more; what is queued is still done.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.room.close();
        self.filled.notify_one();
    }

    /// Takes nothing more for good: `failure` is the answer to everything. What was queued is
    /// returned, to be told so.
    pub(super) fn fail(&self, failure: Failure) -> Vec<Op> {
        let mut state = self.state.lock();
        state.closed = true;
        state.failed.get_or_insert(failure);
        state.offsets.clear();
        self.room.close();
        mem::take(&mut state.ops)
    }

    /// Why nothing is taken.
    pub(super) fn why_closed(&self) -> Failure {
        self.state.lock().why_closed()
    }

    /// The failure, if writing has failed.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.state.lock().failed.clone().map_or(Ok(()), Err)
    }
}

impl State {
    fn why_closed(&self) -> Failure {
        self.failed.clone().unwrap_or_else(|| Failure::new("the engines are closed"))
    }
}

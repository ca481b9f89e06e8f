//! Offsets on their way to the group: one commit at a time, the newest of each partition.
//!
//! A commit is waited for on a thread of its own: the client tells nobody what became of one that
//! is not waited for, and the thread that polls must not wait.

use super::{Client, context::Heard, poller::Wake};
use crate::{
    kafka::{cluster::Cluster, errors::is_not_a_member, groups},
    log::StoredOffset,
};
use parlor_schemas::topics::{Group, Partition};
use rdkafka::{
    TopicPartitionList,
    consumer::{CommitMode, Consumer as _},
    error::RDKafkaErrorCode,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

/// Pause after a commit that failed: it is tried again.
const AGAIN: Duration = Duration::from_millis(100);

pub(super) struct Storing {
    cluster: Arc<Cluster>,
    group: Group,
    /// To the thread that waits.
    commits: mpsc::Sender<TopicPartitionList>,
    waiting: BTreeMap<Partition, StoredOffset>,
    under_way: BTreeMap<Partition, StoredOffset>,
    /// A commit is waited for, though its partitions may be forgotten.
    is_busy: bool,
}

impl Storing {
    pub(super) fn new(cluster: Arc<Cluster>, group: Group, client: Arc<Client>, wake: Wake) -> Self {
        let (commits, queue) = mpsc::channel::<TopicPartitionList>();
        let commit = move || {
            while let Ok(offsets) = queue.recv() {
                let ended = client.commit(&offsets, CommitMode::Sync);
                if ended.is_err() {
                    thread::sleep(AGAIN);
                }
                client.context().hear(Heard::Stored(ended.map_err(|error| error.rdkafka_error_code())));
                wake.up();
            }
        };
        let thread = thread::Builder::new().name(format!("kafka-{}-offsets", group.name()));
        if let Err(error) = thread.spawn(commit) {
            tracing::error!(group = group.name(), %error, "no thread to store offsets");
        }
        Self { cluster, group, commits, waiting: BTreeMap::new(), under_way: BTreeMap::new(), is_busy: false }
    }

    pub(super) fn add(&mut self, offsets: Vec<(Partition, StoredOffset)>) {
        self.waiting.extend(offsets);
    }

    /// Nothing more of this partition will be stored.
    pub(super) fn forget(&mut self, partition: Partition) {
        self.waiting.remove(&partition);
        self.under_way.remove(&partition);
    }

    /// Whether everything of this partition has been stored or refused.
    pub(super) fn is_done_with(&self, partition: Partition) -> bool {
        !self.waiting.contains_key(&partition) && !self.under_way.contains_key(&partition)
    }

    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty() && !self.is_busy
    }

    /// Begins a commit if none is under way.
    pub(super) fn go_on(&mut self) {
        if self.waiting.is_empty() || self.is_busy {
            return;
        }
        let offsets = groups::offsets(&self.cluster, self.group, &self.waiting);
        if offsets.is_ok_and(|offsets| self.commits.send(offsets).is_ok()) {
            self.under_way = std::mem::take(&mut self.waiting);
            self.is_busy = true;
        }
    }

    /// The commit has ended: what is unclear is stored again, unless there is something newer; what
    /// is another's is not.
    pub(super) fn ended(&mut self, outcome: Result<(), Option<RDKafkaErrorCode>>) {
        self.is_busy = false;
        let under_way = std::mem::take(&mut self.under_way);
        if let Err(code) = outcome {
            tracing::debug!(group = self.group.name(), ?code, "offsets were not stored");
            if code.is_none_or(|code| !is_not_a_member(code)) {
                for (partition, offset) in under_way {
                    self.waiting.entry(partition).or_insert(offset);
                }
            }
        }
    }
}

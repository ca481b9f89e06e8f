//! What the client tells a member's thread while it is polled.

use crate::kafka::errors::{Happened, client_context};
use parking_lot::Mutex;
use parlor_schemas::topics::{Group, Partition};
use rdkafka::{
    Statistics, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::RDKafkaErrorCode,
    types::RDKafkaRespErr,
};
use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

/// What was heard.
pub(super) enum Heard {
    /// The group gives these; to be answered by an assignment.
    Given(Vec<Partition>),
    /// The group wants these back; to be answered when they are drained.
    Wanted(Vec<Partition>),
    /// These are gone already; to be answered at once.
    Lost(Vec<Partition>),
    /// What became of a commit of offsets.
    Stored(Result<(), Option<RDKafkaErrorCode>>),
    /// Where the log ends, by partition.
    Ends(HashMap<Partition, i64>),
}

/// Notes down what it is told: the answers are given by the thread, after the poll.
pub(super) struct Context {
    pub(super) name: &'static str,
    pub(super) happened: Happened,
    heard: Mutex<Vec<Heard>>,
    /// The member leaves: everything is given back without asking.
    closing: AtomicBool,
}

client_context!(Context);

impl Context {
    pub(super) fn new(group: Group) -> Self {
        let (heard, closing) = (Mutex::default(), AtomicBool::new(false));
        Self { name: group.name(), happened: Happened::default(), heard, closing }
    }

    pub(super) fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock())
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    pub(super) fn hear(&self, heard: Heard) {
        self.happened.event();
        self.heard.lock().push(heard);
    }

    fn statistics(&self, statistics: &Statistics) {
        crate::kafka::metrics::brokers(self.name, statistics);
        let partitions = statistics.topics.values().flat_map(|topic| topic.partitions.values());
        let ends = partitions.filter(|partition| partition.partition >= 0 && partition.ls_offset >= 0);
        let ends = ends.map(|partition| (partition.partition as Partition, partition.ls_offset));
        self.hear(Heard::Ends(ends.collect()));
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<Partition> {
    list.elements().iter().map(|place| place.partition() as Partition).collect()
}

impl ConsumerContext for Context {
    fn rebalance(&self, client: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        if self.closing.load(Ordering::SeqCst) {
            // A client that is being closed takes any answer for "all is given back".
            if let Err(error) = client.unassign() {
                tracing::debug!(group = self.name, %error, "gives everything back");
            }
            return;
        }
        self.hear(match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Heard::Given(partitions(list)),
            _ if client.assignment_lost() => Heard::Lost(partitions(list)),
            _ => Heard::Wanted(partitions(list)),
        });
    }
}

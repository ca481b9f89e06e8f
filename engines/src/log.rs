//! # The log port
//!
//! ```text
//!  append ──▶ topic/partition ──▶ consumer (a group shares the partitions, offsets are stored)
//!  claim ──▶ owner.commit ──▶     reader   (one partition, from an offset, no group)
//! ```
//!
//! What every adapter promises, and the conformance suite checks:
//!
//! - **Order.** Entries of one partition keep the order in which `append` or `commit` took them.
//!   Offsets rise; there may be holes (Kafka's commit markers take offsets).
//! - **Durable before readable.** `append` is done only when its entries would survive the loss of
//!   power (embedded: fsync; Kafka: `acks=all`, min ISR 2), and no reader sees one earlier. An
//!   `Err` means *unknown*: it may or may not be there later.
//! - **Ownership.** `claim(partition)` fences every earlier owner of it: their commits fail with
//!   [`LogError::Fenced`] and leave nothing. `commit` is all or nothing, over any topics.
//! - **Groups.** Each partition of the group's topic is with one member at most. A partition is
//!   taken away by [`Event::Revoked`] and given to another only after `release` (or when the
//!   member is gone). Stored offsets come back on the next assignment.
//! - **Compacted topics** keep at least the newest entry of each key; a tombstone (`value: None`)
//!   ends a key. A reader from offset 0 sees all live keys, and then every change.
//! - **Never a jump.** An offset outside the log is [`LogError::OutOfRange`].

use async_trait::async_trait;
use bytes::Bytes;
use parlor_schemas::{
    Command, Timestamp, Topic, avro,
    topics::{self, Group, Offset, Partition},
};
use std::{borrow::Cow, future::Future, pin::Pin};

/// A named header of an entry.
pub type Header = (Cow<'static, str>, Bytes);

/// What is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where to.
    pub topic: Topic,
    /// Always given explicitly (`parlor_schemas::topics::of_conversation`).
    pub partition: Partition,
    /// The compaction key.
    pub key: Bytes,
    /// `None`: a tombstone.
    pub value: Option<Bytes>,
    /// Extra data for those who do not decode the value.
    pub headers: Vec<Header>,
}

impl Entry {
    /// A command for ingest, on the partition of its conversation.
    pub fn command(command: &Command, partitions: u32) -> Self {
        Self {
            topic: Topic::Commands,
            partition: topics::of_conversation(command.conversation_id, partitions),
            key: Bytes::from(command.conversation_id.to_string()),
            value: Some(avro::encode_command(command)),
            headers: Vec::new(),
        }
    }
}

/// What is read.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct LogRecord {
    pub partition: Partition,
    pub offset: Offset,
    /// The log's append time; not monotonic (a broker's clock may step back).
    pub at: Timestamp,
    pub key: Bytes,
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
}

impl LogRecord {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }
}

/// Resolves when the entries are durable; `Err` means unknown.
pub type Durable = Pin<Box<dyn Future<Output = Result<(), LogError>> + Send>>;

/// What went wrong, by what the caller does about it.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum LogError {
    /// Retry later; what was being written is unknown.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// Stop: another owner has the partition.
    #[error("another owner has claimed the partition")]
    Fenced,
    /// Alarm and refuse to start: the log lost what was asked for, or is another log.
    #[error("{topic} partition {partition}: offset {asked} is outside {first}..={end}")]
    #[allow(missing_docs)]
    OutOfRange { topic: String, partition: Partition, asked: Offset, first: Offset, end: Offset },
    /// Stop: it will not get better without a person (a failed fsync, a full disk, a wrong
    /// partition count).
    #[error("the log has failed: {0}")]
    Failed(String),
}

/// First and next offset of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Ends {
    pub first: Offset,
    pub end: Offset,
}

/// Where a group will go on, with a word of the group's own (at most 256 bytes).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct StoredOffset {
    pub offset: Offset,
    pub metadata: String,
}

/// The log.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// Partitions of a topic. The topics keyed by conversation have the same number.
    fn partitions(&self, topic: Topic) -> u32;

    /// Takes the entries, in order, into the bounded queue; waits only for room in it. The result
    /// resolves when they are durable. Calls from one task are taken in the order of the calls.
    async fn append(&self, entries: Vec<Entry>) -> Result<Durable, LogError>;

    /// Makes the caller the owner of ingest's outputs for this partition and fences earlier ones.
    async fn claim(&self, partition: Partition) -> Result<Box<dyn Owner>, LogError>;

    /// Joins a group on its topic.
    async fn join(&self, group: Group) -> Result<Box<dyn Consumer>, LogError>;

    /// Reads one partition from an offset on, without a group.
    async fn read(
        &self,
        topic: Topic,
        partition: Partition,
        from: Offset,
    ) -> Result<Box<dyn Reader>, LogError>;

    /// First and next offset (of what is readable).
    async fn ends(&self, topic: Topic, partition: Partition) -> Result<Ends, LogError>;

    /// A group's stored offsets, by partition (for lag, and for operators).
    async fn stored(&self, group: Group) -> Result<Vec<Option<StoredOffset>>, LogError>;

    /// Sets a group's stored offset. Refused ([`LogError::Failed`]) while the group has members.
    async fn rewind(&self, group: Group, partition: Partition, to: StoredOffset) -> Result<(), LogError>;
}

/// The single writer of a partition's ordered topics.
#[async_trait]
pub trait Owner: Send {
    /// Writes all entries or none, over any topics; returns their offsets. On any `Err` the
    /// outcome may be unknown: drop this owner, claim anew, rebuild from what was committed.
    async fn commit(&mut self, entries: Vec<Entry>) -> Result<Vec<Offset>, LogError>;
}

/// One member of a group.
#[async_trait]
pub trait Consumer: Send {
    /// The next event. Cancel-safe. Must be called again soon whatever the handlers do.
    async fn next(&mut self) -> Result<Event, LogError>;

    /// Begins to deliver an assigned partition from `from`. Nothing is delivered before, and nothing
    /// of an earlier start after. An offset outside the log is told here, or by `next`.
    async fn start(&mut self, partition: Partition, from: Offset) -> Result<(), LogError>;

    /// Stops or resumes delivery of a partition (backpressure).
    async fn pause(&mut self, partition: Partition, paused: bool) -> Result<(), LogError>;

    /// Stores offsets: everything before them has had its effect.
    async fn store(&mut self, offsets: Vec<(Partition, StoredOffset)>) -> Result<(), LogError>;

    /// Gives a revoked partition up, after its work has drained and its offset is stored. It may be
    /// given to another only when all that were revoked together are released.
    async fn release(&mut self, partition: Partition) -> Result<(), LogError>;

    /// Leaves the group; its partitions go to the others at once.
    async fn leave(self: Box<Self>) -> Result<(), LogError>;
}

/// What a member of a group is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// These partitions are ours now, with what the group stored for each.
    Assigned(Vec<(Partition, Option<StoredOffset>)>),
    /// Drain these and `release` each.
    Revoked(Vec<Partition>),
    /// These are another's already: stop, store nothing.
    Lost(Vec<Partition>),
    /// Records of one partition, in order.
    Records(Partition, Vec<LogRecord>),
    /// The end of a partition was reached (lag 0); sent each time it is.
    End(Partition),
}

/// Reads one partition.
#[async_trait]
pub trait Reader: Send {
    /// The next records, or the end (told once each time it is reached; the next call waits for
    /// more). Cancel-safe.
    async fn next(&mut self) -> Result<Read, LogError>;
}

/// What a reader gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Read {
    /// At least one record.
    Records(Vec<LogRecord>),
    /// Everything readable has been read: the offset after the last record that was given, or the
    /// one that was asked for. What is behind it now is no record (on Kafka: commit markers).
    End(Offset),
}

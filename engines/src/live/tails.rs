//! Tails, heads, recent standings and live marks.

use super::LiveError;
use async_trait::async_trait;
use parlor_schemas::{
    ConversationId, Membership, Receipt, RecordText, Timestamp, UserId,
    receipt::Marks,
    topics::{Offset, Partition},
};

/// A number of the engine's write counter; rises within an epoch.
pub type Version = u64;

/// What one record means to the live engine: written by fanout before it reads any route.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct TailWrite {
    pub conversation_id: ConversationId,
    /// The record's offset in `chat.messages.v1`.
    pub offset: Offset,
    /// Its head follows from seq, ord and at; a `delete` redacts its target in the tail; a
    /// countable one is its sender's own last message.
    pub text: RecordText,
    /// The standings of the users whom the record concerns (joins, leaves, roles), each whole: the
    /// engine may know nothing of a user who joined before its epoch, and a leave must be readable
    /// before any later record.
    pub memberships: Vec<Membership>,
}

/// Where a conversation's log ends, as far as fanout has brought it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct LiveHead {
    pub seq: u64,
    pub ord: u64,
    pub at: Timestamp,
    pub version: Version,
}

/// A recent standing.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct LiveMembership {
    pub membership: Membership,
    pub version: Version,
}

/// Live marks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct LiveMarks {
    pub marks: Marks,
    pub version: Version,
}

/// A run of the tail.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TailRead {
    /// Ascending by seq, without holes, the first one above `after` if the tail still has it.
    pub records: Vec<RecordText>,
    /// Targets of the deletes anywhere in the tail: apply them to what the store gave.
    pub deleted: Vec<u64>,
    /// The live head; `None`: nothing of this conversation is live.
    pub head: Option<LiveHead>,
}

/// Tails and what goes with them. All reads are [`LiveError::Rebuilding`] until the partition of
/// the conversation is whole.
#[async_trait]
pub trait Tails: Send + Sync + 'static {
    /// Writes records of one partition in order; max-wins and atomic per record. `false`: `epoch` is
    /// over, and some may not be written. In the life after it they would hide what came before
    /// them: a record at or below a head is taken for one that is there.
    async fn write_tails(
        &self,
        partition: Partition,
        writes: Vec<TailWrite>,
        epoch: &str,
    ) -> Result<bool, LiveError>;

    /// The tail's records with after < seq < before: the first `limit`, or with `last` the last.
    async fn tail(
        &self,
        conversation: ConversationId,
        after: u64,
        before: u64,
        limit: usize,
        last: bool,
    ) -> Result<TailRead, LiveError>;

    /// Live heads, in the order asked; `None`: not live (the store knows).
    async fn live_heads(&self, of: &[ConversationId]) -> Result<Vec<Option<LiveHead>>, LiveError>;

    /// Recent standings of one user in any conversation, with the version that the answer is as of.
    async fn recent(&self, user: UserId) -> Result<(Version, Vec<LiveMembership>), LiveError>;

    /// Raises marks of one partition (the maximum of each stays); those that moved, as (index of the
    /// receipt, marks). `None`: `epoch` is over, and some may not be raised.
    async fn raise_live(
        &self,
        partition: Partition,
        receipts: &[Receipt],
        epoch: &str,
    ) -> Result<Option<Vec<(usize, Marks)>>, LiveError>;

    /// Fanout says that the partition's marks are all that was raised and is not stored (`true`), or
    /// that it begins to raise them again (`false`). `false`: `epoch` is over, and nothing was said.
    async fn set_marks_whole(
        &self,
        partition: Partition,
        whole: bool,
        epoch: &str,
    ) -> Result<bool, LiveError>;

    /// Live marks, in the order asked; zeroes where none are live. [`LiveError::Rebuilding`] until the
    /// marks of the partition are whole, too.
    async fn live_marks(&self, of: &[(ConversationId, UserId)]) -> Result<Vec<LiveMarks>, LiveError>;

    /// Conversations of a partition whose head moved within the last `millis` (10 min are kept).
    async fn moved(&self, partition: Partition, millis: i64) -> Result<Vec<ConversationId>, LiveError>;

    /// Fanout says that the partition's tails are whole in this epoch (`true`), or that it begins
    /// to rebuild them (`false`), and how far the persister is: the tail is trimmed to the limits
    /// only below that offset. `false`: `epoch` is over, and nothing was said.
    async fn set_whole(
        &self,
        partition: Partition,
        whole: bool,
        written_to: Offset,
        epoch: &str,
    ) -> Result<bool, LiveError>;
}

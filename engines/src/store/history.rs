//! The folded log: records, conversations, memberships, marks.

use super::{Pinned, Reacted, StoreError};
use async_trait::async_trait;
use parlor_schemas::{
    Ack, ClientMsgId, ConversationId, MediaId, Membership, Receipt, RecordText, Timestamp, UserId,
    command::Hash,
    receipt::Marks,
    record::{ConversationKind, HistoryRule},
    topics::{Offset, Partition},
};
use serde::{Deserialize, Serialize};

/// One upsert of the persister. Each is idempotent and right in any order (see the port).
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// `messages_by_conversation`: insert a record's text. Never replaces one that is redacted.
    Record(ConversationId, RecordText),
    /// Empties the body of `target`, and of every edit of it, for good.
    Redact(ConversationId, u64),
    /// `pins`; the larger `seq` wins.
    Pinned(ConversationId, Pinned),
    /// `reactions`; the larger `seq` wins.
    Reacted(ConversationId, Reacted),
    /// `client_messages`: the dedup index, kept 30 days.
    Ack(UserId, StoredAck),
    /// `conversation_participants` and `conversations_by_user`; the larger `seq` wins.
    Membership(Membership),
    /// `conversations`; the larger `seq` wins.
    Info(Info),
    /// `conversation_heads`; the larger `seq` wins.
    Head(ConversationId, Head),
    /// `media_references`: the record at this seq refers to an object.
    Reference(MediaId, ConversationId, u64),
    /// The sender's own last countable message (part of the marks).
    Own(ConversationId, UserId, Marks),
}

/// A command's answer, kept for 30 days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StoredAck {
    pub payload_hash: Hash,
    /// `duplicate` is false in it.
    pub ack: Ack,
}

/// Where a conversation's log ends, as far as the store has it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Head {
    pub seq: u64,
    pub ord: u64,
    pub at: Timestamp,
}

/// A conversation's shared settings as of `seq`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Info {
    pub conversation_id: ConversationId,
    pub kind: ConversationKind,
    pub title: Option<String>,
    pub avatar_media_id: Option<MediaId>,
    pub history: HistoryRule,
    /// The creator (its user id also is one side of a direct conversation).
    pub created_by: UserId,
    pub created_at: Timestamp,
    /// The record that made it so.
    pub seq: u64,
}

/// History.
#[async_trait]
pub trait History: Send + Sync + 'static {
    /// Applies the effects of records of one topic partition, then moves its `written_to` (the
    /// larger wins): all records of `chat.messages.v1` before that offset are in the store.
    async fn write(
        &self,
        partition: Partition,
        effects: Vec<Effect>,
        written_to: Offset,
    ) -> Result<(), StoreError>;

    /// How far the persister is with a partition (0: nothing yet).
    async fn written_to(&self, partition: Partition) -> Result<Offset, StoreError>;

    /// The stored heads, in the order asked.
    async fn heads(&self, of: &[ConversationId]) -> Result<Vec<Option<Head>>, StoreError>;

    /// Records with after < seq < before, ascending, at most `limit`: the first ones, or with
    /// `last` the last ones.
    async fn records(
        &self,
        conversation: ConversationId,
        after: u64,
        before: u64,
        limit: usize,
        last: bool,
    ) -> Result<Vec<RecordText>, StoreError>;

    /// Single records, in the order asked.
    async fn pick(&self, of: &[(ConversationId, u64)]) -> Result<Vec<Option<RecordText>>, StoreError>;

    /// The dedup index, in the order asked. An entry older than 30 days is `None`.
    async fn acks(
        &self,
        of: &[(ConversationId, UserId, ClientMsgId)],
    ) -> Result<Vec<Option<StoredAck>>, StoreError>;
}

/// Conversations and who is in them.
#[async_trait]
pub trait Conversations: Send + Sync + 'static {
    /// Shared settings, in the order asked.
    async fn infos(&self, of: &[ConversationId]) -> Result<Vec<Option<Info>>, StoreError>;

    /// Standings, in the order asked.
    async fn memberships(
        &self,
        of: &[(ConversationId, UserId)],
    ) -> Result<Vec<Option<Membership>>, StoreError>;

    /// Standings of one user (left ones too), by conversation id descending, below `before`.
    async fn of_user(
        &self,
        user: UserId,
        before: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError>;

    /// Standings in one conversation (left ones too), by user id ascending, above `after`.
    async fn of_conversation(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError>;
}

/// When a user's marks came to stand at a record or above it. Who read also got.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Reached {
    pub delivered_at: Option<Timestamp>,
    pub read_at: Option<Timestamp>,
}

/// A mark that came late, from another device, may stand below one of before: of so many marks at or
/// above a record the earliest says when it was reached.
pub(crate) const REACHED_LOOK: usize = 16;

/// Delivered and read marks, and the own last message.
#[async_trait]
pub trait MarkStore: Send + Sync + 'static {
    /// Raises marks (the maximum of each stays), and keeps when each was made (the earliest time of
    /// the same mark stays).
    async fn raise(&self, receipts: Vec<Receipt>) -> Result<(), StoreError>;

    /// Marks, in the order asked; zeroes where none were set.
    async fn stored_marks(&self, of: &[(ConversationId, UserId)]) -> Result<Vec<Marks>, StoreError>;

    /// When users reached the record `seq`, in the order asked.
    async fn reached(
        &self,
        conversation: ConversationId,
        seq: u64,
        of: &[UserId],
    ) -> Result<Vec<Reached>, StoreError>;
}

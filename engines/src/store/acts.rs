//! What later records say of earlier ones: edits, pins, reactions. Kept by what they act on, so that a
//! page of messages is folded without the records behind it.

use super::StoreError;
use async_trait::async_trait;
use parlor_schemas::{ConversationId, UserId};
use serde::{Deserialize, Serialize};

/// A message was edited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edited {
    /// The message.
    pub target: u64,
    /// The record that says so, and how.
    pub seq: u64,
}

/// A message was pinned, or no longer is: of two about the same one that with the larger `seq` is true.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Pinned {
    pub target: u64,
    pub on: bool,
    /// The record that made it so.
    pub seq: u64,
}

/// A reaction of somebody was added, or taken back: of two of the same one that with the larger `seq`
/// is true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Reacted {
    pub target: u64,
    pub user_id: UserId,
    pub emoji: String,
    pub on: bool,
    /// The record that made it so.
    pub seq: u64,
}

/// All that is said of some messages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Acts {
    /// Every edit.
    pub edits: Vec<Edited>,
    /// One for each message that ever was pinned.
    pub pins: Vec<Pinned>,
    /// One for each reaction that ever was there.
    pub reactions: Vec<Reacted>,
}

/// Edits, pins and reactions: written by the persister ([`super::Effect`]).
#[async_trait]
pub trait ActRows: Send + Sync + 'static {
    /// What stored records say of first ..= last, in no order; a page of history, since adapters read it
    /// in parts of 10 000. Everything up to a stored head that was read before is in it.
    async fn acts(&self, conversation: ConversationId, first: u64, last: u64) -> Result<Acts, StoreError>;
}

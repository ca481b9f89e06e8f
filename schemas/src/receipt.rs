//! Receipts: cumulative marks, "up to this seq" (PROTOCOL §3, DESIGN §4).

use crate::{
    ids::{ConversationId, DeviceId, UserId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A user's marks in a conversation, as one gateway saw them move. Consumers keep the maximum of
/// each mark, so order and repetition do not matter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Receipt {
    pub conversation_id: ConversationId,
    pub user_id: UserId,
    pub device_id: DeviceId,
    /// 0 = not moved.
    pub delivered_seq: u64,
    /// 0 = not moved.
    pub read_seq: u64,
    /// The `ord` of the record at `read_seq`.
    pub read_ord: u64,
    pub at: Timestamp,
}

/// What a user's marks have come to: the maximum of all receipts, and the own last message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Marks {
    pub delivered_seq: u64,
    pub read_seq: u64,
    pub read_ord: u64,
    /// The own last countable message.
    pub own_seq: u64,
    /// Its ord.
    pub own_ord: u64,
}

impl Marks {
    /// The larger of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            delivered_seq: self.delivered_seq.max(other.delivered_seq),
            read_seq: self.read_seq.max(other.read_seq),
            read_ord: self.read_ord.max(other.read_ord),
            own_seq: self.own_seq.max(other.own_seq),
            own_ord: self.own_ord.max(other.own_ord),
        }
    }

    /// The marks that a receipt carries; who read also got.
    pub fn of(receipt: &Receipt) -> Self {
        Self {
            delivered_seq: receipt.delivered_seq.max(receipt.read_seq),
            read_seq: receipt.read_seq,
            read_ord: receipt.read_ord,
            ..Self::default()
        }
    }

    /// The own view: the read mark or the own last message, whichever is later, as (seq, ord).
    pub fn own_read(&self) -> (u64, u64) {
        (self.read_seq.max(self.own_seq), self.read_ord.max(self.own_ord))
    }
}

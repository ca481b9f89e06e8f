//! The history: what clients did and saw, one JSON object a line, written by clients and never by
//! the server.
//!
//! ```json
//! {"at_us":1204331,"by":"3.1","event":{"invoke":{"op":17,"kind":"send","conversation_id":"…","client_msg_id":"…","text":"…"}}}
//! ```
//!
//! `at_us` is one monotonic clock of the whole run, in microseconds. `by` names who writes: a device
//! (declared by [`Event::Device`] before anything else of it) or the run itself (`"run"`, `"log"`,
//! `"store"`). A line stands where it happened: before the request leaves, after the answer came.
//!
//! **Records are written once.** The first time anybody sees a record with this content, the line
//! carries the [`Content`]; after that only its `print`, a number for (conversation, seq, content). A
//! line is 190 bytes on average, so 10^6 messages that nine devices see and three people read again are
//! about 3.5 GB (the checker then needs 3 GB), and nothing is lost of who saw what.

use parlor_schemas::{
    ClientMsgId, Code, ConversationId, DeviceId, MessageId, Timestamp, UserId,
    presence::Status,
    record::{Kind, Role},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// The version of this format; a file of another one is refused.
pub const VERSION: u32 = 1;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Microseconds since the run began.
    pub at_us: u64,
    /// Who writes.
    pub by: Arc<str>,
    /// What happened.
    pub event: Event,
}

/// What may happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The first line.
    Run {
        /// [`VERSION`].
        version: u32,
        /// What the plan of the load was made from.
        seed: u64,
        /// The settings of the run, as its author wrote them; the checker does not read them.
        settings: Value,
        /// Where it ran, in words.
        deployment: String,
    },
    /// An account of the run.
    User {
        /// Its id.
        user_id: UserId,
        /// Its name.
        username: String,
    },
    /// `by` is this device of this user.
    Device {
        /// Whose.
        user_id: UserId,
        /// Its id.
        device_id: DeviceId,
    },
    /// The device begins to connect: from here on the server may believe it is there.
    Connecting {
        /// Numbers the device's connections.
        connection: u32,
        /// To whom.
        url: String,
    },
    /// `ready` came.
    Ready {
        /// Of which connection.
        connection: u32,
    },
    /// The connection, or the attempt to make one, has ended.
    Gone {
        /// Which one.
        connection: u32,
        /// The close code, if the server said one.
        code: Option<u16>,
        /// The device wanted it so, and stays away until it connects again.
        by_choice: bool,
    },
    /// Somebody wants something done, once.
    Invoke(Invoke),
    /// The request leaves for the server; the same operation may be tried often.
    Attempt {
        /// Which operation.
        op: u64,
        /// The connection it leaves by; none: REST.
        connection: Option<u32>,
    },
    /// `accepted` came.
    Accepted {
        /// Which operation.
        op: u64,
    },
    /// It is done.
    Ok {
        /// Which operation.
        op: u64,
        /// Its place; none where no record was made.
        ack: Option<Ack>,
    },
    /// One attempt was definitely refused: nothing came of it, and nothing will.
    Fail {
        /// Which operation.
        op: u64,
        /// Why.
        code: Code,
    },
    /// One attempt was answered "later" (`unavailable`, `rate_limited`, `internal`): unknown.
    Later {
        /// Which operation.
        op: u64,
        /// Why.
        code: Code,
    },
    /// Nobody waits for the operation any more; whether it was done is unknown.
    Unknown {
        /// Which operation.
        op: u64,
    },
    /// A record was seen.
    Record(Seen),
    /// The cursor was set, not moved by a record.
    Cursor {
        /// Of which conversation.
        conversation_id: ConversationId,
        /// What it is now.
        cursor: u64,
        /// Why.
        why: CursorSet,
    },
    /// A `receipt` frame.
    Receipt {
        /// Of which conversation.
        conversation_id: ConversationId,
        /// Whose marks.
        user_id: UserId,
        /// "Got up to".
        delivered_seq: u64,
        /// "Read up to".
        read_seq: u64,
    },
    /// An item of a `heads` frame.
    Head(Head),
    /// Somebody's presence was told.
    Presence {
        /// Whose.
        user_id: UserId,
        /// As what.
        status: Status,
    },
    /// A text of a conversation in another place than a record: a list, a search.
    Excerpt {
        /// The conversation it is said to be of.
        conversation_id: ConversationId,
        /// The text.
        text: String,
    },
    /// The whole members list.
    Members {
        /// Of which conversation.
        conversation_id: ConversationId,
        /// In any order.
        items: Vec<Member>,
    },
    /// A fault begins.
    Fault {
        /// Its name.
        name: String,
    },
    /// All faults are over.
    Healed {},
    /// A phase begins.
    Phase {
        /// Which one.
        phase: Phase,
    },
    /// A device's cursor at the very end.
    Cursored {
        /// Of which conversation.
        conversation_id: ConversationId,
        /// Everything up to it (and above the floor) was applied.
        cursor: u64,
    },
    /// A source was read to its end: what it did not show it does not hold.
    End {
        /// Which one.
        source: Source,
        /// Of one conversation only.
        conversation_id: Option<ConversationId>,
    },
    /// The last line: a history that lost some is refused.
    Done {
        /// How many lines stand before this one.
        lines: u64,
    },
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invoke {
    /// Its number in the run, from 0, each once.
    pub op: u64,
    /// What is wanted.
    pub kind: OpKind,
    /// Where; none for the creation of a group, whose `ok` tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<ConversationId>,
    /// Under which id; none where no record can come of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_msg_id: Option<ClientMsgId>,
    /// The record acted on, or the mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Those who are concerned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_ids: Vec<UserId>,
    /// What is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The kinds of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum OpKind {
    Send,
    Edit,
    Delete,
    React,
    Pin,
    Create,
    Add,
    Remove,
    Leave,
    /// A mark: has no answer, the largest wins.
    Read,
    /// A mark: has no answer, the largest wins.
    Delivered,
}

impl OpKind {
    /// Marks are cumulative and have no answer.
    pub fn is_mark(self) -> bool {
        matches!(self, Self::Read | Self::Delivered)
    }
}

/// The place of a record, as the one who asked was told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Ack {
    pub conversation_id: ConversationId,
    pub seq: u64,
    pub ord: u64,
    pub message_id: MessageId,
    pub at: Timestamp,
    pub duplicate: bool,
}

/// A record that somebody saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Where it came from.
    pub source: Source,
    /// Its address.
    pub conversation_id: ConversationId,
    /// Its address.
    pub seq: u64,
    /// A number for (conversation, seq, content); [`crate::Writer`] sets it.
    #[serde(default)]
    pub print: u64,
    /// What it says; only where the print stands for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Box<Content>>,
    /// A device's cursor after it has taken the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<u64>,
    /// Partition and offset in the log's topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<(u32, u64)>,
}

/// Where a record was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A `record` frame.
    Live,
    /// A `records` frame.
    Fetch,
    /// `GET …/records`.
    Rest,
    /// The dump of `chat.messages.v1`.
    Log,
    /// The dump of the store.
    Store,
}

/// A record as it stands on the wire, without its address (PROTOCOL §1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Content {
    pub ord: u64,
    pub message_id: MessageId,
    pub kind: Kind,
    pub at: Timestamp,
    pub sender_id: UserId,
    pub device_id: DeviceId,
    pub client_msg_id: ClientMsgId,
    pub body: Value,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
}

/// Why a cursor was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CursorSet {
    /// It was below the floor that the server named.
    Floor,
    /// The deployment was restored from a backup: the local log is gone.
    Epoch,
}

/// An item of a `heads` frame, or of the list of conversations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Head {
    pub conversation_id: ConversationId,
    pub head_seq: u64,
    pub head_ord: u64,
    pub floor: u64,
    pub read_seq: u64,
    pub read_ord: u64,
    pub unread: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_read_seq: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_delivered_seq: Option<u64>,
    pub left: bool,
}

/// An item of the members list.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Member {
    pub user_id: UserId,
    pub role: Role,
    pub delivered_seq: u64,
    pub read_seq: u64,
}

/// The phases of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// People act.
    Load,
    /// Nobody acts; everything outstanding is waited for, and devices catch up.
    Rest,
    /// Every view is read once more, to its end.
    Final,
}

/// What every text of a conversation carries, so that it is known wherever it turns up.
pub fn canary(conversation: ConversationId) -> String {
    format!("{CANARY}{conversation}")
}

/// How canaries begin.
const CANARY: &str = "canary:";

/// The conversations whose canaries a text carries.
pub fn canaries(text: &str) -> impl Iterator<Item = ConversationId> {
    text.match_indices(CANARY).filter_map(|(at, _)| {
        let id = text.get(at + CANARY.len()..at + CANARY.len() + 36)?;
        id.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_compact_and_reads_back() {
        let line = r#"{"at_us":7,"by":"3.1","event":{"record":{"source":"live","conversation_id":"0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f","seq":4,"print":99,"cursor":4}}}"#;
        let entry: Entry = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&entry).unwrap(), line);
    }

    #[test]
    fn canaries_are_found_in_texts() {
        let id: ConversationId = "0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f".parse().unwrap();
        let text = format!("so {} and canary: nothing canary:短", canary(id));
        assert_eq!(canaries(&text).collect::<Vec<_>>(), [id]);
    }
}

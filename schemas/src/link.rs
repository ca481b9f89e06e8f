//! What travels on the live bus to a gateway: numbered messages of a link, many items in each
//! (DESIGN §4).

use crate::{
    ack::Outcome,
    ids::{ConversationId, LinkId, UserId},
    topics::Partition,
    view::ConversationChange,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// One publish to one gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkMessage {
    /// The boot of the publisher.
    pub link_id: LinkId,
    /// 1, 2, 3 … per link and gateway; 0 where a loss needs no notice (answers of ingest: a lost
    /// one is a resend).
    pub number: u64,
    /// What it brings, in order. None: a beat.
    pub items: Vec<Item>,
}

/// One thing on a link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Item {
    /// A ready server frame for some connections.
    Frame {
        /// The gateway's own numbers of the connections.
        connections: Vec<u64>,
        /// The frame's text.
        text: Bytes,
    },
    /// The answer to a command.
    Answer {
        /// The gateway's own number of the request.
        request: u64,
        /// What became of it.
        outcome: Outcome,
    },
    /// The publisher took over these partitions; what the one before published last may be lost.
    Took(Vec<Partition>),
    /// After a live loss the tails of these partitions are whole again.
    TailsRebuilt(Vec<Partition>),
    /// These connections' user logged out: close 4003.
    End {
        /// The gateway's own numbers of the connections.
        connections: Vec<u64>,
    },
    /// A conversation is to be shown anew to these connections: the gateway tells each the view of
    /// its user (PROTOCOL §3, `conversation`).
    Show {
        /// The gateway's own numbers of the connections.
        connections: Vec<u64>,
        /// Which one.
        conversation_id: ConversationId,
        /// Why.
        change: ConversationChange,
        /// The record that changed it; 0: none did.
        seq: u64,
    },
    /// Users whose presence may be another one: who watches them is told, after a look at it.
    Present {
        /// Whose.
        users: Vec<UserId>,
        /// What they let others see may have changed, or who they are: contacts, blocked.
        choices: bool,
    },
}

impl LinkMessage {
    /// The bytes on the bus.
    pub fn encode(&self) -> Bytes {
        postcard::to_stdvec(self).expect("a link message can be encoded").into()
    }

    /// The message in these bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}

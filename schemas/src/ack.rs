//! Answers to commands: acks and refusals.

use crate::{
    command::Origin,
    error::Code,
    ids::{ClientMsgId, ConversationId, MessageId, UserId},
    record::{Record, Skipped},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// The command has its place in the order (the `sequenced` frame; REST's ack).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[allow(missing_docs)]
pub struct Ack {
    pub conversation_id: ConversationId,
    pub client_msg_id: ClientMsgId,
    pub seq: u64,
    pub ord: u64,
    pub message_id: MessageId,
    pub at: Timestamp,
    /// The command had been done before; this is the first one's ack.
    pub duplicate: bool,
    /// On the wire only where it says something (as `owner_id`).
    pub skipped: Vec<Skipped>,
    pub owner_id: Option<UserId>,
}

impl Ack {
    /// The ack that a record stands for.
    pub fn of(record: &Record, duplicate: bool) -> Self {
        Self {
            conversation_id: record.conversation_id,
            client_msg_id: record.client_msg_id,
            seq: record.seq,
            ord: record.ord,
            message_id: record.message_id,
            at: record.at,
            duplicate,
            skipped: record.body.skipped().to_vec(),
            owner_id: record.body.owner_id(),
        }
    }
}

/// The command made nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Refusal {
    pub code: Code,
    /// For a person; says what to do.
    pub message: String,
    /// The log's time, where the client's clock is the reason.
    pub now: Option<Timestamp>,
}

impl Refusal {
    /// A refusal without a clock.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), now: None }
    }
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// It has its place.
    Sequenced(Ack),
    /// Done, and no record was needed (a direct conversation that exists, a block).
    Done {
        /// The conversation the command was about.
        conversation_id: ConversationId,
    },
    /// It was refused, or can't be decided now (`unavailable`).
    Refused(Refusal),
}

/// An outcome on its way to the connection that asked.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Answer {
    pub origin: Origin,
    pub outcome: Outcome,
}

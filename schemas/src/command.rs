//! Commands: what a client asked for, as `chat.commands.v1` carries it to ingest.

use crate::{
    error::Code,
    ids::{ClientMsgId, ConversationId, DeviceId, GatewayId, MediaId, UserId},
    record::{Edit, HistoryRule, Message, Pin, Reaction, Role, Skipped, Target},
};
use sha2::{Digest, Sha256};

/// One request to change a conversation. The gateway has checked its form; who may do it, and in
/// which order, is decided by ingest.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Whose log it wants to extend.
    pub conversation_id: ConversationId,
    /// Who asks (from the token, never from the client's words).
    pub sender_id: UserId,
    /// On which device.
    pub device_id: DeviceId,
    /// The client's id: the same id again is the same command again.
    pub client_msg_id: ClientMsgId,
    /// Over what the client asked, before anything was resolved or skipped ([`payload_hash`]).
    pub payload_hash: Hash,
    /// Who waits for the answer.
    pub origin: Origin,
    /// What is asked.
    pub action: Action,
    /// The edge's own verdict on what ingest can't see (a forward of what its sender may not read).
    /// It counts only if the command is new: a resend gets the first one's ack all the same.
    pub refused: Option<Code>,
}

/// Where the answer goes: the boot of a gateway and its own number for the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct Origin {
    pub gateway_id: GatewayId,
    pub request: u64,
}

/// 128 bits of SHA-256.
pub type Hash = [u8; 16];

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Action {
    Message(Message),
    Edit(Edit),
    Delete(Target),
    React(Reaction),
    Pin(Pin),
    CreateDirect {
        peer_id: UserId,
    },
    CreateGroup {
        title: Option<String>,
        history: HistoryRule,
        member_ids: Vec<UserId>,
        skipped: Vec<Skipped>,
    },
    AddMembers {
        member_ids: Vec<UserId>,
        skipped: Vec<Skipped>,
    },
    RemoveMember {
        user_id: UserId,
    },
    Leave,
    ChangeRole {
        user_id: UserId,
        role: Role,
    },
    Change {
        title: Option<String>,
        avatar_media_id: Option<MediaId>,
        history: Option<HistoryRule>,
    },
    /// Changes the direct conversation's row and makes no record (DESIGN §3).
    Block {
        user_id: UserId,
        on: bool,
    },
}

impl Action {
    /// The record acted on.
    pub fn target(&self) -> Option<u64> {
        match self {
            Self::Edit(edit) => Some(edit.target),
            Self::Delete(delete) => Some(delete.target),
            Self::React(reaction) => Some(reaction.target),
            Self::Pin(pin) => Some(pin.target),
            _ => None,
        }
    }
}

/// The hash of a payload: `kind` is the command's name, `fields` the known fields as canonical
/// JSON (the same from socket and REST).
pub fn payload_hash(kind: &str, fields: &impl serde::Serialize) -> Result<Hash, serde_json::Error> {
    let mut bytes = Vec::with_capacity(256);
    bytes.extend_from_slice(kind.as_bytes());
    bytes.push(0);
    serde_json::to_writer(&mut bytes, fields)?;
    Ok(truncated(&Sha256::digest(&bytes)))
}

/// The key of deduplication: (conversation, sender, client_msg_id), hashed.
pub fn dedup_key(conversation: ConversationId, sender: UserId, id: ClientMsgId) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(conversation.as_bytes());
    hasher.update(sender.as_bytes());
    hasher.update(id.as_bytes());
    truncated(&hasher.finalize())
}

fn truncated(digest: &[u8]) -> Hash {
    let mut hash = [0; 16];
    hash.copy_from_slice(&digest[..16]);
    hash
}

//! The header of every record of `chat.messages.v1`: what a rebuild of ingest needs, so that it
//! never decodes a body (DESIGN §3). One header, [`NAME`], fixed layout, big-endian.

use crate::{
    command::Hash,
    ids::{ConversationId, MessageId},
    record::Kind,
    time::Timestamp,
};
use uuid::Uuid;

/// The header's name on the log.
pub const NAME: &str = "parlor";
const VERSION: u8 = 1;
/// Bytes of the layout: version, kind, conversation, key hash, payload hash, message_id, log time,
/// seq, ord, target.
const LEN: usize = 2 + 4 * 16 + 4 * 8;

/// What stands in the header.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Header {
    pub kind: Kind,
    pub conversation_id: ConversationId,
    pub key_hash: Hash,
    pub payload_hash: Hash,
    pub message_id: MessageId,
    /// The log time at which the command was decided.
    pub log_time: Timestamp,
    pub seq: u64,
    pub ord: u64,
    /// The record acted on; 0 on the wire for none.
    pub target: Option<u64>,
}

impl Header {
    /// The bytes of the header.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(LEN);
        out.extend([VERSION, self.kind.code()]);
        out.extend(self.conversation_id.as_bytes());
        out.extend(self.key_hash);
        out.extend(self.payload_hash);
        out.extend(self.message_id.as_bytes());
        out.extend(self.log_time.0.to_be_bytes());
        out.extend(self.seq.to_be_bytes());
        out.extend(self.ord.to_be_bytes());
        out.extend(self.target.unwrap_or(0).to_be_bytes());
        out
    }

    /// The header in these bytes; `None` if they are not one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != LEN || bytes[0] != VERSION {
            return None;
        }
        let hash = |at: usize| -> Hash { bytes[at..at + 16].try_into().expect("16 bytes") };
        let number = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        Some(Self {
            kind: Kind::of_code(bytes[1])?,
            conversation_id: ConversationId(Uuid::from_bytes(hash(2))),
            key_hash: hash(18),
            payload_hash: hash(34),
            message_id: MessageId(Uuid::from_bytes(hash(50))),
            log_time: Timestamp(number(66) as i64),
            seq: number(74),
            ord: number(82),
            target: Some(number(90)).filter(|&target| target != 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_wrote_and_nothing_else() {
        let header = Header {
            kind: Kind::Delete,
            conversation_id: ConversationId(Uuid::from_u128(1)),
            key_hash: [2; 16],
            payload_hash: [3; 16],
            message_id: MessageId(Uuid::from_u128(4)),
            log_time: Timestamp(5),
            seq: 6,
            ord: 7,
            target: Some(8),
        };
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes), Some(header));
        assert_eq!(Header::decode(&bytes[1..]), None);
        assert_eq!(Header::decode(&[9; LEN]), None);
    }
}

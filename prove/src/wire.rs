//! What the server says, as far as a client needs it.

use parlor_checker::history::{Ack, Content, Head, Seen, Source};
use parlor_schemas::{
    ClientMsgId, Code, ConversationId, DeviceId, MessageId, Timestamp, UserId, presence::Status, record::Kind,
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// Any server frame, flat; what a frame does not have is none.
#[derive(Deserialize)]
pub(crate) struct Frame<'a> {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: Option<String>,
    pub conversation_id: Option<ConversationId>,
    pub seq: Option<u64>,
    pub ord: Option<u64>,
    pub message_id: Option<MessageId>,
    pub at: Option<Timestamp>,
    pub duplicate: Option<bool>,
    pub code: Option<Code>,
    pub message: Option<String>,
    pub retry_after_ms: Option<u64>,
    #[serde(borrow)]
    pub record: Option<&'a RawValue>,
    #[serde(borrow)]
    pub items: Option<&'a RawValue>,
    pub more: Option<bool>,
    pub head_seq: Option<u64>,
    pub floor: Option<u64>,
    pub epoch: Option<String>,
    pub as_of: Option<String>,
    pub user_id: Option<UserId>,
    pub delivered_seq: Option<u64>,
    pub read_seq: Option<u64>,
    pub status: Option<Status>,
}

impl Frame<'_> {
    /// The ack of a `sequenced` frame.
    pub fn ack(&self) -> Option<Ack> {
        Some(Ack {
            conversation_id: self.conversation_id?,
            seq: self.seq?,
            ord: self.ord?,
            message_id: self.message_id?,
            at: self.at?,
            duplicate: self.duplicate?,
        })
    }
}

/// A record as it stands on the wire (PROTOCOL §1).
#[derive(Deserialize)]
pub(crate) struct Record {
    pub conversation_id: ConversationId,
    pub seq: u64,
    ord: u64,
    message_id: MessageId,
    pub kind: Kind,
    at: Timestamp,
    pub sender_id: UserId,
    device_id: DeviceId,
    client_msg_id: ClientMsgId,
    body: Value,
    #[serde(default)]
    redacted: bool,
}

impl Record {
    /// As the history notes it.
    pub fn seen(self, source: Source, cursor: Option<u64>, place: Option<(u32, u64)>) -> Seen {
        let content = Content {
            ord: self.ord,
            message_id: self.message_id,
            kind: self.kind,
            at: self.at,
            sender_id: self.sender_id,
            device_id: self.device_id,
            client_msg_id: self.client_msg_id,
            body: self.body,
            redacted: self.redacted,
        };
        let (conversation_id, content) = (self.conversation_id, Some(Box::new(content)));
        Seen { source, conversation_id, seq: self.seq, print: 0, content, cursor, place }
    }
}

/// An item of `heads`: what the history notes, and the epoch.
#[derive(Deserialize)]
pub(crate) struct HeadItem {
    #[serde(flatten)]
    pub head: Head,
    pub epoch: String,
}

/// The body of `/records`.
#[derive(Deserialize)]
pub(crate) struct Records {
    pub items: Vec<Record>,
    pub upto: u64,
    pub more: bool,
    pub head_seq: u64,
}

/// Parses what the server said.
pub(crate) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|why| {
        let start: String = text.chars().take(200).collect();
        format!("{why} in {start}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequenced_frame_has_an_ack() {
        let text = r#"{"type":"sequenced","id":"o1","conversation_id":"0190f5c2-7b1e-5c3d-8e4f-5a6b7c8d9e0f","client_msg_id":"0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f","seq":2,"ord":1,"message_id":"0190f5c2-7b1e-1c3d-8e4f-5a6b7c8d9e0f","at":"2026-11-20T10:00:00.123Z","duplicate":false,"new":[]}"#;
        let frame: Frame<'_> = parse(text).unwrap();
        assert_eq!(frame.ack().unwrap().seq, 2);
        assert!(parse::<Frame<'_>>("[]").is_err());
    }
}

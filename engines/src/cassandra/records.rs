//! `messages_by_conversation` ⇄ [`RecordText`]: the few fields that the wire text repeats are
//! columns, and the text is put together again as `RecordText::of` writes it.

use super::failure::Failure;
use parlor_schemas::{
    ClientMsgId, ConversationId, DeviceId, MessageId, RecordText, Timestamp, UserId, record::Kind,
    text::Columns,
};
use scylla::{
    DeserializeRow,
    value::{CqlTimestamp, CqlTimeuuid},
};
use serde::Deserialize;
use uuid::Uuid;

/// Records of one Cassandra partition.
pub(super) const BUCKET: u64 = 10_000;

/// The partition of a record.
pub(super) fn bucket(seq: u64) -> i64 {
    (seq / BUCKET) as i64
}

/// Ids that stand in the text alone, under these names.
#[allow(clippy::struct_field_names, reason = "the wire's names")]
#[derive(Deserialize)]
pub(super) struct Ids {
    pub(super) message_id: MessageId,
    pub(super) device_id: DeviceId,
    pub(super) client_msg_id: ClientMsgId,
}

impl Ids {
    pub(super) fn of(text: &RecordText) -> Result<Self, Failure> {
        serde_json::from_slice(text.json())
            .map_err(|error| Failure::Lasting(format!("a record's text: {error}")))
    }
}

/// A row. All but the key may be missing: a redaction can be there before its record.
#[derive(Debug, DeserializeRow)]
pub(super) struct RecordRow {
    seq: i64,
    ord: Option<i64>,
    message_id: Option<CqlTimeuuid>,
    kind: Option<String>,
    at: Option<CqlTimestamp>,
    sender_id: Option<Uuid>,
    device_id: Option<Uuid>,
    client_msg_id: Option<Uuid>,
    target: Option<i64>,
    expires_at: Option<CqlTimestamp>,
    body: Option<String>,
    redacted: Option<bool>,
}

impl RecordRow {
    /// The record; `None` if there is only a redaction so far.
    pub(super) fn text(self, conversation: ConversationId) -> Result<Option<RecordText>, Failure> {
        let Some(kind) = self.kind else { return Ok(None) };
        let known = Kind::ALL.into_iter().find(|known| known.as_str() == kind);
        let kind = known.ok_or_else(|| Failure::unreadable(format!("a record of kind {kind:?}")))?;
        let missing =
            |column: &str| Failure::unreadable(format!("{conversation} {} has no {column}", self.seq));
        let columns = Columns {
            conversation_id: conversation,
            seq: self.seq as u64,
            ord: self.ord.ok_or_else(|| missing("ord"))? as u64,
            message_id: MessageId(self.message_id.ok_or_else(|| missing("message_id"))?.into()),
            kind,
            at: Timestamp(self.at.ok_or_else(|| missing("at"))?.0),
            sender_id: UserId(self.sender_id.ok_or_else(|| missing("sender_id"))?),
            device_id: DeviceId(self.device_id.ok_or_else(|| missing("device_id"))?),
            client_msg_id: ClientMsgId(self.client_msg_id.ok_or_else(|| missing("client_msg_id"))?),
            target: self.target.map(|target| target as u64),
            expires_at: self.expires_at.map(|at| Timestamp(at.0)),
        };
        let body = self.body.as_deref().ok_or_else(|| missing("body"))?;
        Ok(Some(RecordText::restore(&columns, body.as_bytes(), self.redacted.unwrap_or_default())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_schemas::{
        Body, GatewayId, Origin, Record,
        record::{Edit, Message, Target},
        time::message_id,
    };

    fn record(seq: u64, body: Body) -> Record {
        let conversation_id = ConversationId(Uuid::from_u128(7));
        Record {
            conversation_id,
            seq,
            ord: 3,
            members_seq: 1,
            message_id: message_id(conversation_id, 0x1234_5678_9ABC_DEF0),
            at: Timestamp(1_795_168_800_123),
            sender_id: UserId(Uuid::from_u128(8)),
            device_id: DeviceId(Uuid::from_u128(9)),
            client_msg_id: ClientMsgId(Uuid::from_u128(10)),
            body,
            origin: Origin { gateway_id: GatewayId(Uuid::nil()), request: 0 },
            source_offset: 0,
        }
    }

    /// The row that a record is written as.
    fn row(text: &RecordText) -> RecordRow {
        let ids = Ids::of(text).unwrap();
        RecordRow {
            seq: text.seq as i64,
            ord: Some(text.ord as i64),
            message_id: Some(ids.message_id.0.into()),
            kind: Some(text.kind.as_str().to_owned()),
            at: Some(CqlTimestamp(text.at.0)),
            sender_id: Some(text.sender_id.0),
            device_id: Some(ids.device_id.0),
            client_msg_id: Some(ids.client_msg_id.0),
            target: text.target.map(|target| target as i64),
            expires_at: text.expires_at.map(|at| CqlTimestamp(at.0)),
            body: Some(String::from_utf8(text.body().to_vec()).unwrap()),
            redacted: None,
        }
    }

    #[test]
    fn a_row_is_the_text_that_it_was_made_of() {
        let text = Some("\"quotes\", \\ and \u{1F600}\n".to_owned());
        let bodies = [
            Body::Message(Message { text: text.clone(), ttl_ms: Some(5_000), ..Message::default() }),
            Body::Edit(Edit { target: 2, text, ..Edit::default() }),
            Body::Delete(Target { target: 2 }),
        ];
        let id = ConversationId(Uuid::from_u128(7));
        for body in bodies {
            let text = RecordText::of(&record(9_999, body));
            assert_eq!(row(&text).text(id), Ok(Some(text.clone())));
            let emptied = RecordRow { body: Some(String::new()), redacted: Some(true), ..row(&text) };
            assert_eq!(emptied.text(id), Ok(Some(text.redact())));
            let early = RecordRow { kind: None, ord: None, at: None, redacted: Some(true), ..row(&text) };
            assert_eq!(early.text(id), Ok(None), "a redaction before its record");
            let strange = RecordRow { kind: Some("poll".into()), ..row(&text) };
            assert!(matches!(strange.text(id), Err(Failure::Lasting(reason)) if reason.contains("poll")));
        }
    }

    #[test]
    fn buckets_hold_ten_thousand() {
        assert_eq!([0, 1, 9_999, 10_000, 20_001].map(bucket), [0, 0, 0, 1, 2]);
    }
}

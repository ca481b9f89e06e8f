//! Rows ⇄ the port's structs, for the small ones. Numbers are `bigint`, words are as on the wire.

use super::failure::Failure;
use crate::store::{Head, Info, StoredAck};
use parlor_schemas::{
    Ack, ClientMsgId, ConversationId, MediaId, Membership, MessageId, Timestamp, UserId, receipt::Marks,
    record::Skipped,
};
use scylla::{
    DeserializeRow,
    value::{CqlTimestamp, CqlTimeuuid},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned, de::IntoDeserializer};
use uuid::Uuid;

/// An enum's word, as on the wire.
pub(super) fn word(of: &impl Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("a word is a unit variant: {other:?}"),
    }
}

/// The enum of a word.
pub(super) fn of_word<T: DeserializeOwned>(word: &str) -> Result<T, Failure> {
    T::deserialize(word.into_deserializer())
        .map_err(|error: serde::de::value::Error| Failure::unreadable(error))
}

pub(super) fn time(at: Timestamp) -> CqlTimestamp {
    CqlTimestamp(at.0)
}

/// 16 bytes, as keys that rows are paged by have them.
pub(super) fn of_bytes(bytes: &[u8]) -> Result<Uuid, Failure> {
    Uuid::from_slice(bytes).map_err(Failure::unreadable)
}

/// `conversation_heads`.
#[derive(DeserializeRow)]
pub(super) struct HeadRow {
    seq: i64,
    ord: i64,
    at: CqlTimestamp,
}

impl From<HeadRow> for Head {
    fn from(row: HeadRow) -> Self {
        Self { seq: row.seq as u64, ord: row.ord as u64, at: Timestamp(row.at.0) }
    }
}

/// `conversations`.
#[derive(DeserializeRow)]
pub(super) struct InfoRow {
    kind: String,
    has_title: bool,
    title: String,
    /// Nil: none.
    avatar_media_id: Uuid,
    history: String,
    created_by: Uuid,
    created_at: CqlTimestamp,
    seq: i64,
}

impl InfoRow {
    pub(super) fn info(self, conversation_id: ConversationId) -> Result<Info, Failure> {
        Ok(Info {
            conversation_id,
            kind: of_word(&self.kind)?,
            title: self.has_title.then_some(self.title),
            avatar_media_id: (!self.avatar_media_id.is_nil()).then_some(MediaId(self.avatar_media_id)),
            history: of_word(&self.history)?,
            created_by: UserId(self.created_by),
            created_at: Timestamp(self.created_at.0),
            seq: self.seq as u64,
        })
    }
}

/// `conversation_participants` and `conversations_by_user`, without the keys.
type Standing = (i64, String, i64, i64, CqlTimestamp, i64);

/// What of a membership is not a key: seq, role, floor, joined, left (0: a member).
pub(super) fn standing(of: &Membership) -> Standing {
    let left = of.left_seq.unwrap_or_default() as i64;
    (of.seq as i64, word(&of.role), of.floor as i64, of.joined_seq as i64, time(of.joined_at), left)
}

/// A standing with the id that rows are paged by.
pub(super) type StandingRow = (Vec<u8>, i64, String, i64, i64, CqlTimestamp, i64);

/// The membership of a row; `ids` gets the row's own id.
pub(super) fn membership(
    row: StandingRow,
    ids: impl FnOnce(Uuid) -> (ConversationId, UserId),
) -> Result<Membership, Failure> {
    let (id, seq, role, floor, joined_seq, joined_at, left) = row;
    let (conversation_id, user_id) = ids(of_bytes(&id)?);
    Ok(Membership {
        conversation_id,
        user_id,
        seq: seq as u64,
        role: of_word(&role)?,
        floor: floor as u64,
        joined_seq: joined_seq as u64,
        joined_at: Timestamp(joined_at.0),
        left_seq: (left != 0).then_some(left as u64),
    })
}

/// `receipts`: what was never set is null.
#[derive(DeserializeRow)]
pub(super) struct MarksRow {
    delivered_seq: Option<i64>,
    read_seq: Option<i64>,
    read_ord: Option<i64>,
    own_seq: Option<i64>,
    own_ord: Option<i64>,
}

impl From<MarksRow> for Marks {
    fn from(row: MarksRow) -> Self {
        let number = |value: Option<i64>| value.unwrap_or_default() as u64;
        Self {
            delivered_seq: number(row.delivered_seq),
            read_seq: number(row.read_seq),
            read_ord: number(row.read_ord),
            own_seq: number(row.own_seq),
            own_ord: number(row.own_ord),
        }
    }
}

/// `client_messages`.
#[derive(DeserializeRow)]
pub(super) struct AckRow {
    payload_hash: Vec<u8>,
    seq: i64,
    ord: i64,
    message_id: CqlTimeuuid,
    at: CqlTimestamp,
    more: String,
}

/// What few answers have.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct More {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<Skipped>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_id: Option<UserId>,
}

/// The column `more`: empty for most answers.
pub(super) fn more(ack: &Ack) -> String {
    if ack.skipped.is_empty() && ack.owner_id.is_none() {
        return String::new();
    }
    let more = More { skipped: ack.skipped.clone(), owner_id: ack.owner_id };
    serde_json::to_string(&more).expect("ids and codes are valid JSON")
}

impl AckRow {
    pub(super) fn stored(
        self,
        conversation_id: ConversationId,
        client_msg_id: ClientMsgId,
    ) -> Result<StoredAck, Failure> {
        let more: More = match self.more.as_str() {
            "" => More::default(),
            text => serde_json::from_str(text).map_err(Failure::unreadable)?,
        };
        let hash = self.payload_hash.as_slice().try_into().map_err(Failure::unreadable)?;
        let ack = Ack {
            conversation_id,
            client_msg_id,
            seq: self.seq as u64,
            ord: self.ord as u64,
            message_id: MessageId(self.message_id.into()),
            at: Timestamp(self.at.0),
            duplicate: false,
            skipped: more.skipped,
            owner_id: more.owner_id,
        };
        Ok(StoredAck { payload_hash: hash, ack })
    }
}

//! Ids, records and rows to write.

use bytes::Bytes;
use parlor_engines::{
    Log,
    log::{Entry, LogRecord, Read},
};
use parlor_schemas::{
    Body, ClientMsgId, ConversationId, DeviceId, GatewayId, Membership, Origin, Receipt, Record, RecordText,
    Timestamp, Topic, UserId,
    ids::MessageId,
    record::{Edit, Message, Role, Target},
    time,
    topics::{Offset, Partition},
};
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// An id that no test of this process had before.
pub fn fresh() -> Uuid {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = u128::from(LAST.fetch_add(1, Ordering::Relaxed)) + 1;
    Uuid::from_u128(u128::from(std::process::id()) << 96 | number)
}

pub fn conversation() -> ConversationId {
    ConversationId(fresh())
}

pub fn user() -> UserId {
    UserId(fresh())
}

pub fn entry(topic: Topic, partition: Partition, key: &str, value: Option<&str>) -> Entry {
    let value = value.map(|value| Bytes::from(value.to_owned()));
    Entry { topic, partition, key: Bytes::from(key.to_owned()), value, headers: Vec::new() }
}

/// Values as text; a tombstone is "-".
pub fn values(records: &[LogRecord]) -> Vec<String> {
    let text = |record: &LogRecord| match &record.value {
        Some(value) => String::from_utf8(value.to_vec()).unwrap(),
        None => "-".to_owned(),
    };
    records.iter().map(text).collect()
}

/// Everything from an offset to the present end.
pub async fn read_all(log: &dyn Log, topic: Topic, partition: Partition, from: Offset) -> Vec<LogRecord> {
    let mut reader = log.read(topic, partition, from).await.unwrap();
    let mut all = Vec::new();
    loop {
        match super::soon("the end", reader.next()).await.unwrap() {
            Read::Records(records) => all.extend(records),
            Read::End(_) => return all,
        }
    }
}

/// Appends, and waits until it is durable.
pub async fn append(log: &dyn Log, entries: Vec<Entry>) {
    let durable = log.append(entries).await.unwrap();
    super::soon("durability", durable).await.unwrap();
}

/// A record's id: a TIMEUUID whose time is the number.
pub fn message_id(number: u64) -> MessageId {
    time::message_id(ConversationId(Uuid::nil()), number)
}

/// A record's text. The sender is the same for one conversation.
pub fn text(conversation: ConversationId, seq: u64, at: Timestamp, body: Body) -> RecordText {
    RecordText::of(&Record {
        conversation_id: conversation,
        seq,
        ord: seq,
        members_seq: 1,
        message_id: message_id(seq),
        at,
        sender_id: UserId(conversation.0),
        device_id: DeviceId(Uuid::from_u128(2)),
        client_msg_id: ClientMsgId(Uuid::from_u128(3)),
        body,
        origin: Origin { gateway_id: GatewayId(Uuid::nil()), request: 0 },
        source_offset: 0,
    })
}

pub fn message(text: &str) -> Body {
    Body::Message(Message { text: Some(text.to_owned()), ..Message::default() })
}

pub fn edit(target: u64, text: &str) -> Body {
    Body::Edit(Edit { target, text: Some(text.to_owned()), ..Edit::default() })
}

pub fn delete(target: u64) -> Body {
    Body::Delete(Target { target })
}

pub fn membership(conversation: ConversationId, user: UserId, seq: u64) -> Membership {
    Membership {
        conversation_id: conversation,
        user_id: user,
        seq,
        role: Role::Member,
        floor: 0,
        joined_seq: 1,
        joined_at: Timestamp(5),
        left_seq: None,
    }
}

pub fn receipt(conversation: ConversationId, user: UserId, delivered_seq: u64, read_seq: u64) -> Receipt {
    Receipt {
        conversation_id: conversation,
        user_id: user,
        device_id: DeviceId(Uuid::from_u128(2)),
        delivered_seq,
        read_seq,
        read_ord: read_seq,
        at: Timestamp(9),
    }
}

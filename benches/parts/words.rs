//! Commands and records as real ones are.

use bytes::Bytes;
use parlor_engines::{Clock as _, SystemClock, log::Entry};
use parlor_schemas::{
    Action, Body, ClientMsgId, Command, ConversationId, DeviceId, GatewayId, Origin, Record, Topic, UserId,
    avro,
    command::{dedup_key, payload_hash},
    header::{self, Header},
    record::Message,
    time::{message_id, ticks},
    topics,
};
use uuid::Uuid;

/// Bytes of a message's text.
const TEXT_BYTES: usize = 64;

/// A message's content.
pub fn message() -> Message {
    Message { text: Some("x".repeat(TEXT_BYTES)), ..Message::default() }
}

/// What somebody asks for.
pub fn command(conversation_id: ConversationId, sender_id: UserId, action: Action) -> Command {
    let payload_hash = match &action {
        Action::Message(message) => payload_hash("send", message),
        _ => payload_hash("other", &conversation_id),
    };
    Command {
        conversation_id,
        sender_id,
        device_id: DeviceId(Uuid::from_u128(3)),
        client_msg_id: ClientMsgId(Uuid::now_v7()),
        payload_hash: payload_hash.expect("JSON"),
        origin: Origin { gateway_id: GatewayId(Uuid::from_u128(4)), request: 12_345 },
        action,
        refused: None,
    }
}

/// The `seq`th message of a conversation.
pub fn record(conversation_id: ConversationId, sender_id: UserId, seq: u64) -> Record {
    let now = SystemClock.now();
    Record {
        conversation_id,
        seq,
        ord: seq,
        members_seq: 1,
        message_id: message_id(conversation_id, ticks(now) + seq),
        at: now,
        sender_id,
        device_id: DeviceId(Uuid::from_u128(3)),
        client_msg_id: ClientMsgId(Uuid::now_v7()),
        body: Body::Message(message()),
        origin: Origin { gateway_id: GatewayId(Uuid::from_u128(4)), request: 12_345 },
        source_offset: seq,
    }
}

/// A record on the log, as ingest writes it.
pub fn entry(record: &Record, partitions: u32) -> Entry {
    let header = Header {
        kind: record.kind(),
        conversation_id: record.conversation_id,
        key_hash: dedup_key(record.conversation_id, record.sender_id, record.client_msg_id),
        payload_hash: [7; 16],
        message_id: record.message_id,
        log_time: record.at,
        seq: record.seq,
        ord: record.ord,
        target: None,
    };
    Entry {
        topic: Topic::Messages,
        partition: topics::of_conversation(record.conversation_id, partitions),
        key: Bytes::from(record.conversation_id.to_string()),
        value: Some(avro::encode_record(record)),
        headers: vec![(header::NAME.into(), header.encode().into())],
    }
}

/// Records of `conversations` that take turns, one after the other; `series`: other ones each time.
pub fn records(series: usize, conversations: usize, count: usize) -> Vec<Record> {
    let record = |n: usize| {
        let id = (series * conversations + n % conversations) as u128;
        let conversation = ConversationId(Uuid::from_u128(id << 64 | 1));
        record(conversation, UserId(Uuid::from_u128(id << 64 | 2)), (n / conversations) as u64 + 1)
    };
    (0..count).map(record).collect()
}

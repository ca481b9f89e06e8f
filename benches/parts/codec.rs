//! `codec`: what is parsed and written for every message, against plain `serde_json` of the same fields
//! and, for what travels on the live bus, against copying its bytes.

use crate::{
    measure::{Run, Sample, Side, fine_cpu, now},
    words::{command, message, record},
};
use bytes::Bytes;
use parlor_schemas::{
    Action, Command, ConversationId, LinkId, Record, RecordText, UserId, avro,
    frames::{ClientFrame, record_frame},
    link::{Item, LinkMessage},
};
use serde::{Deserialize, Serialize};
use std::{hint::black_box, time::Duration};
use uuid::Uuid;

/// Between two looks at the clock.
const BATCH: usize = 500;
/// A second says no more about a loop than this.
const TURN: Duration = Duration::from_millis(700);
/// Frames of one link message.
const FRAMES: usize = 64;

/// The fields of a command, as JSON would carry them.
#[derive(Serialize, Deserialize)]
struct PlainCommand {
    conversation_id: Uuid,
    sender_id: Uuid,
    device_id: Uuid,
    client_msg_id: Uuid,
    payload_hash: String,
    gateway_id: Uuid,
    request: u64,
    kind: String,
    text: String,
}

/// The fields of a record.
#[derive(Serialize, Deserialize)]
struct PlainRecord {
    conversation_id: Uuid,
    seq: u64,
    ord: u64,
    members_seq: u64,
    message_id: Uuid,
    kind: String,
    at: i64,
    sender_id: Uuid,
    device_id: Uuid,
    client_msg_id: Uuid,
    gateway_id: Uuid,
    request: u64,
    source_offset: u64,
    body: PlainBody,
}

#[derive(Serialize, Deserialize)]
struct PlainBody {
    text: String,
}

/// A `send` frame and nothing else.
#[derive(Deserialize)]
#[allow(dead_code, reason = "only parsed")]
struct PlainSend<'a> {
    r#type: &'a str,
    id: &'a str,
    conversation_id: Uuid,
    client_msg_id: Uuid,
    body: PlainBody,
}

#[derive(Serialize)]
struct PlainFrame<'a> {
    r#type: &'a str,
    record: &'a PlainRecord,
    epoch: &'a str,
}

impl PlainCommand {
    fn of(command: &Command) -> Self {
        Self {
            conversation_id: command.conversation_id.0,
            sender_id: command.sender_id.0,
            device_id: command.device_id.0,
            client_msg_id: command.client_msg_id.0,
            payload_hash: format!("{:032x}", u128::from_be_bytes(command.payload_hash)),
            gateway_id: command.origin.gateway_id.0,
            request: command.origin.request,
            kind: "message".to_owned(),
            text: message().text.unwrap_or_default(),
        }
    }
}

impl PlainRecord {
    fn of(record: &Record) -> Self {
        Self {
            conversation_id: record.conversation_id.0,
            seq: record.seq,
            ord: record.ord,
            members_seq: record.members_seq,
            message_id: record.message_id.0,
            kind: record.kind().as_str().to_owned(),
            at: record.at.0,
            sender_id: record.sender_id.0,
            device_id: record.device_id.0,
            client_msg_id: record.client_msg_id.0,
            gateway_id: record.origin.gateway_id.0,
            request: record.origin.request,
            source_offset: record.source_offset,
            body: PlainBody { text: message().text.unwrap_or_default() },
        }
    }
}

fn turn<T>(mut work: impl FnMut() -> T) -> Sample {
    let (started, cpu, mut done) = (now(), fine_cpu(std::process::id()), 0);
    while started.elapsed() < TURN {
        for _ in 0..BATCH {
            black_box(work());
        }
        done += BATCH;
    }
    let wall = started.elapsed().as_secs_f64();
    Sample { done: done as f64, cpu: fine_cpu(std::process::id()) - cpu, wall, figures: Vec::new() }
}

async fn case<A, B>(
    run: &Run,
    case: &str,
    against: &'static str,
    mut ours: impl FnMut() -> A,
    mut plain: impl FnMut() -> B,
) {
    let duel = run
        .duel(async |side| match side {
            Side::Ours => turn(&mut ours),
            Side::Baseline => turn(&mut plain),
        })
        .await;
    run.tell(&duel.cpu("codec", case, "call").against(against));
}

pub async fn bench(run: &Run) {
    let (conversation, user) = (ConversationId(Uuid::new_v4()), UserId(Uuid::now_v7()));
    commands(run, &command(conversation, user, Action::Message(message()))).await;
    records(run, &record(conversation, user, 12_345)).await;
    links(run).await;
}

async fn commands(run: &Run, command: &Command) {
    let plain = PlainCommand::of(command);
    let (avro, json) = (avro::encode_command(command), serde_json::to_vec(&plain).expect("JSON"));
    let encode = || serde_json::to_vec(&plain);
    case(run, "command, to Avro", "serde_json", || avro::encode_command(command), encode).await;
    let decode = || serde_json::from_slice::<PlainCommand>(&json).expect("JSON");
    case(run, "command, from Avro", "serde_json", || avro::decode_command(&avro).expect("Avro"), decode)
        .await;
    let frame = format!(
        r#"{{"type":"send","id":"12345","conversation_id":"{}","client_msg_id":"{}","body":{{"text":"{}"}}}}"#,
        command.conversation_id, command.client_msg_id, plain.text
    );
    let ours = || serde_json::from_str::<ClientFrame<'_>>(&frame).expect("a frame").body.is_some();
    let plain = || serde_json::from_str::<PlainSend<'_>>(&frame).expect("a frame").body.text.len();
    case(run, "`send` frame, any of 16 types", "serde_json, only `send`", ours, plain).await;
}

async fn records(run: &Run, record: &Record) {
    let plain = PlainRecord::of(record);
    let (avro, json) = (avro::encode_record(record), serde_json::to_vec(&plain).expect("JSON"));
    let encode = || serde_json::to_vec(&plain);
    case(run, "record, to Avro", "serde_json", || avro::encode_record(record), encode).await;
    let decode = || serde_json::from_slice::<PlainRecord>(&json).expect("JSON");
    case(run, "record, from Avro", "serde_json", || avro::decode_record(&avro).expect("Avro"), decode).await;
    let ours = || record_frame(&RecordText::of(record), "1");
    let frame = PlainFrame { r#type: "record", record: &plain, epoch: "1" };
    case(run, "`record` frame", "serde_json", ours, || serde_json::to_vec(&frame)).await;
}

async fn links(run: &Run) {
    let text = Bytes::from(vec![b'x'; 480]);
    let items = (0..FRAMES).map(|_| Item::Frame { connections: vec![1 << 40, 2 << 40], text: text.clone() });
    let link = LinkMessage { link_id: LinkId(Uuid::now_v7()), number: 12_345, items: items.collect() };
    let bytes = link.encode();
    let copy = || bytes.to_vec();
    case(run, "link message of 64 frames, written", "a copy", || link.encode(), copy).await;
    let ours = || LinkMessage::decode(&bytes).expect("a link message");
    case(run, "link message of 64 frames, read", "a copy", ours, copy).await;
}

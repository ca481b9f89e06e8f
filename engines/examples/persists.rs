//! Measures the store on Cassandra: a persister's writes against a bare driver loop that issues the
//! same prepared inserts with the same number of requests in flight. Needs a server:
//! `cargo run --release -p parlor-engines --example persists cassandra://127.0.0.1:19042 [RECORDS]`.
//! It makes (and takes away) the keyspace `parlor_persists`.

use futures_util::{StreamExt, TryStreamExt, stream};
use parlor_engines::{
    Clock, Engines, SystemClock, Tuning, Urls, init, open,
    store::{Effect, Head, StoredAck},
};
use parlor_schemas::{
    Ack, Body, ClientMsgId, ConversationId, DeviceId, GatewayId, Limits, Origin, Record, RecordText,
    Timestamp, UserId,
    receipt::Marks,
    record::Message,
    time::{message_id, ticks},
};
use scylla::{
    client::{PoolSize, session::Session, session_builder::SessionBuilder},
    statement::prepared::PreparedStatement,
    value::{CqlTimestamp, CqlTimeuuid},
};
use std::{num::NonZeroUsize, sync::Arc};
use tokio::time::Instant;
use uuid::Uuid;

const KEYSPACE: &str = "parlor_persists";
/// Records of one `write`, as a consume loop hands them over.
const BATCH: usize = 1_000;
const CONVERSATIONS: usize = 100;
const TEXT_BYTES: usize = 200;
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() {
    let mut given = std::env::args().skip(1);
    let server = given.next().unwrap_or_else(|| "cassandra://127.0.0.1:19042".into());
    let count = given.next().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let in_flight = Tuning::default().cassandra.in_flight_max / 2;
    let driver = driver(&server).await;
    driver.query_unpaged(format!("DROP KEYSPACE IF EXISTS {KEYSPACE}"), ()).await.expect("dropped");
    let data = std::env::temp_dir().join(format!("parlor-persists-{}", std::process::id()));
    let urls = Urls { data: data.clone(), store: Some(format!("{server}/{KEYSPACE}")), ..Urls::default() };
    init(&urls, &Tuning::default()).await.expect("the tables are made");
    let engines = open(&urls, &Tuning::default(), &Limits::default(), Arc::new(SystemClock)).await;
    let engines = engines.expect("the engines open");
    let bare = Bare::prepare(driver).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        // Turn about, on conversations of their own; the first round warms up.
        let (a, b) = (batches(round * 2, count), batches(round * 2 + 1, count));
        let store = measured(count, through_store(&engines, a)).await;
        let plain = measured(count, bare.run(&b, in_flight)).await;
        if round > 0 {
            ours.push(store);
            theirs.push(plain);
        }
    }
    let (ours, theirs) = (middle(ours), middle(theirs));
    println!(
        "{count} records in batches of {BATCH} over {CONVERSATIONS} conversations, {in_flight} in flight:"
    );
    for (name, (rate, cpu)) in [("store", ours), ("bare driver loop", theirs)] {
        println!("{name}: {rate:.0} records/s, {cpu:.0} µs CPU each");
    }
    println!("ratio {:.2}, by CPU {:.2}", ours.0 / theirs.0, theirs.1 / ours.1);
    bare.session.query_unpaged(format!("DROP KEYSPACE {KEYSPACE}"), ()).await.expect("dropped");
    engines.close().await;
    std::fs::remove_dir_all(data).expect("the directory can be removed");
}

/// Records per second, and the CPU time of this process for each in microseconds.
async fn measured(count: usize, work: impl Future<Output = ()>) -> (f64, f64) {
    let (started, cpu) = (Instant::now(), cpu_seconds());
    work.await;
    (count as f64 / started.elapsed().as_secs_f64(), (cpu_seconds() - cpu) * 1e6 / count as f64)
}

/// The round in the middle by its rate.
fn middle(mut rounds: Vec<(f64, f64)>) -> (f64, f64) {
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    rounds[rounds.len() / 2]
}

/// CPU seconds of this process so far (Linux).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

async fn driver(server: &str) -> Session {
    let connections = NonZeroUsize::new(Tuning::default().cassandra.connections).expect("some");
    let node = server.trim_start_matches("cassandra://");
    let builder = SessionBuilder::new().known_node(node).pool_size(PoolSize::PerHost(connections));
    builder.build().await.expect("the server answers")
}

/// Batches of records, one conversation after the other in turn.
fn batches(series: usize, count: usize) -> Vec<Vec<Record>> {
    let now = SystemClock.now();
    let record = |n: usize| {
        let id = (series * CONVERSATIONS + n % CONVERSATIONS) as u128;
        let conversation_id = ConversationId(Uuid::from_u128(id << 64 | 1));
        let seq = (n / CONVERSATIONS) as u64 + 1;
        Record {
            conversation_id,
            seq,
            ord: seq,
            members_seq: 1,
            message_id: message_id(conversation_id, ticks(now) + seq),
            at: now,
            sender_id: UserId(Uuid::from_u128(id << 64 | 2)),
            device_id: DeviceId(Uuid::from_u128(3)),
            client_msg_id: ClientMsgId(Uuid::new_v4()),
            body: Body::Message(Message { text: Some("x".repeat(TEXT_BYTES)), ..Message::default() }),
            origin: Origin { gateway_id: GatewayId(Uuid::nil()), request: 0 },
            source_offset: n as u64,
        }
    };
    let records: Vec<Record> = (0..count).map(record).collect();
    records.chunks(BATCH).map(<[Record]>::to_vec).collect()
}

/// What a persister makes of its batches.
async fn through_store(engines: &Engines, batches: Vec<Vec<Record>>) {
    let mut offset = 0;
    for batch in batches {
        let mut effects = Vec::new();
        offset += batch.len() as u64;
        for record in &batch {
            effects.push(Effect::Record(record.conversation_id, RecordText::of(record)));
            let ack = StoredAck { payload_hash: [7; 16], ack: Ack::of(record, false) };
            effects.push(Effect::Ack(record.sender_id, ack));
        }
        for last in &batch[batch.len().saturating_sub(CONVERSATIONS)..] {
            let marks = Marks { own_seq: last.seq, own_ord: last.ord, ..Marks::default() };
            effects.push(Effect::Own(last.conversation_id, last.sender_id, marks));
            let head = Head { seq: last.seq, ord: last.ord, at: last.at };
            effects.push(Effect::Head(last.conversation_id, head));
        }
        engines.store.write(0, effects, offset).await.expect("written");
    }
}

/// The driver alone: the same inserts, one request each.
struct Bare {
    session: Session,
    record: PreparedStatement,
    ack: PreparedStatement,
    own_seq: PreparedStatement,
    own_ord: PreparedStatement,
    head: PreparedStatement,
}

/// One insert of the loop.
#[derive(Clone, Copy)]
enum Insert<'a> {
    Record(&'a Record),
    Ack(&'a Record),
    OwnSeq(&'a Record),
    OwnOrd(&'a Record),
    Head(&'a Record),
}

impl Bare {
    async fn prepare(session: Session) -> Self {
        let prepare = async |table: &str, columns: &str, using: &str| {
            let marks = vec!["?"; columns.split(',').count()].join(", ");
            let cql = format!("INSERT INTO {KEYSPACE}.{table} ({columns}) VALUES ({marks}) USING {using}");
            let mut statement = session.prepare(cql).await.expect("prepared");
            statement.set_is_idempotent(true);
            statement
        };
        let text = "conversation_id, bucket, seq, ord, message_id, kind, at, sender_id, device_id, \
                    client_msg_id, body";
        let ack = "conversation_id, sender_id, client_msg_id, payload_hash, seq, ord, message_id, at, more";
        Self {
            record: prepare("messages_by_conversation", text, "TIMESTAMP ?").await,
            ack: prepare("client_messages", ack, "TTL ? AND TIMESTAMP ?").await,
            own_seq: prepare("receipts", "conversation_id, user_id, own_seq", "TIMESTAMP ?").await,
            own_ord: prepare("receipts", "conversation_id, user_id, own_ord", "TIMESTAMP ?").await,
            head: prepare("conversation_heads", "conversation_id, seq, ord, at", "TIMESTAMP ?").await,
            session,
        }
    }

    async fn run(&self, batches: &[Vec<Record>], in_flight: usize) {
        for batch in batches {
            let rows = batch.iter().flat_map(|record| [Insert::Record(record), Insert::Ack(record)]);
            let last = batch[batch.len().saturating_sub(CONVERSATIONS)..].iter();
            let last = last.flat_map(|last| [Insert::OwnSeq(last), Insert::OwnOrd(last), Insert::Head(last)]);
            let inserts: Vec<_> = rows.chain(last).map(|insert| self.insert(insert)).collect();
            let done: Result<(), _> = stream::iter(inserts).buffer_unordered(in_flight).try_collect().await;
            done.expect("written");
        }
    }

    async fn insert(&self, insert: Insert<'_>) -> Result<(), scylla::errors::ExecutionError> {
        let (Insert::Record(r) | Insert::Ack(r) | Insert::OwnSeq(r) | Insert::OwnOrd(r) | Insert::Head(r)) =
            insert;
        let (id, sender, seq, ord) = (r.conversation_id.0, r.sender_id.0, r.seq as i64, r.ord as i64);
        let (message, at) = (CqlTimeuuid::from(r.message_id.0), of(r.at));
        let session = &self.session;
        match insert {
            Insert::Record(r) => {
                let body = serde_json::to_string(&r.body).expect("JSON");
                let (device, client) = (r.device_id.0, r.client_msg_id.0);
                let values = (id, 0_i64, seq, ord, message, "message", at, sender, device, client, body, seq);
                session.execute_unpaged(&self.record, values).await?
            }
            Insert::Ack(r) => {
                let values = (
                    id,
                    sender,
                    r.client_msg_id.0,
                    vec![7_u8; 16],
                    seq,
                    ord,
                    message,
                    at,
                    "",
                    2_592_000_i32,
                    seq,
                );
                session.execute_unpaged(&self.ack, values).await?
            }
            Insert::OwnSeq(_) => session.execute_unpaged(&self.own_seq, (id, sender, seq, seq)).await?,
            Insert::OwnOrd(_) => session.execute_unpaged(&self.own_ord, (id, sender, ord, ord)).await?,
            Insert::Head(_) => session.execute_unpaged(&self.head, (id, seq, ord, at, seq)).await?,
        };
        Ok(())
    }
}

fn of(at: Timestamp) -> CqlTimestamp {
    CqlTimestamp(at.0)
}

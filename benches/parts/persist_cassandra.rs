//! `persist_cassandra`: the persister from a log to Cassandra, against a bare driver loop that issues the
//! same prepared inserts with the same number of requests under way.

use crate::{
    engines,
    measure::{Judged, Run, Sample, Side, now, own_cpu},
    words::{entry, records},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use parlor_engines::{Engines, Health, Tuning, log::Entry};
use parlor_schemas::{Record, Topic, topics::Offset};
use scylla::{
    client::{PoolSize, session::Session, session_builder::SessionBuilder},
    statement::prepared::PreparedStatement,
    value::{CqlTimestamp, CqlTimeuuid},
};
use std::{cell::Cell, num::NonZeroUsize, time::Duration};
use tokio_util::sync::CancellationToken;

const KEYSPACE: &str = "parlor_bench";
/// Records for each second of a round.
const PER_SECOND: f64 = 5_000.0;
/// Records of one round of the loop, as a feed hands them over.
const BATCH: usize = 1_000;
const CONVERSATIONS: usize = 100;

pub async fn bench(run: &Run) {
    let Some(url) = engines::url("PARLOR__STORE", "cassandra:") else { return };
    let server = url.rsplit_once('/').expect("a keyspace").0.to_owned();
    let count = (PER_SECOND * run.round.as_secs_f64()) as usize;
    let driver = driver(&server).await;
    driver.query_unpaged(format!("DROP KEYSPACE IF EXISTS {KEYSPACE}"), ()).await.expect("dropped");
    let data = tempfile::tempdir().expect("a temporary directory");
    let store = format!("{server}/{KEYSPACE}");
    let engines = engines::opened(&data, Some(store), None, &Tuning::default()).await;
    let bare = Bare::prepare(driver).await;
    let series = Cell::new(0);
    // On conversations of their own; the first turn of each warms up.
    persist(&engines, &records(series.replace(1), CONVERSATIONS, count / 4)).await;
    bare.run(&records(series.replace(2), CONVERSATIONS, count / 4)).await;
    let duel = run
        .duel(async |side| {
            let records = records(series.replace(series.get() + 1), CONVERSATIONS, count);
            match side {
                Side::Ours => persist(&engines, &records).await,
                Side::Baseline => bare.run(&records).await,
            }
        })
        .await;
    let case = format!("{count} records of {CONVERSATIONS} conversations");
    let report = duel.rate("persist_cassandra", case, "records").against("bare driver loop");
    run.tell(&report.judged(Judged::Rate(0.8)));
    bare.session.query_unpaged(format!("DROP KEYSPACE {KEYSPACE}"), ()).await.expect("dropped");
    engines.close().await;
}

fn sample(count: usize, wall: f64, cpu: f64) -> Sample {
    let figures = vec![("cpu_us_each", cpu * 1e6 / count as f64)];
    Sample { done: count as f64, cpu, wall, figures }
}

/// The role, on records that wait for it.
async fn persist(engines: &Engines, records: &[Record]) -> Sample {
    let partitions = engines.log.partitions(Topic::Messages);
    let mut by_partition: Vec<Vec<Entry>> = vec![Vec::new(); partitions as usize];
    for record in records {
        let entry = entry(record, partitions);
        by_partition[entry.partition as usize].push(entry);
    }
    for (partition, entries) in by_partition.into_iter().enumerate() {
        let mut owner = engines.log.claim(partition as u32).await.expect("the partition");
        for batch in entries.chunks(BATCH) {
            owner.commit(batch.to_vec()).await.expect("committed");
        }
    }
    let stop = CancellationToken::new();
    let settings = parlor_persister::Settings { health: Health::default() };
    let (started, cpu) = (now(), own_cpu());
    let running = tokio::spawn(parlor_persister::run(engines.clone(), settings, stop.clone()));
    for partition in 0..partitions {
        let end: Offset = engines.log.ends(Topic::Messages, partition).await.expect("the ends").end;
        while engines.store.written_to(partition).await.expect("Cassandra answers") < end {
            assert!(!running.is_finished(), "the persister runs");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let sample = sample(records.len(), started.elapsed().as_secs_f64(), own_cpu() - cpu);
    stop.cancel();
    running.await.expect("the persister does not break").expect("no alarm");
    sample
}

async fn driver(server: &str) -> Session {
    let connections = NonZeroUsize::new(Tuning::default().cassandra.connections).expect("some");
    let node = server.trim_start_matches("cassandra://");
    let builder = SessionBuilder::new().known_node(node).pool_size(PoolSize::PerHost(connections));
    builder.build().await.expect("the server answers")
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

    async fn run(&self, records: &[Record]) -> Sample {
        let in_flight = Tuning::default().cassandra.in_flight_max / 2;
        let (started, cpu) = (now(), own_cpu());
        for batch in records.chunks(BATCH) {
            let rows = batch.iter().flat_map(|record| [Insert::Record(record), Insert::Ack(record)]);
            let last = batch[batch.len().saturating_sub(CONVERSATIONS)..].iter();
            let last = last.flat_map(|last| [Insert::OwnSeq(last), Insert::OwnOrd(last), Insert::Head(last)]);
            let inserts: Vec<_> = rows.chain(last).map(|insert| self.insert(insert)).collect();
            let done: Result<(), _> = stream::iter(inserts).buffer_unordered(in_flight).try_collect().await;
            done.expect("written");
        }
        sample(records.len(), started.elapsed().as_secs_f64(), own_cpu() - cpu)
    }

    async fn insert(&self, insert: Insert<'_>) -> Result<(), scylla::errors::ExecutionError> {
        let (Insert::Record(r) | Insert::Ack(r) | Insert::OwnSeq(r) | Insert::OwnOrd(r) | Insert::Head(r)) =
            insert;
        let (id, sender, seq, ord) = (r.conversation_id.0, r.sender_id.0, r.seq as i64, r.ord as i64);
        let (message, at, client) =
            (CqlTimeuuid::from(r.message_id.0), CqlTimestamp(r.at.0), r.client_msg_id.0);
        let session = &self.session;
        match insert {
            Insert::Record(r) => {
                let body = serde_json::to_string(&r.body).expect("JSON");
                let device = r.device_id.0;
                let values = (id, 0_i64, seq, ord, message, "message", at, sender, device, client, body, seq);
                session.execute_unpaged(&self.record, values).await?
            }
            Insert::Ack(_) => {
                let (hash, seconds) = (vec![7_u8; 16], 2_592_000_i32);
                let values = (id, sender, client, hash, seq, ord, message, at, "", seconds, seq);
                session.execute_unpaged(&self.ack, values).await?
            }
            Insert::OwnSeq(_) => session.execute_unpaged(&self.own_seq, (id, sender, seq, seq)).await?,
            Insert::OwnOrd(_) => session.execute_unpaged(&self.own_ord, (id, sender, ord, ord)).await?,
            Insert::Head(_) => session.execute_unpaged(&self.head, (id, seq, ord, at, seq)).await?,
        };
        Ok(())
    }
}

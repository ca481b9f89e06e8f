//! `ingest_kafka`: the sequencer at work on a backlog, against bare transactional producers that write
//! what it wrote: the same records and rows in the same batches. From the first commit to the last.

use crate::{
    bare_kafka,
    engines::{self, Kafka},
    measure::{Judged, Run, Sample, Side, now, own_cpu},
    words::{command, message},
};
use bytes::Bytes;
use futures_util::future::join_all;
use parlor_engines::{
    Engines, Health,
    log::{Entry, LogRecord, Read},
};
use parlor_schemas::{
    Action, Command, ConversationId, Limits, Row, Topic, UserId, avro,
    topics::{Group, Offset, Partition},
};
use std::{cell::RefCell, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Commands for each second of a round.
const PER_SECOND: f64 = 40_000.0;
const CONVERSATIONS: usize = 100;
const APPEND: usize = 1_000;

/// What one partition's owner wrote, commit by commit.
type Commits = Vec<Vec<Entry>>;

pub async fn bench(run: &Run) {
    let Some(url) = engines::url("PARLOR__LOG", "kafka:") else { return };
    let count = (PER_SECOND * run.round.as_secs_f64()) as usize;
    let (kafka, bare) = (Kafka::create(&url).await, Kafka::create(&url).await);
    let (embedded, _data) = engines::embedded().await;
    let engines = kafka.with(&embedded);
    let places: Vec<_> =
        (0..CONVERSATIONS).map(|_| (UserId(Uuid::now_v7()), UserId(Uuid::now_v7()))).collect();
    let created = places.iter().map(|(sender, peer_id)| {
        command(
            ConversationId::direct(*sender, *peer_id),
            *sender,
            Action::CreateDirect { peer_id: *peer_id },
        )
    });
    append(&engines, created.collect()).await;
    ingest(&engines).await;
    let written = RefCell::new(Vec::new());
    let duel = run
        .duel(async |side| {
            if side == Side::Baseline {
                // What ours wrote last; the first round begins with ours.
                let commits = written.borrow().clone();
                return write(&bare, commits).await;
            }
            let from = ends(&engines).await;
            let commands = (0..count).map(|n| {
                let (sender, peer) = places[n % places.len()];
                command(ConversationId::direct(sender, peer), sender, Action::Message(message()))
            });
            append(&engines, commands.collect()).await;
            let cpu = ingest(&engines).await;
            let (sample, commits) = what_was_written(&engines, &from, cpu).await;
            written.replace(commits);
            sample
        })
        .await;
    let report = duel.rate("ingest_kafka", format!("a backlog of {count} commands"), "records");
    run.tell(&report.against("bare transactional producers").judged(Judged::Rate(0.7)));
    drop(engines);
    embedded.close().await;
}

async fn append(engines: &Engines, commands: Vec<Command>) {
    let partitions = engines.log.partitions(Topic::Commands);
    let mut durable = Vec::new();
    for batch in commands.chunks(APPEND) {
        let entries = batch.iter().map(|command| Entry::command(command, partitions)).collect();
        durable.push(engines.log.append(entries).await.expect("taken"));
    }
    for durable in join_all(durable).await {
        durable.expect("durable");
    }
}

/// Ingest until nothing is left; the CPU seconds of its work, without claim and rebuild.
async fn ingest(engines: &Engines) -> f64 {
    let (health, stop) = (Health::default(), CancellationToken::new());
    let settings = parlor_ingest::Settings { limits: Limits::default(), health: health.clone() };
    let running = tokio::spawn(parlor_ingest::run(engines.clone(), settings, stop.clone()));
    let partitions = engines.log.partitions(Topic::Commands);
    let is_rebuilt = || {
        let (_, parts) = health.report();
        (0..partitions).all(|partition| {
            parts.get(&format!("{}/{partition}", Group::Ingest.name())).is_some_and(|part| part.ready)
        })
    };
    while !is_rebuilt() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut cpu = own_cpu();
    loop {
        let stored = engines.log.stored(Group::Ingest).await.expect("offsets");
        let mut has_done = true;
        for partition in 0..partitions {
            let end = engines.log.ends(Topic::Commands, partition).await.expect("the ends").end;
            let stored = stored.get(partition as usize).and_then(Option::as_ref);
            has_done &= stored.map_or(0, |stored| stored.offset) >= end;
        }
        if has_done {
            break;
        }
        assert!(!running.is_finished(), "ingest runs");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    cpu = own_cpu() - cpu;
    stop.cancel();
    running.await.expect("ingest does not break").expect("no alarm");
    cpu
}

/// The present ends of both ordered topics, by partition.
async fn ends(engines: &Engines) -> Vec<(Offset, Offset)> {
    let end = async |topic, partition| engines.log.ends(topic, partition).await.expect("the ends").end;
    let mut all = Vec::new();
    for partition in 0..engines.log.partitions(Topic::Messages) {
        all.push((end(Topic::Messages, partition).await, end(Topic::Conversations, partition).await));
    }
    all
}

async fn read(engines: &Engines, topic: Topic, partition: Partition, from: Offset) -> Vec<LogRecord> {
    let mut reader = engines.log.read(topic, partition, from).await.expect("a reader");
    let mut all = Vec::new();
    while let Read::Records(records) = reader.next().await.expect("records") {
        all.extend(records);
    }
    all
}

/// The commits since then, told apart by their position rows, and how fast they came.
async fn what_was_written(engines: &Engines, from: &[(Offset, Offset)], cpu: f64) -> (Sample, Vec<Commits>) {
    let (mut all, mut first, mut last) = (Vec::new(), i64::MAX, i64::MIN);
    let (mut count, mut began_with, mut transactions) = (0, 0, 0);
    for (partition, (messages, rows)) in from.iter().enumerate() {
        let partition = partition as Partition;
        let mut records = read(engines, Topic::Messages, partition, *messages).await.into_iter().peekable();
        let (mut commits, mut commit) = (Commits::new(), Vec::new());
        for row in read(engines, Topic::Conversations, partition, *rows).await {
            let position = match row.value.as_deref().map(avro::decode_row) {
                Some(Ok(Row::Position(position))) => Some(position),
                _ => None,
            };
            let at = row.at.0;
            commit.push(entry(Topic::Conversations, row));
            let Some(position) = position else { continue };
            let is_before = |record: &LogRecord| source(record) < position.next_command;
            let of_commit = std::iter::from_fn(|| records.next_if(is_before));
            let of_commit: Vec<_> = of_commit.map(|record| entry(Topic::Messages, record)).collect();
            if !of_commit.is_empty() {
                (first, last) = (first.min(at), last.max(at));
                count += of_commit.len();
                began_with += if commits.is_empty() { of_commit.len() } else { 0 };
                transactions += 1;
                commit.splice(0..0, of_commit);
                commits.push(std::mem::take(&mut commit));
            }
            commit.clear();
        }
        all.push(commits);
    }
    let wall = (last - first).max(1) as f64 / 1000.0;
    let figures = vec![
        ("cpu_us_each", cpu * 1e6 / f64::from(count.max(1) as u32)),
        ("records_per_commit", count as f64 / f64::from(transactions.max(1))),
    ];
    (Sample { done: (count - began_with) as f64, cpu, wall, figures }, all)
}

fn source(record: &LogRecord) -> Offset {
    let value = record.value.as_deref().unwrap_or_default();
    avro::decode_record(value).expect("a record").source_offset
}

fn entry(topic: Topic, record: LogRecord) -> Entry {
    let LogRecord { partition, key, value, headers, .. } = record;
    Entry { topic, partition, key: Bytes::copy_from_slice(&key), value, headers }
}

/// The same again, by a bare producer per partition.
async fn write(bare: &Kafka, written: Vec<Commits>) -> Sample {
    let started = now();
    let topics: Arc<dyn Fn(Topic) -> String + Send + Sync> = {
        let prefix = bare.prefix.clone();
        Arc::new(move |topic| format!("{prefix}{}", topic.name()))
    };
    let owners = written.into_iter().enumerate().map(|(partition, commits)| {
        let (brokers, id) = (bare.brokers.clone(), format!("{}bare-{partition}", bare.prefix));
        let topics = topics.clone();
        tokio::task::spawn_blocking(move || {
            let producer = bare_kafka::producer(&brokers, Some(&id));
            let (cpu, mut first, mut done) = (own_cpu(), f64::INFINITY, 0);
            for commit in &commits {
                bare_kafka::commit(&producer, |topic| topics(topic), commit);
                if first.is_finite() {
                    done += commit.iter().filter(|entry| entry.topic == Topic::Messages).count();
                }
                first = first.min(started.elapsed().as_secs_f64());
            }
            (cpu, first, started.elapsed().as_secs_f64(), done)
        })
    });
    let owners = join_all(owners).await.into_iter().map(|owner| owner.expect("it ran")).collect::<Vec<_>>();
    let first = owners.iter().map(|owner| owner.1).fold(f64::INFINITY, f64::min);
    let last = owners.iter().map(|owner| owner.2).fold(0.0, f64::max);
    let cpu = own_cpu() - owners.iter().map(|owner| owner.0).fold(f64::INFINITY, f64::min);
    let done: usize = owners.iter().map(|owner| owner.3).sum();
    let figures = vec![("cpu_us_each", cpu * 1e6 / done.max(1) as f64)];
    Sample { done: done as f64, cpu, wall: last - first, figures }
}

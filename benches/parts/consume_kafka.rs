//! `consume_kafka`: a consumer group (join, feed, decode, stored offsets) against a bare consumer that
//! polls and decodes. From the first record to the last.

use crate::{
    bare_kafka::{self, PATIENCE},
    engines::{self, Kafka},
    measure::{Judged, Run, Sample, Side, now, own_cpu},
    words::{entry, records},
};
use async_trait::async_trait;
use parking_lot::Mutex;
use parlor_engines::{
    Engines, Health,
    consume::{self, Feed, Role, Stop, letters},
    log::Entry,
};
use parlor_schemas::{Topic, avro, topics::Group};
use rdkafka::Message as _;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// Records for each second of a round.
const PER_SECOND: f64 = 100_000.0;
const CONVERSATIONS: usize = 100;
/// Records of one transaction.
const COMMIT: usize = 1_000;

pub async fn bench(run: &Run) {
    let Some(url) = engines::url("PARLOR__LOG", "kafka:") else { return };
    let count = (PER_SECOND * run.round.as_secs_f64()) as usize;
    let (kafka, (embedded, _data)) = (Kafka::create(&url).await, engines::embedded().await);
    fill(&kafka, count).await;
    let engines = kafka.with(&embedded);
    let duel = run
        .duel(async |side| match side {
            Side::Ours => consume(&engines, count).await,
            Side::Baseline => bare(&kafka, count).await,
        })
        .await;
    let report = duel.rate("consume_kafka", format!("{count} records, decoded"), "records");
    run.tell(&report.against("bare consumer, decoding").judged(Judged::Rate(0.7)));
    drop(engines);
    embedded.close().await;
}

async fn fill(kafka: &Kafka, count: usize) {
    let partitions = kafka.log.partitions(Topic::Messages);
    let mut by_partition: Vec<Vec<Entry>> = vec![Vec::new(); partitions as usize];
    for record in records(0, CONVERSATIONS, count) {
        let entry = entry(&record, partitions);
        by_partition[entry.partition as usize].push(entry);
    }
    for (partition, entries) in by_partition.into_iter().enumerate() {
        let mut owner = kafka.log.claim(partition as u32).await.expect("the partition");
        for batch in entries.chunks(COMMIT) {
            owner.commit(batch.to_vec()).await.expect("committed");
        }
    }
}

/// What all partitions' tasks have seen.
#[derive(Default)]
struct Seen {
    count: usize,
    /// When the first batch came, and the CPU used by then.
    first: Option<(Instant, f64)>,
    end: Option<Sample>,
}

struct Decoding {
    engines: Engines,
    wanted: usize,
    seen: Arc<Mutex<Seen>>,
}

#[async_trait]
impl Role for Decoding {
    async fn serve(&self, mut feed: Feed) -> Result<(), Stop> {
        // Every round reads all of it.
        feed.start(0).await?;
        loop {
            let batch = feed.next().await?;
            self.seen.lock().first.get_or_insert_with(|| (now(), own_cpu()));
            let next = batch.last().map_or(0, |record| record.offset + 1);
            let records = letters::decode(&self.engines, &feed, &batch, avro::decode_record).await?;
            feed.done(next, "");
            let mut seen = self.seen.lock();
            seen.count += records.len();
            if let (true, Some((started, cpu))) = (seen.count >= self.wanted, seen.first) {
                seen.end.get_or_insert_with(|| sample(self.wanted, started, cpu));
            }
        }
    }
}

fn sample(done: usize, started: Instant, cpu: f64) -> Sample {
    let (wall, cpu) = (started.elapsed().as_secs_f64(), own_cpu() - cpu);
    Sample { done: done as f64, cpu, wall, figures: vec![("cpu_us_each", cpu * 1e6 / done as f64)] }
}

async fn consume(engines: &Engines, wanted: usize) -> Sample {
    let seen = Arc::<Mutex<Seen>>::default();
    let role = Arc::new(Decoding { engines: engines.clone(), wanted, seen: seen.clone() });
    let stop = CancellationToken::new();
    let (engines, stopping) = (engines.clone(), stop.clone());
    let running = tokio::spawn(async move {
        consume::run(&engines, Group::Persister, role, Health::default(), stopping).await
    });
    let sample = loop {
        if let Some(sample) = seen.lock().end.take() {
            break sample;
        }
        assert!(!running.is_finished(), "the group runs");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    stop.cancel();
    running.await.expect("the group does not break").expect("no alarm");
    sample
}

async fn bare(kafka: &Kafka, wanted: usize) -> Sample {
    let (brokers, topic) = (kafka.brokers.clone(), kafka.topic(Topic::Messages));
    let partitions = kafka.log.partitions(Topic::Messages) as i32;
    let consume = move || {
        let consumer = bare_kafka::consumer(&brokers, &topic, partitions);
        let (mut count, mut first) = (0, None);
        while count < wanted {
            let message = consumer.poll(PATIENCE).expect("there are more").expect("a record");
            first.get_or_insert_with(|| (now(), own_cpu()));
            avro::decode_record(message.payload().expect("a value")).expect("a record");
            count += 1;
        }
        let (started, cpu) = first.expect("some came");
        sample(wanted, started, cpu)
    };
    tokio::task::spawn_blocking(consume).await.expect("it ran")
}

//! Measures the log on Kafka against bare clients that do the same:
//! `PARLOR_TEST_KAFKA=kafka://127.0.0.1:19092 cargo run --release -p parlor-engines --example kafka`.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use parlor_engines::{
    Log, SystemClock, Tuning, Urls, init,
    log::{Entry, Event, LogRecord, Read},
    open_log,
};
use parlor_schemas::{Topic, topics::Group};
use rdkafka::{
    ClientConfig, ClientContext, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

const VALUE: [u8; 200] = [7; 200];
const KEY: &[u8] = b"0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f";
const APPENDS: usize = 200_000;
const IN_FLIGHT: usize = 4_000;
const COMMITS: usize = 200;
const OPENS: usize = 50;
const PATIENCE: Duration = Duration::from_secs(10);

struct Bench {
    log: Arc<dyn Log>,
    brokers: String,
    prefix: String,
}

#[tokio::main]
async fn main() {
    let url = std::env::var("PARLOR_TEST_KAFKA").expect("PARLOR_TEST_KAFKA=kafka://host:port");
    let mut tuning = Tuning::default();
    tuning.kafka.prefix = format!("bench-{}-", std::process::id());
    init(&Urls { log: Some(url.clone()), ..Urls::default() }, &tuning).await.expect("topics");
    let log = open_log(&url, &tuning, Arc::new(SystemClock)).await.expect("the log");
    let brokers = url.trim_start_matches("kafka://").to_owned();
    let bench = Bench { log, brokers, prefix: tuning.kafka.prefix };
    // Once to warm up; and ours and the bare one in turn, so that both meet the same machine.
    for round in 0..std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(3) {
        println!("round {round}");
        report("append, thousands in flight", "records/s", bench.appends().await, bench.bare_appends().await);
        for size in [20, 100, 1_000] {
            let (ours, bare) = (bench.commits(size).await, bench.bare_commits(size).await);
            report(&format!("commit of {size}"), "records/s", ours, bare);
        }
        report("consume", "records/s", bench.consume().await, bench.bare_consume().await);
        report("read", "records/s", bench.read().await, bench.bare_consume().await);
        bench.opens().await;
    }
}

fn report(what: &str, unit: &str, ours: f64, bare: f64) {
    println!("  {what:<30} {ours:>9.0} {unit}, bare {bare:>9.0}: ratio {:.2}", ours / bare);
}

fn entry(topic: Topic, partition: u32) -> Entry {
    let value = Some(Bytes::from_static(&VALUE));
    Entry { topic, partition, key: Bytes::from_static(KEY), value, headers: Vec::new() }
}

fn rate(count: usize, started: Instant) -> f64 {
    count as f64 / started.elapsed().as_secs_f64()
}

impl Bench {
    fn topic(&self, topic: Topic) -> String {
        format!("{}{}", self.prefix, topic.name())
    }

    async fn appends(&self) -> f64 {
        let started = Instant::now();
        let mut flying = FuturesUnordered::new();
        for n in 0..APPENDS {
            let durable = self.log.append(vec![entry(Topic::Commands, n as u32 % 4)]).await;
            flying.push(durable.expect("taken"));
            if flying.len() >= IN_FLIGHT {
                flying.next().await.expect("in flight").expect("durable");
            }
        }
        while let Some(durable) = flying.next().await {
            durable.expect("durable");
        }
        rate(APPENDS, started)
    }

    fn producer(&self, with: &[(&str, &str)]) -> ThreadedProducer<Counting> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("linger.ms", "0").set("compression.codec", "lz4");
        config.set("queue.buffering.max.messages", "0").set("enable.idempotence", "true");
        for (name, value) in with {
            config.set(*name, *value);
        }
        config.create_with_context(Counting::default()).expect("a producer")
    }

    async fn bare_appends(&self) -> f64 {
        let (producer, topic) = (self.producer(&[]), self.topic(Topic::Commands));
        let run = move || {
            let started = Instant::now();
            for n in 0..APPENDS {
                while n - producer.context().0.load(Ordering::Acquire) >= IN_FLIGHT {
                    std::thread::yield_now();
                }
                let record = BaseRecord::to(&topic).partition(n as i32 % 4).key(KEY).payload(&VALUE[..]);
                producer.send(record).map_err(|(error, _)| error).expect("taken");
            }
            producer.flush(PATIENCE).expect("durable");
            rate(APPENDS, started)
        };
        tokio::task::spawn_blocking(run).await.expect("it ran")
    }

    async fn commits(&self, size: usize) -> f64 {
        let mut owner = self.log.claim(0).await.expect("the partition");
        let (mut times, started) = (Vec::new(), Instant::now());
        for _ in 0..COMMITS {
            let began = Instant::now();
            owner.commit(vec![entry(Topic::Messages, 0); size]).await.expect("committed");
            times.push(began.elapsed());
        }
        let rate = rate(COMMITS * size, started);
        times.sort();
        println!("    a commit of {size}: p50 {:?}, p99 {:?}", times[COMMITS / 2], times[COMMITS * 99 / 100]);
        rate
    }

    async fn bare_commits(&self, size: usize) -> f64 {
        let id = format!("{}bare", self.prefix);
        let (producer, topic) = (self.producer(&[("transactional.id", &id)]), self.topic(Topic::Messages));
        let run = move || {
            producer.init_transactions(PATIENCE).expect("an epoch");
            let started = Instant::now();
            for _ in 0..COMMITS {
                producer.begin_transaction().expect("begun");
                for _ in 0..size {
                    let record = BaseRecord::to(&topic).partition(1).key(KEY).payload(&VALUE[..]);
                    producer.send(record).map_err(|(error, _)| error).expect("taken");
                }
                while producer.in_flight_count() > 0 {
                    std::thread::yield_now();
                }
                producer.commit_transaction(PATIENCE).expect("committed");
            }
            rate(COMMITS * size, started)
        };
        tokio::task::spawn_blocking(run).await.expect("it ran")
    }

    async fn consume(&self) -> f64 {
        let mut member = self.log.join(Group::Ingest).await.expect("joined");
        let (mut count, mut ends, mut started) = (0, 0, Instant::now());
        while ends < 4 {
            match member.next().await.expect("an event") {
                Event::Assigned(partitions) => {
                    started = Instant::now();
                    for (partition, _) in partitions {
                        member.start(partition, 0).await.expect("started");
                    }
                }
                Event::Records(_, records) => count += touched(&records),
                Event::End(_) => ends += 1,
                other => panic!("{other:?}"),
            }
        }
        let rate = rate(count, started);
        member.leave().await.expect("left");
        rate
    }

    async fn bare_consume(&self) -> f64 {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", "bench")
            .set("enable.partition.eof", "true");
        let (consumer, topic): (BaseConsumer, _) =
            (config.create().expect("a consumer"), self.topic(Topic::Commands));
        let run = move || {
            let mut list = TopicPartitionList::new();
            for partition in 0..4 {
                list.add_partition_offset(&topic, partition, Offset::Beginning).expect("a place");
            }
            let (mut count, mut ends, started) = (0, 0, Instant::now());
            consumer.assign(&list).expect("assigned");
            while ends < 4 {
                match consumer.poll(PATIENCE) {
                    Some(Ok(message)) => count += usize::from(message.payload().is_some()),
                    Some(Err(_)) => ends += 1,
                    None => {}
                }
            }
            rate(count, started)
        };
        tokio::task::spawn_blocking(run).await.expect("it ran")
    }

    async fn read(&self) -> f64 {
        let (mut count, started) = (0, Instant::now());
        for partition in 0..4 {
            let mut reader = self.log.read(Topic::Commands, partition, 0).await.expect("a reader");
            while let Read::Records(records) = reader.next().await.expect("records") {
                count += touched(&records);
            }
        }
        rate(count, started)
    }

    /// A short-lived read of one record, as a duplicate's answer needs it.
    async fn opens(&self) {
        let (mut asked, mut opened, mut read) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..OPENS {
            let began = Instant::now();
            self.log.ends(Topic::Commands, n as u32 % 4).await.expect("the ends");
            asked.push(began.elapsed());
            let began = Instant::now();
            let mut reader = self.log.read(Topic::Commands, n as u32 % 4, 5).await.expect("a reader");
            opened.push(began.elapsed());
            let Read::Records(records) = reader.next().await.expect("records") else {
                panic!("there are some")
            };
            assert_eq!(records[0].offset, 5);
            read.push(began.elapsed());
        }
        let median = |times: &mut Vec<Duration>| {
            times.sort();
            times[OPENS / 2]
        };
        let (asked, opened, read) = (median(&mut asked), median(&mut opened), median(&mut read));
        println!(
            "  a read of one record: {read:?} (open {opened:?}, ends alone {asked:?}), {} threads",
            threads()
        );
    }
}

fn touched(records: &[LogRecord]) -> usize {
    records.iter().filter(|record| record.value.is_some()).count()
}

/// Threads of this process.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Counts acknowledgements.
#[derive(Default)]
struct Counting(AtomicUsize);

impl ClientContext for Counting {}

impl ProducerContext for Counting {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        assert!(result.is_ok(), "durable");
        self.0.fetch_add(1, Ordering::Release);
    }
}

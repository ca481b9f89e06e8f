//! `append_kafka`: the log on Kafka against bare producers: appends with thousands under way, as a gateway
//! makes them, and an owner's commits. And what a read of one record costs, as a duplicate's answer needs it.

use crate::{
    bare_kafka::{self, PATIENCE},
    engines::{self, Kafka},
    measure::{Judged, Run, Sample, Side, now, own_cpu, percentile_ms},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use parlor_engines::log::{Entry, Read};
use parlor_schemas::Topic;
use rdkafka::producer::{BaseRecord, Producer as _};
use std::time::Duration;

const VALUE: [u8; 200] = [7; 200];
const KEY: &[u8] = b"0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f";
const IN_FLIGHT: usize = 4_000;
const COMMITS: [usize; 3] = [20, 100, 1_000];
const OPENS: usize = 50;

pub async fn bench(run: &Run) {
    let Some(url) = engines::url("PARLOR__LOG", "kafka:") else { return };
    let kafka = Kafka::create(&url).await;
    let duel = run
        .duel(async |side| match side {
            Side::Ours => appends(&kafka, run.round).await,
            Side::Baseline => bare_appends(&kafka, run.round).await,
        })
        .await;
    let report = duel.rate("append_kafka", format!("appends, {IN_FLIGHT} under way"), "records");
    run.tell(&report.against("bare producer").judged(Judged::Rate(0.7)));
    for size in COMMITS {
        let duel = run
            .duel(async |side| match side {
                Side::Ours => commits(&kafka, size, run.round).await,
                Side::Baseline => bare_commits(&kafka, size, run.round).await,
            })
            .await;
        let report = duel.rate("append_kafka", format!("commits of {size}"), "records");
        run.tell(&report.against("bare transactional producer").judged(Judged::Rate(0.7)));
    }
    let opens = run.alone(async || opens(&kafka).await).await;
    run.tell(
        &opens.report("append_kafka", "a read of one record", "ms", |sample| sample.figure("read_p50_ms")),
    );
}

fn entry(topic: Topic, partition: u32) -> Entry {
    let (key, value) = (Bytes::from_static(KEY), Some(Bytes::from_static(&VALUE)));
    Entry { topic, partition, key, value, headers: Vec::new() }
}

/// With the CPU of this process, the client's threads included.
fn sample(done: usize, wall: f64, cpu: f64) -> Sample {
    Sample { done: done as f64, cpu, wall, figures: vec![("cpu_us_each", cpu * 1e6 / done as f64)] }
}

async fn appends(kafka: &Kafka, duration: Duration) -> Sample {
    let (started, cpu, mut done) = (now(), own_cpu(), 0);
    let mut flying = FuturesUnordered::new();
    while started.elapsed() < duration {
        let durable = kafka.log.append(vec![entry(Topic::Commands, done as u32 % 4)]).await;
        flying.push(durable.expect("taken"));
        done += 1;
        if flying.len() >= IN_FLIGHT {
            flying.next().await.expect("under way").expect("durable");
        }
    }
    while let Some(durable) = flying.next().await {
        durable.expect("durable");
    }
    sample(done, started.elapsed().as_secs_f64(), own_cpu() - cpu)
}

async fn bare_appends(kafka: &Kafka, duration: Duration) -> Sample {
    let (brokers, topic) = (kafka.brokers.clone(), kafka.topic(Topic::Commands));
    let appends = move || {
        let producer = bare_kafka::producer(&brokers, None);
        let (started, cpu, mut done) = (now(), own_cpu(), 0);
        while started.elapsed() < duration {
            if done >= IN_FLIGHT {
                producer.context().wait(done + 1 - IN_FLIGHT);
            }
            let record = BaseRecord::to(&topic).partition(done as i32 % 4).key(KEY).payload(&VALUE[..]);
            producer.send(record).map_err(|(error, _)| error).expect("taken");
            done += 1;
        }
        producer.flush(PATIENCE).expect("durable");
        sample(done, started.elapsed().as_secs_f64(), own_cpu() - cpu)
    };
    tokio::task::spawn_blocking(appends).await.expect("it ran")
}

async fn commits(kafka: &Kafka, size: usize, duration: Duration) -> Sample {
    let mut owner = kafka.log.claim(0).await.expect("the partition");
    let (started, cpu, mut times) = (now(), own_cpu(), Vec::new());
    while started.elapsed() < duration {
        let began = now();
        owner.commit(vec![entry(Topic::Messages, 0); size]).await.expect("committed");
        times.push(began.elapsed().as_micros() as u32);
    }
    of_commits(&times, size, started.elapsed().as_secs_f64(), own_cpu() - cpu)
}

async fn bare_commits(kafka: &Kafka, size: usize, duration: Duration) -> Sample {
    let (brokers, id) = (kafka.brokers.clone(), format!("{}bare", kafka.prefix));
    let topic = kafka.topic(Topic::Messages);
    let commits = move || {
        let producer = bare_kafka::producer(&brokers, Some(&id));
        let entries = vec![entry(Topic::Messages, 1); size];
        let (started, cpu, mut times) = (now(), own_cpu(), Vec::new());
        while started.elapsed() < duration {
            let began = now();
            bare_kafka::commit(&producer, |_| topic.clone(), &entries);
            times.push(began.elapsed().as_micros() as u32);
        }
        of_commits(&times, size, started.elapsed().as_secs_f64(), own_cpu() - cpu)
    };
    tokio::task::spawn_blocking(commits).await.expect("it ran")
}

fn of_commits(times: &[u32], size: usize, wall: f64, cpu: f64) -> Sample {
    let mut sample = sample(times.len() * size, wall, cpu);
    sample.figures.push(("p50_ms", percentile_ms(times, 50.0)));
    sample.figures.push(("p99_ms", percentile_ms(times, 99.0)));
    sample
}

/// Short-lived readers, and for comparison the question for a partition's ends, one round trip.
async fn opens(kafka: &Kafka) -> Sample {
    let (started, mut asked, mut read) = (now(), Vec::new(), Vec::new());
    for n in 0..OPENS {
        let began = now();
        kafka.log.ends(Topic::Commands, n as u32 % 4).await.expect("the ends");
        asked.push(began.elapsed().as_micros() as u32);
        let began = now();
        let mut reader = kafka.log.read(Topic::Commands, n as u32 % 4, 5).await.expect("a reader");
        let Read::Records(records) = reader.next().await.expect("records") else { panic!("there are some") };
        assert_eq!(records[0].offset, 5);
        read.push(began.elapsed().as_micros() as u32);
    }
    let figures =
        vec![("read_p50_ms", percentile_ms(&read, 50.0)), ("ends_p50_ms", percentile_ms(&asked, 50.0))];
    Sample { done: OPENS as f64, cpu: 0.0, wall: started.elapsed().as_secs_f64(), figures }
}

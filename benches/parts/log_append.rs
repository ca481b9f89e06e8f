//! `log_append`: the embedded log against a file with group commit. Many small appends under way, as a
//! gateway makes them; and an owner's commits one after the other, as ingest makes them.

use crate::{
    engines,
    measure::{Journal, Run, Sample, Side, now, own_cpu, percentile_ms},
};
use bytes::Bytes;
use parlor_engines::{
    Log,
    log::{Entry, Owner},
};
use parlor_schemas::Topic;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

const IN_FLIGHT: usize = 1_000;
const KEY: &[u8] = b"0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f";
const VALUE: [u8; 200] = [7; 200];
const COMMIT_RECORDS: usize = 20;

pub async fn bench(run: &Run) {
    let (engines, data) = engines::embedded().await;
    let journal = Journal::create(&data.path().join("bench-journal"));
    let duel = run
        .duel(async |side| match side {
            Side::Ours => appends(run.round, &engines.log, append).await,
            Side::Baseline => appends(run.round, &journal, write).await,
        })
        .await;
    let case = format!("appends of {} bytes, {IN_FLIGHT} under way", VALUE.len());
    run.tell(&duel.cpu("log_append", case, "record").against("raw journal"));

    let mut owner = engines.log.claim(0).await.expect("the partition");
    let duel = run
        .duel(async |side| match side {
            Side::Ours => commits(run.round, async || commit(&mut *owner).await).await,
            Side::Baseline => {
                let bytes = Bytes::from(vec![7; COMMIT_RECORDS * (VALUE.len() + KEY.len())]);
                commits(run.round, async || journal.append(bytes.clone()).await).await
            }
        })
        .await;
    let case = format!("commits of {COMMIT_RECORDS}, one after the other");
    run.tell(&duel.cpu("log_append", case, "record").against("raw journal"));
    drop((owner, journal));
    engines.close().await;
}

fn entry(topic: Topic, partition: u32) -> Entry {
    let (key, value) = (Bytes::from_static(KEY), Some(Bytes::from_static(&VALUE)));
    Entry { topic, partition, key, value, headers: Vec::new() }
}

async fn append(log: Arc<dyn Log>, place: usize) {
    let durable = log.append(vec![entry(Topic::Commands, place as u32 % 4)]).await;
    durable.expect("taken").await.expect("durable");
}

async fn write(journal: Journal, _: usize) {
    let mut bytes = Vec::with_capacity(KEY.len() + VALUE.len());
    bytes.extend_from_slice(KEY);
    bytes.extend_from_slice(&VALUE);
    journal.append(bytes.into()).await;
}

/// As many tasks as appends are to be under way.
async fn appends<T, F>(
    duration: Duration,
    to: &T,
    one: impl Fn(T, usize) -> F + Clone + Send + 'static,
) -> Sample
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    let (done, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (started, cpu) = (now(), own_cpu());
    let tasks: Vec<_> = (0..IN_FLIGHT)
        .map(|place| {
            let (to, one, done, is_over) = (to.clone(), one.clone(), done.clone(), is_over.clone());
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    one(to.clone(), place).await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    tokio::time::sleep(duration).await;
    is_over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("no task breaks");
    }
    let (done, wall) = (done.load(Ordering::Relaxed) as f64, started.elapsed().as_secs_f64());
    Sample { done, cpu: own_cpu() - cpu, wall, figures: vec![("records_per_s", done / wall)] }
}

async fn commit(owner: &mut dyn Owner) {
    let entries = (0..COMMIT_RECORDS).map(|_| entry(Topic::Messages, 0)).collect();
    owner.commit(entries).await.expect("committed");
}

async fn commits(duration: Duration, mut one: impl AsyncFnMut()) -> Sample {
    let (started, cpu, mut times) = (now(), own_cpu(), Vec::new());
    while started.elapsed() < duration {
        let began = now();
        one().await;
        times.push(began.elapsed().as_micros() as u32);
    }
    let figures = vec![("p50_ms", percentile_ms(&times, 50.0)), ("p99_ms", percentile_ms(&times, 99.0))];
    let done = (times.len() * COMMIT_RECORDS) as f64;
    Sample { done, cpu: own_cpu() - cpu, wall: started.elapsed().as_secs_f64(), figures }
}

//! Measures the embedded log: `cargo run --release -p parlor-engines --example appends [SECONDS]`.

use bytes::Bytes;
use parlor_engines::{Engines, SystemClock, Tuning, Urls, log::Entry, open};
use parlor_schemas::{Limits, Topic};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

const IN_FLIGHT: usize = 1_000;
const VALUE_BYTES: usize = 200;
const COMMIT_RECORDS: usize = 20;
const COMMITS: usize = 2_000;

#[tokio::main]
async fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(5);
    let directory = std::env::temp_dir().join(format!("parlor-appends-{}", std::process::id()));
    let urls = Urls { data: directory.clone(), ..Urls::default() };
    let engines = open(&urls, &Tuning::default(), &Limits::default(), Arc::new(SystemClock)).await;
    let engines = engines.expect("the engines open");
    appends(&engines, Duration::from_secs(seconds)).await;
    commits(&engines).await;
    engines.close().await;
    std::fs::remove_dir_all(directory).expect("the directory can be removed");
}

fn entry(topic: Topic, partition: u32) -> Entry {
    Entry {
        topic,
        partition,
        key: Bytes::from_static(b"0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f"),
        value: Some(Bytes::from(vec![7; VALUE_BYTES])),
        headers: Vec::new(),
    }
}

/// One entry per append, a thousand appends in flight.
async fn appends(engines: &Engines, time: Duration) {
    let (done, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let tasks: Vec<_> = (0..IN_FLIGHT)
        .map(|n| {
            let (log, done, stop) = (engines.log.clone(), done.clone(), stop.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let durable = log.append(vec![entry(Topic::Commands, n as u32 % 4)]).await;
                    durable.expect("taken").await.expect("durable");
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("no task breaks");
    }
    let (done, cpu) = (done.load(Ordering::Relaxed) as f64, cpu_seconds() - cpu);
    println!(
        "appends of {VALUE_BYTES} bytes, {IN_FLIGHT} in flight: {:.0}/s, {:.1} µs CPU each",
        done / started.elapsed().as_secs_f64(),
        cpu * 1e6 / done
    );
}

/// An owner's commits, one after the other.
async fn commits(engines: &Engines) {
    let mut owner = engines.log.claim(0).await.expect("claimed");
    let mut times = Vec::with_capacity(COMMITS);
    for _ in 0..COMMITS {
        let entries = (0..COMMIT_RECORDS).map(|_| entry(Topic::Messages, 0)).collect();
        let started = Instant::now();
        owner.commit(entries).await.expect("committed");
        times.push(started.elapsed());
    }
    times.sort();
    println!(
        "owner's commits of {COMMIT_RECORDS} records: p50 {:?}, p99 {:?}",
        times[COMMITS / 2],
        times[COMMITS * 99 / 100]
    );
}

/// CPU seconds of this process so far (Linux).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

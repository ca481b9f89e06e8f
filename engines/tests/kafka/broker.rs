//! A broker that goes away under load, in an instance of its own (`dev/engines`): what was
//! accepted is there, once, in order.

use crate::{
    conformance::{
        Setting as _, until,
        words::{entry, read_all, values},
    },
    setting::Kafka,
};
use parlor_engines::{
    Engines, Log,
    log::{Event, LogError, StoredOffset},
};
use parlor_schemas::{
    Topic,
    topics::{Group, Offset},
};
use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    process::{Command, Output},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// A broker that is gone, with its data, when the test ends.
struct Broker {
    instance: String,
    url: String,
}

impl Broker {
    fn up() -> Self {
        let instance = format!("kafka-test-{}", std::process::id());
        let broker = Self { url: String::new(), instance };
        broker.run("up", &["--native", "kafka"]);
        let exports = String::from_utf8(broker.run("env", &[]).stdout).unwrap();
        let url = exports.lines().find_map(|line| line.strip_prefix("export PARLOR__LOG="));
        let url = url.expect("an address").to_owned();
        Self { url, instance: broker.forget() }
    }

    fn forget(mut self) -> String {
        std::mem::take(&mut self.instance)
    }

    fn run(&self, what: &str, with: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dev/engines");
        let run = Command::new(script).arg(what).args(with).args(["--instance", &self.instance]).output();
        let run = run.expect("dev/engines runs");
        assert!(run.status.success(), "dev/engines {what}: {run:?}");
        run
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if !self.instance.is_empty() {
            self.run("down", &["--wipe"]);
        }
    }
}

/// What one task appended, by what became of it.
#[derive(Default)]
struct Appended {
    accepted: Mutex<Vec<usize>>,
    unknown: AtomicUsize,
    finished: AtomicBool,
}

/// Numbers, one append each, many in flight.
async fn append_numbers(log: Arc<dyn Log>, appended: Arc<Appended>) {
    let mut flying = VecDeque::new();
    for n in 0.. {
        if appended.finished.load(Ordering::SeqCst) {
            break;
        }
        match log.append(vec![entry(Topic::Messages, 0, "k", Some(&n.to_string()))]).await {
            Ok(durable) => flying.push_back((n, durable)),
            Err(LogError::Unavailable(_)) => drop(appended.unknown.fetch_add(1, Ordering::SeqCst)),
            Err(error) => panic!("{error}"),
        }
        while flying.len() > 200 {
            settle(flying.pop_front().unwrap(), &appended).await;
        }
        tokio::task::yield_now().await;
    }
    for number in flying {
        settle(number, &appended).await;
    }
}

async fn settle((n, durable): (usize, parlor_engines::log::Durable), appended: &Appended) {
    match durable.await {
        Ok(()) => appended.accepted.lock().unwrap().push(n),
        Err(LogError::Unavailable(_)) => drop(appended.unknown.fetch_add(1, Ordering::SeqCst)),
        Err(error) => panic!("{error}"),
    }
}

type Seen = Arc<Mutex<BTreeMap<Offset, String>>>;

/// Reads as a group does, through whatever happens to the group.
async fn consume(log: Arc<dyn Log>, seen: Seen, finished: Arc<Appended>) {
    let mut member = log.join(Group::Persister).await.unwrap();
    while !finished.finished.load(Ordering::SeqCst) {
        let Ok(event) = tokio::time::timeout(Duration::from_millis(100), member.next()).await else {
            continue;
        };
        match event {
            Ok(Event::Assigned(assigned)) => {
                for (partition, stored) in assigned.into_iter().filter(|(partition, _)| *partition == 0) {
                    let from = stored.map_or(0, |stored| stored.offset);
                    member.start(partition, from).await.unwrap();
                }
            }
            Ok(Event::Records(_, records)) => {
                let offset = records.last().unwrap().offset + 1;
                let values = values(&records);
                for (record, value) in records.iter().zip(values) {
                    let before = seen.lock().unwrap().insert(record.offset, value.clone());
                    assert!(before.is_none_or(|before| before == value), "another record at the same offset");
                }
                drop(member.store(vec![(0, StoredOffset { offset, metadata: String::new() })]).await);
            }
            Ok(_) | Err(LogError::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    member.leave().await.unwrap();
}

async fn accepted_more(appended: &Appended) {
    let before = appended.accepted.lock().unwrap().len();
    let waiting = until("more accepted", async || {
        (appended.accepted.lock().unwrap().len() > before + 500).then_some(())
    });
    waiting.await;
}

/// One commit after another; each that is acknowledged is noted.
async fn commit_numbers(engines: &Engines, finished: &Appended) -> Vec<String> {
    let mut committed = Vec::new();
    'claims: for claim in 0.. {
        if finished.finished.load(Ordering::SeqCst) {
            break;
        }
        let Ok(mut owner) = engines.log.claim(1).await else { continue };
        for n in 0.. {
            let value = format!("{claim}/{n}");
            match owner.commit(vec![entry(Topic::Receipts, 1, "k", Some(&value)); 3]).await {
                Ok(_) => committed.push(value),
                Err(LogError::Unavailable(_) | LogError::Fenced) => continue 'claims,
                Err(error) => panic!("{error}"),
            }
            if finished.finished.load(Ordering::SeqCst) {
                break 'claims;
            }
        }
    }
    committed
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_survives_a_broker_that_stops_dies_and_freezes() {
    let broker = tokio::task::block_in_place(Broker::up);
    let mut at = Kafka::at(broker.url.clone());
    // Short, so that the outage is long.
    at.tuning.kafka.delivery_ms = 2_000;
    let at = at.made().await;
    let engines = at.open().await;
    let (appended, seen) = (Arc::new(Appended::default()), Seen::default());
    let appending = tokio::spawn(append_numbers(engines.log.clone(), appended.clone()));
    let consuming = tokio::spawn(consume(engines.log.clone(), seen.clone(), appended.clone()));
    let (with, until_then) = (engines.clone(), appended.clone());
    let committing = tokio::spawn(async move { commit_numbers(&with, &until_then).await });
    for (fault, mended) in [("stop", "start"), ("kill", "start"), ("freeze", "thaw")] {
        accepted_more(&appended).await;
        let before = appended.unknown.load(Ordering::SeqCst);
        tokio::task::block_in_place(|| broker.run(fault, &["kafka"]));
        // Long enough for some to be given up.
        until("the outage", async || (appended.unknown.load(Ordering::SeqCst) > before).then_some(())).await;
        tokio::task::block_in_place(|| broker.run(mended, &["kafka"]));
        accepted_more(&appended).await;
    }
    let last = *appended.accepted.lock().unwrap().last().unwrap();
    until("the member", async || {
        seen.lock().unwrap().values().any(|value| value == &last.to_string()).then_some(())
    })
    .await;
    appended.finished.store(true, Ordering::SeqCst);
    appending.await.unwrap();
    consuming.await.unwrap();
    let committed = committing.await.unwrap();
    let numbers =
        |values: Vec<String>| values.iter().map(|value| value.parse().unwrap()).collect::<Vec<usize>>();
    let written = numbers(values(&read_all(&*engines.log, Topic::Messages, 0, 0).await));
    assert!(written.is_sorted_by(|a, b| a < b), "once and in order, the unknown ones, too");
    let accepted = appended.accepted.lock().unwrap().clone();
    assert!(accepted.iter().all(|n| written.binary_search(n).is_ok()), "what was accepted is there");
    let consumed = numbers(seen.lock().unwrap().values().cloned().collect());
    assert!(written.starts_with(&consumed), "the group saw every record up to where it came");
    let receipts = values(&read_all(&*engines.log, Topic::Receipts, 1, 0).await);
    assert!(receipts.chunks(3).all(|three| three.iter().all(|value| *value == three[0])), "whole commits");
    let there: Vec<_> = receipts.chunks(3).map(|three| three[0].clone()).collect();
    let mut at = there.iter();
    assert!(committed.iter().all(|value| at.any(|found| found == value)), "in order, all acknowledged ones");
    engines.close().await;
}

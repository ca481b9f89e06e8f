//! Members under load: who has a partition, and from where it goes on.

use crate::{
    conformance::{
        Setting as _, soon,
        words::{append, entry, values},
    },
    setting::Kafka,
};
use parlor_engines::{
    Log,
    log::{Consumer, Event, StoredOffset},
};
use parlor_schemas::{
    Topic,
    topics::{Group, Offset, Partition},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const ENTRIES: usize = 4_000;

/// What all members did, and who has which partition.
#[derive(Default)]
struct Shared {
    holders: Mutex<HashMap<Partition, usize>>,
    seen: Mutex<BTreeMap<(Partition, Offset), usize>>,
    finished: AtomicBool,
}

impl Shared {
    fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

/// Works, drains what is taken from it, and says when it has what of another.
async fn work(log: Arc<dyn Log>, shared: Arc<Shared>, me: usize) {
    let mut member = log.join(Group::Persister).await.unwrap();
    let mut done: HashMap<Partition, Offset> = HashMap::new();
    while !shared.finished.load(Ordering::SeqCst) {
        let Ok(event) = tokio::time::timeout(Duration::from_millis(50), member.next()).await else {
            continue;
        };
        match event.unwrap() {
            Event::Assigned(assigned) => {
                for (partition, stored) in assigned {
                    let before = shared.holders.lock().unwrap().insert(partition, me);
                    assert_eq!(before, None, "given to {me} before it was released");
                    let from = stored.map_or(0, |stored| stored.offset);
                    member.start(partition, from).await.unwrap();
                }
            }
            Event::Records(partition, records) => {
                assert_eq!(shared.holders.lock().unwrap()[&partition], me);
                let mut seen = shared.seen.lock().unwrap();
                for record in &records {
                    *seen.entry((partition, record.offset)).or_default() += 1;
                }
                done.insert(partition, records.last().unwrap().offset + 1);
            }
            Event::Revoked(revoked) => {
                for partition in revoked {
                    store(&mut member, partition, done.get(&partition).copied()).await;
                    shared.holders.lock().unwrap().remove(&partition);
                    member.release(partition).await.unwrap();
                }
            }
            Event::End(partition) => store(&mut member, partition, done.get(&partition).copied()).await,
            Event::Lost(lost) => panic!("lost {lost:?}"),
        }
    }
    member.leave().await.unwrap();
}

async fn store(member: &mut Box<dyn Consumer>, partition: Partition, offset: Option<Offset>) {
    if let Some(offset) = offset {
        let stored = StoredOffset { offset, metadata: String::new() };
        // A partition whose end comes late is another's already.
        drop(member.store(vec![(partition, stored)]).await);
    }
}

async fn wait_for(shared: &Shared, what: &str, ready: impl Fn(&Shared) -> bool) {
    crate::conformance::until(what, async || ready(shared).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_move_under_load_and_nothing_is_delivered_twice() {
    let at = Kafka::new().await;
    let engines = at.open().await;
    let shared = Arc::new(Shared::default());
    let first = tokio::spawn(work(engines.log.clone(), shared.clone(), 1));
    let log = engines.log.clone();
    let writing = tokio::spawn(async move {
        for n in 0..ENTRIES {
            let value = n.to_string();
            append(&*log, vec![entry(Topic::Messages, n as u32 % 4, "k", Some(&value))]).await;
        }
    });
    wait_for(&shared, "the first records", |shared| shared.count() > 100).await;
    let second = tokio::spawn(work(engines.log.clone(), shared.clone(), 2));
    wait_for(&shared, "a share for the second", |shared| {
        shared.holders.lock().unwrap().values().filter(|member| **member == 2).count() == 2
    })
    .await;
    writing.await.unwrap();
    wait_for(&shared, "all records", |shared| shared.count() == ENTRIES).await;
    shared.finished.store(true, Ordering::SeqCst);
    first.await.unwrap();
    second.await.unwrap();
    assert!(shared.seen.lock().unwrap().values().all(|times| *times == 1), "each record once");
}

/// Marks are rebuilt and then told again from elsewhere: with nothing to rebuild the second start comes
/// before the client has begun to fetch.
#[tokio::test(flavor = "multi_thread")]
async fn starts_that_follow_each_other_at_once_end_at_the_last_one() {
    let at = Kafka::new().await;
    let engines = at.open().await;
    for partition in 0..4 {
        let entries = (0..100).map(|n| entry(Topic::Receipts, partition, "k", Some(&n.to_string())));
        append(&*engines.log, entries.collect()).await;
    }
    for _ in 0..5 {
        let mut member = engines.log.join(Group::FanoutReceipts).await.unwrap();
        let Event::Assigned(assigned) = soon("partitions", member.next()).await.unwrap() else { panic!() };
        for (partition, _) in &assigned {
            for from in [0, 50, 90] {
                member.start(*partition, from).await.unwrap();
            }
        }
        let mut missing: BTreeSet<_> = assigned.into_iter().map(|(partition, _)| partition).collect();
        while !missing.is_empty() {
            if let Event::Records(partition, records) = soon("records", member.next()).await.unwrap()
                && missing.remove(&partition)
            {
                assert_eq!(records[0].offset, 90);
            }
        }
        member.leave().await.unwrap();
    }
}

/// A role starts again where it wants, with records of before in every queue.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_start_delivers_from_there_and_tells_the_end_again() {
    let at = Kafka::new().await;
    let engines = at.open().await;
    let entries = (0..3_000).map(|n| entry(Topic::Receipts, 0, "k", Some(&n.to_string())));
    append(&*engines.log, entries.collect()).await;
    let mut member = engines.log.join(Group::FanoutReceipts).await.unwrap();
    let Event::Assigned(assigned) = soon("partitions", member.next()).await.unwrap() else { panic!() };
    assert_eq!(assigned.len(), 4);
    for from in [0, 2_990, 10, 3_000, 1_500] {
        // Some of what the start before delivers is on its way.
        member.start(0, from).await.unwrap();
        if from < 3_000 {
            let first = soon("records", member.next()).await.unwrap();
            let Event::Records(0, records) = first else { panic!("{first:?}") };
            assert_eq!(records[0].offset, from);
        } else {
            assert_eq!(soon("the end", member.next()).await.unwrap(), Event::End(0));
        }
    }
    member.start(0, 2_998).await.unwrap();
    let records = soon("records", member.next()).await.unwrap();
    assert!(
        matches!(&records, Event::Records(0, records) if values(records) == ["2998", "2999"]),
        "{records:?}"
    );
    assert_eq!(soon("the end", member.next()).await.unwrap(), Event::End(0));
}

/// A commit's marker takes an offset behind the last record: that is no lag, and no second end.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_is_told_once_though_markers_follow() {
    let at = Kafka::new().await;
    let engines = at.open().await;
    let mut member = engines.log.join(Group::Fanout).await.unwrap();
    let Event::Assigned(_) = soon("partitions", member.next()).await.unwrap() else { panic!() };
    member.start(0, 0).await.unwrap();
    assert_eq!(soon("the end", member.next()).await.unwrap(), Event::End(0));
    let mut owner = engines.log.claim(0).await.unwrap();
    for n in 0..20 {
        let offset = owner.commit(vec![entry(Topic::Messages, 0, "k", Some("v"))]).await.unwrap()[0];
        assert_eq!(offset, n * 2, "a record and a marker each");
        let event = soon("the record", member.next()).await.unwrap();
        assert!(matches!(&event, Event::Records(0, records) if records[0].offset == offset), "{event:?}");
        assert_eq!(soon("the end", member.next()).await.unwrap(), Event::End(0));
    }
    let end = engines.log.ends(Topic::Messages, 0).await.unwrap().end;
    assert_eq!(end, 40);
    member.start(0, 39).await.unwrap();
    assert_eq!(soon("the end", member.next()).await.unwrap(), Event::End(0));
}

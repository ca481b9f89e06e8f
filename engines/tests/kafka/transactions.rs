//! Transactions: what a dead owner left open is never read, and a commit is one unit.

use crate::{
    conformance::{
        Setting as _, soon,
        words::{entry, read_all, values},
    },
    setting::Kafka,
};
use parlor_engines::log::{LogError, Read};
use parlor_schemas::Topic;
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// An owner that has written and neither commits nor aborts.
fn dead(at: &Kafka, partition: i32) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", at.brokers());
    config.set("transactional.id", format!("{}parlor-ingest-{partition}", at.tuning.kafka.prefix));
    let producer: BaseProducer = config.create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    let topic = at.topic(Topic::Messages);
    producer.send(BaseRecord::to(&topic).partition(partition).key("k").payload("lost")).unwrap();
    producer.flush(PATIENCE).unwrap();
    producer
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_owner_left_open_is_never_read() {
    let at = Kafka::new().await;
    let engines = at.open().await;
    let mut owner = engines.log.claim(0).await.unwrap();
    owner.commit(vec![entry(Topic::Messages, 0, "k", Some("first"))]).await.unwrap();
    let zombie = tokio::task::block_in_place(|| dead(&at, 0));
    // Its record is there, behind the end of what is readable.
    assert_eq!(values(&read_all(&*engines.log, Topic::Messages, 0, 0).await), ["first"]);
    let ends = engines.log.ends(Topic::Messages, 0).await.unwrap();
    assert_eq!(ends.end, 2, "the first record and its marker");
    let mut next = engines.log.claim(0).await.unwrap();
    assert!(tokio::task::block_in_place(|| zombie.commit_transaction(PATIENCE)).is_err());
    assert_eq!(owner.commit(vec![entry(Topic::Messages, 0, "k", Some("late"))]).await, Err(LogError::Fenced));
    next.commit(vec![entry(Topic::Messages, 0, "k", Some("second"))]).await.unwrap();
    assert_eq!(values(&read_all(&*engines.log, Topic::Messages, 0, 0).await), ["first", "second"]);
    tokio::task::block_in_place(|| drop(zombie));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_commit_is_one_unit() {
    const RECORDS: usize = 5_000;
    let at = Kafka::new().await;
    let engines = at.open().await;
    let mut reader = engines.log.read(Topic::Messages, 1, 0).await.unwrap();
    assert_eq!(reader.next().await.unwrap(), Read::End(0));
    let mut owner = engines.log.claim(1).await.unwrap();
    let large = "x".repeat(2_000);
    let entries: Vec<_> =
        (0..RECORDS).map(|n| entry(Topic::Messages, 1, "k", Some(&format!("{n} {large}")))).collect();
    let offsets = owner.commit(entries).await.unwrap();
    assert_eq!(offsets, (0..RECORDS as u64).collect::<Vec<_>>());
    let mut seen = Vec::new();
    loop {
        match soon("the commit", reader.next()).await.unwrap() {
            Read::Records(records) => seen.extend(records),
            Read::End(end) => {
                assert_eq!(end, RECORDS as u64, "the offset after the last record, not after the marker");
                break;
            }
        }
    }
    assert_eq!(seen.len(), RECORDS);
    assert!(seen.iter().map(|record| record.offset).eq(offsets));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_is_dropped_in_the_middle_leaves_nothing_behind() {
    let at = Kafka::new().await;
    let engines = at.open().await;
    let mut committed = Vec::new();
    for round in 0..5 {
        let mut owner = engines.log.claim(2).await.unwrap();
        let sure = format!("sure {round}");
        owner.commit(vec![entry(Topic::Messages, 2, "k", Some(&sure))]).await.unwrap();
        committed.push(sure);
        let unclear = (0..50).map(|n| entry(Topic::Messages, 2, "k", Some(&format!("unclear {round}/{n}"))));
        let cut = tokio::time::timeout(Duration::from_millis(round), owner.commit(unclear.collect())).await;
        if cut.is_ok() {
            continue;
        }
        let after = owner.commit(vec![entry(Topic::Messages, 2, "k", Some("never"))]).await;
        assert!(matches!(after, Err(LogError::Unavailable(_))), "{after:?}");
    }
    let mut owner = engines.log.claim(2).await.unwrap();
    owner.commit(vec![entry(Topic::Messages, 2, "k", Some("last"))]).await.unwrap();
    let read = values(&read_all(&*engines.log, Topic::Messages, 2, 0).await);
    let sure: Vec<_> = read.iter().filter(|value| value.starts_with("sure")).cloned().collect();
    assert_eq!(sure, committed);
    for round in 0..5 {
        let of_round = read.iter().filter(|value| value.starts_with(&format!("unclear {round}/"))).count();
        assert!([0, 50].contains(&of_round), "all or nothing, not {of_round}");
    }
    assert_eq!(read.last().unwrap(), "last");
    assert!(!read.contains(&"never".to_owned()));
}

//! A poison record in each topic: it goes to the dead letters, the rest goes on.

use crate::roles::{fleet::Fleet, load::Load};
use bytes::Bytes;
use parlor_engines::log::{Entry, Log, LogRecord, Read};
use parlor_schemas::{
    Topic,
    topics::{Group, Partition},
};

/// What no schema reads.
const POISON: &[u8] = b"\x00\x00\x00\x00\x07 poison \xff\xfe";

async fn last_letters(log: &dyn Log, group: Group, partition: Partition) -> Vec<LogRecord> {
    let mut reader = log.read(Topic::DeadLetters(group), partition, 0).await.expect("a reader");
    let mut all = Vec::new();
    loop {
        match reader.next().await.expect("a read") {
            Read::Records(records) => all.extend(records),
            Read::End(_) => return all,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_is_set_aside_with_its_reason() {
    let fleet = Fleet::two_of_each().await;
    let load = Load::start(&fleet).await;
    let engines = fleet.engines().await;
    let log = &*engines.log;
    load.more(30).await;
    // `chat.conversations.v1` is ingest's own, behind its fence; the others take what is written.
    for (topic, groups) in [
        (Topic::Commands, vec![Group::Ingest]),
        (Topic::Messages, vec![Group::Persister, Group::Fanout, Group::Pusher, Group::Indexer]),
        (Topic::Receipts, vec![Group::PersisterReceipts, Group::FanoutReceipts, Group::PusherReceipts]),
        (Topic::Push, vec![Group::PushSender]),
    ] {
        for partition in 0..log.partitions(topic) {
            let entry = Entry {
                topic,
                partition,
                key: Bytes::from_static(b"poison"),
                value: Some(Bytes::from_static(POISON)),
                headers: vec![("origin".into(), Bytes::from_static(b"a test"))],
            };
            log.append(vec![entry]).await.expect("room").await.expect("durable");
        }
        for group in groups {
            let found = async {
                loop {
                    let letters = last_letters(log, group, 0).await;
                    if let Some(letter) = letters.into_iter().next() {
                        return letter;
                    }
                }
            };
            let letter = tokio::time::timeout(crate::world::PATIENCE, found).await;
            let letter = letter.unwrap_or_else(|_| panic!("{} sets it aside", group.name()));
            assert_eq!(letter.value.as_deref(), Some(POISON), "the original bytes");
            assert_eq!(letter.key, "poison");
            let header = |name: &str| {
                String::from_utf8(letter.header(name).expect("a header").to_vec()).expect("text")
            };
            assert_eq!(header("origin"), "a test");
            assert_eq!((header("dlq.topic"), header("dlq.partition")), (topic.name(), "0".into()));
            assert!(!header("dlq.reason").is_empty() && header("dlq.offset").parse::<u64>().is_ok());
        }
        load.more(30).await;
    }
    let sent = load.check(&fleet).await;
    println!(
        "poison in every partition of four topics, {sent} messages: each once, in order, at every member"
    );
}

//! Compacted topics.

use crate::conformance::{
    Setting, soon,
    words::{append, entry, read_all, values},
};
use parlor_engines::{
    Log,
    log::{LogRecord, Read},
};
use parlor_schemas::Topic;
use std::collections::BTreeMap;

async fn put(log: &dyn Log, key: &str, value: Option<&str>) {
    append(log, vec![entry(Topic::Conversations, 0, key, value)]).await;
}

/// The table that a reader ends up with.
fn fold(records: &[LogRecord]) -> BTreeMap<String, String> {
    let mut table = BTreeMap::new();
    for record in records {
        let key = String::from_utf8(record.key.to_vec()).unwrap();
        match &record.value {
            Some(value) => table.insert(key, String::from_utf8(value.to_vec()).unwrap()),
            None => table.remove(&key),
        };
    }
    table
}

pub async fn the_newest_of_each_key_stays(at: &impl Setting) {
    let engines = at.open().await;
    for n in 0..30 {
        let both = [("a", n), ("b", n), ("a", n + 100)];
        let entries = both.map(|(key, n)| entry(Topic::Conversations, 0, key, Some(&n.to_string())));
        append(&*engines.log, entries.to_vec()).await;
    }
    put(&*engines.log, "c", Some("once")).await;
    let expected =
        BTreeMap::from([("a", "129"), ("b", "29"), ("c", "once")].map(|(k, v)| (k.into(), v.into())));
    assert_eq!(fold(&read_all(&*engines.log, Topic::Conversations, 0, 0).await), expected);
    engines.close().await;
    let engines = at.open().await;
    let records = read_all(&*engines.log, Topic::Conversations, 0, 0).await;
    assert_eq!(fold(&records), expected);
    assert!(records.is_sorted_by(|a, b| a.offset < b.offset));
    put(&*engines.log, "b", Some("later")).await;
    let records = read_all(&*engines.log, Topic::Conversations, 0, 0).await;
    assert_eq!(fold(&records)["b"], "later");
}

pub async fn a_tombstone_ends_a_key(at: &impl Setting) {
    let engines = at.open().await;
    put(&*engines.log, "a", Some("1")).await;
    put(&*engines.log, "b", Some("1")).await;
    put(&*engines.log, "a", None).await;
    let table = |records: Vec<LogRecord>| fold(&records).into_keys().collect::<Vec<_>>();
    assert_eq!(table(read_all(&*engines.log, Topic::Conversations, 0, 0).await), ["b"]);
    engines.close().await;
    let engines = at.open().await;
    assert_eq!(table(read_all(&*engines.log, Topic::Conversations, 0, 0).await), ["b"]);
    put(&*engines.log, "a", Some("again")).await;
    assert_eq!(table(read_all(&*engines.log, Topic::Conversations, 0, 0).await), ["a", "b"]);
}

pub async fn a_reader_sees_the_live_keys_and_then_every_change(at: &impl Setting) {
    let engines = at.open().await;
    for n in 0..3_000 {
        let key = format!("k{}", n % 1_500);
        let entry = entry(Topic::Conversations, 0, &key, Some(&n.to_string()));
        // The last one is waited for, and with it all before it.
        drop(engines.log.append(vec![entry]).await.unwrap());
    }
    put(&*engines.log, "last", Some("of the first part")).await;
    engines.close().await;
    let engines = at.open().await;
    let mut reader = engines.log.read(Topic::Conversations, 0, 0).await.unwrap();
    // Rewritten while it is being read: no key may slip through.
    let log = engines.log.clone();
    let writing = tokio::spawn(async move {
        for n in 3_000..4_500 {
            let key = format!("k{}", n % 1_500);
            append(&*log, vec![entry(Topic::Conversations, 0, &key, Some(&n.to_string()))]).await;
        }
    });
    let (mut seen, mut checked) = (Vec::new(), false);
    while fold(&seen).values().filter(|value| value.len() == 4 && value.as_str() >= "3000").count() < 1_500 {
        match soon("a change", reader.next()).await.unwrap() {
            Read::Records(records) => seen.extend(records),
            Read::End(_) if !checked => {
                assert_eq!(fold(&seen).len(), 1_501, "all keys at the first end");
                checked = true;
            }
            Read::End(_) => {}
        }
    }
    writing.await.unwrap();
    assert!(seen.is_sorted_by(|a, b| a.offset < b.offset));
    assert_eq!(values(&seen).last().unwrap(), "4499");
}

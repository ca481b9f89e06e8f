//! Order, offsets, durability.

use crate::conformance::{
    Setting, soon,
    words::{append, entry, read_all, values},
};
use bytes::Bytes;
use parlor_engines::log::{Ends, LogError, Read};
use parlor_schemas::Topic;

pub async fn entries_keep_the_order_of_appends(at: &impl Setting) {
    let engines = at.open().await;
    let mut durable = Vec::new();
    for n in 0..500 {
        let entries = (0..3).map(|m| entry(Topic::Commands, (n + m) % 4, "key", Some(&format!("{n}/{m}"))));
        durable.push(engines.log.append(entries.collect()).await.unwrap());
    }
    for durable in durable {
        soon("durability", durable).await.unwrap();
    }
    for partition in 0..4 {
        let records = read_all(&*engines.log, Topic::Commands, partition, 0).await;
        let written = (0..500).flat_map(|n| (0..3).map(move |m| (n, m)));
        let mine = written.filter(|(n, m)| (n + m) % 4 == partition).map(|(n, m)| format!("{n}/{m}"));
        assert_eq!(values(&records), mine.collect::<Vec<_>>());
        assert!(records.is_sorted_by(|a, b| a.offset < b.offset));
        assert!(records.iter().all(|record| record.partition == partition));
    }
}

pub async fn batches_are_read_from_any_offset(at: &impl Setting) {
    let engines = at.open().await;
    for n in 0..20 {
        let entries =
            (0..150).map(|m| entry(Topic::Messages, 1, "k", Some(&format!("{n}/{m}/{}", "x".repeat(900)))));
        append(&*engines.log, entries.collect()).await;
    }
    let all = read_all(&*engines.log, Topic::Messages, 1, 0).await;
    assert_eq!(all.len(), 3_000);
    for from in (0..all.len()).step_by(311) {
        let some = read_all(&*engines.log, Topic::Messages, 1, all[from].offset).await;
        assert_eq!(some, all[from..]);
    }
    engines.close().await;
    let engines = at.open().await;
    for from in (0..all.len()).step_by(311) {
        let some = read_all(&*engines.log, Topic::Messages, 1, all[from].offset).await;
        assert!(some == all[from..], "from {from} after a restart");
    }
}

pub async fn a_reader_follows_the_end(at: &impl Setting) {
    let engines = at.open().await;
    let mut reader = engines.log.read(Topic::Receipts, 2, 0).await.unwrap();
    assert_eq!(reader.next().await.unwrap(), Read::End(0));
    for n in 0..3 {
        let value = n.to_string();
        let writing =
            async { append(&*engines.log, vec![entry(Topic::Receipts, 2, "k", Some(&value))]).await };
        let (read, ()) = tokio::join!(soon("the record", reader.next()), writing);
        let Read::Records(records) = read.unwrap() else { panic!("the end was told before") };
        assert_eq!(values(&records), [value]);
        let Read::End(end) = soon("the end", reader.next()).await.unwrap() else { panic!("all was read") };
        assert!(end > records[0].offset);
    }
}

pub async fn headers_keys_and_times_are_kept(at: &impl Setting) {
    let engines = at.open().await;
    let mut with_headers = entry(Topic::Push, 0, "", Some(""));
    with_headers.headers.push(("parlor".into(), Bytes::from_static(b"\0\xFF")));
    with_headers.headers.push(("empty".into(), Bytes::new()));
    append(&*engines.log, vec![with_headers.clone(), entry(Topic::Push, 0, "k", None)]).await;
    let records = read_all(&*engines.log, Topic::Push, 0, 0).await;
    let just_now = records.iter().all(|record| at.is_now(record.at));
    engines.close().await;
    let engines = at.open().await;
    assert_eq!(read_all(&*engines.log, Topic::Push, 0, 0).await, records);
    assert_eq!(records[0].headers, with_headers.headers);
    assert_eq!(records[0].header("parlor").unwrap(), &b"\0\xFF"[..]);
    assert_eq!((records[0].key.len(), records[0].value.clone()), (0, Some(Bytes::new())));
    assert_eq!((&records[1].key[..], records[1].value.clone()), (&b"k"[..], None));
    assert!(just_now);
}

pub async fn an_offset_outside_the_log_is_an_error(at: &impl Setting) {
    let engines = at.open().await;
    append(&*engines.log, vec![entry(Topic::Commands, 0, "k", Some("v"))]).await;
    let Ends { first, end } = engines.log.ends(Topic::Commands, 0).await.unwrap();
    assert_eq!(first, 0);
    assert!(engines.log.read(Topic::Commands, 0, end).await.is_ok());
    let error = engines.log.read(Topic::Commands, 0, end + 1).await.err().unwrap();
    assert!(matches!(error, LogError::OutOfRange { .. }), "{error}");
}

pub async fn what_was_written_is_there_after_a_restart(at: &impl Setting) {
    for round in 0..3 {
        let engines = at.open().await;
        let before = engines.log.ends(Topic::Messages, 3).await.unwrap();
        append(&*engines.log, vec![entry(Topic::Messages, 3, "k", Some(&round.to_string()))]).await;
        assert!(engines.log.ends(Topic::Messages, 3).await.unwrap().end > before.end);
        engines.close().await;
    }
    let engines = at.open().await;
    let records = read_all(&*engines.log, Topic::Messages, 3, 0).await;
    assert_eq!(values(&records), ["0", "1", "2"]);
}

pub async fn a_partition_that_is_not_there_is_refused(at: &impl Setting) {
    let engines = at.open().await;
    assert_eq!(engines.log.partitions(Topic::Commands), 4);
    let refused = engines.log.append(vec![entry(Topic::Commands, 4, "k", Some("v"))]).await;
    assert!(matches!(refused, Err(LogError::Failed(_))));
    assert!(matches!(engines.log.ends(Topic::Commands, 4).await, Err(LogError::Failed(_))));
}

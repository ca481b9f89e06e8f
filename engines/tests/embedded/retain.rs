//! Retention: the old goes, `first` moves, and a read below it is an error.

use crate::{
    conformance::{
        Setting as _,
        store::history::ack,
        until,
        words::{append, conversation, entry, fresh, read_all, user, values},
    },
    setting::Embedded,
};
use parlor_engines::{Clock as _, Engines, Keep, log::LogError};
use parlor_schemas::{
    Topic,
    topics::{Offset, of_conversation},
};
use std::time::Duration;

async fn setting(keep: Keep) -> Embedded {
    let mut at = Embedded::new().await;
    at.tuning.retention_every_ms = 5;
    at.tuning.tombstones_ms = 1_000;
    at.tuning.commands = keep;
    at
}

/// Waits until the first offset of commands, partition 0, is what is expected.
async fn first(engines: &Engines, expected: impl Fn(Offset) -> bool) -> Offset {
    until("retention", async || {
        let first = engines.log.ends(Topic::Commands, 0).await.unwrap().first;
        expected(first).then_some(first)
    })
    .await
}

async fn write(engines: &Engines, count: usize) {
    for n in 0..count {
        append(&*engines.log, vec![entry(Topic::Commands, 0, "k", Some(&n.to_string()))]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_records_go_and_a_read_of_them_is_an_error() {
    let at = setting(Keep { age_ms: 10_000, bytes: 0 }).await;
    let engines = at.open().await;
    write(&engines, 200).await;
    at.clock().advance(6_000);
    write(&engines, 5).await;
    let mut slow = engines.log.read(Topic::Commands, 0, 0).await.unwrap();
    assert_eq!(engines.log.ends(Topic::Commands, 0).await.unwrap().first, 0);
    at.clock().advance(6_000);
    assert_eq!(first(&engines, |first| first > 199).await, 200);
    let asked = engines.log.read(Topic::Commands, 0, 199).await.err();
    assert!(
        matches!(asked, Some(LogError::OutOfRange { asked: 199, first: 200, end: 205, .. })),
        "{asked:?}"
    );
    assert!(matches!(slow.next().await, Err(LogError::OutOfRange { .. })), "never a jump");
    assert_eq!(read_all(&*engines.log, Topic::Commands, 0, 200).await.len(), 5);
    at.clock().advance(60_000);
    // The newest block stays, so that offsets go on from it.
    assert_eq!(first(&engines, |first| first > 200).await, 204);
    drop(slow);
    engines.close().await;
    let engines = at.open().await;
    let ends = engines.log.ends(Topic::Commands, 0).await.unwrap();
    assert_eq!((ends.first, ends.end), (204, 205));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_is_kept_to_its_size() {
    let at = setting(Keep { age_ms: 0, bytes: 100_000 }).await;
    let engines = at.open().await;
    let big = "x".repeat(10_000);
    for _ in 0..50 {
        append(&*engines.log, vec![entry(Topic::Commands, 0, "k", Some(&big))]).await;
    }
    let kept = 50 - first(&engines, |first| first >= 40).await;
    assert!((9..=10).contains(&kept), "{kept}");
    assert_eq!(engines.log.ends(Topic::Receipts, 0).await.unwrap().first, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_tombstones_go() {
    let at = setting(Keep::default()).await;
    let engines = at.open().await;
    for (key, value) in [("a", Some("1")), ("b", Some("1")), ("a", None), ("c", None), ("b", Some("2"))] {
        append(&*engines.log, vec![entry(Topic::Conversations, 0, key, value)]).await;
    }
    engines.close().await;
    let engines = at.open().await;
    assert_eq!(values(&read_all(&*engines.log, Topic::Conversations, 0, 0).await), ["-", "-", "2"]);
    at.clock().advance(2_000);
    until("the tombstones' end", async || {
        let records = read_all(&*engines.log, Topic::Conversations, 0, 0).await;
        (values(&records) == ["2"]).then_some(())
    })
    .await;
    append(&*engines.log, vec![entry(Topic::Conversations, 0, "a", Some("3"))]).await;
    assert_eq!(values(&read_all(&*engines.log, Topic::Conversations, 0, 0).await), ["2", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_tails_and_written_standings_go() {
    use crate::conformance::{live::tails, words::membership, words::message};
    use parlor_engines::live::TailWrite;
    use parlor_schemas::ConversationId;
    let at = setting(Keep::default()).await;
    let engines = at.open().await;
    let (id, member): (ConversationId, _) = (conversation(), user());
    tails::whole(&engines, u64::MAX).await;
    let memberships = vec![membership(id, member, 1)];
    let write = tails::write(id, 1, 1, at.clock().now(), message(&fresh().to_string()));
    let write = TailWrite { memberships, ..write };
    tails::put(&engines, vec![write]).await;
    assert_eq!(engines.live.recent(member).await.unwrap().1.len(), 1);
    at.clock().advance(at.limits.tail_ms + 1);
    until("the sweep", async || {
        let tail = engines.live.tail(id, 0, 9, 9, false).await.unwrap();
        assert!(tail.head.is_some(), "heads stay");
        let standings = engines.live.recent(member).await.unwrap().1;
        (tail.records.is_empty() && standings.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dedup_index_forgets_by_the_time_of_the_commands_alone() {
    use parlor_engines::store::Effect;
    use parlor_schemas::ClientMsgId;
    let mut at = setting(Keep::default()).await;
    at.tuning.acks_ms = 1_000;
    let engines = at.open().await;
    let (id, sender, client) = (conversation(), user(), ClientMsgId(fresh()));
    let stored = ack(id, client, 1, at.clock().now());
    engines.store.write(0, vec![Effect::Ack(sender, stored.clone())], 1).await.unwrap();
    let asked = [(id, sender, client)];
    // Our clock is a day ahead: whoever asks again goes by the log's.
    at.clock().advance(86_400_000);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(engines.store.acks(&asked).await.unwrap(), [Some(stored)]);
    append(&*engines.log, vec![entry(Topic::Commands, of_conversation(id, 4), "k", Some("1"))]).await;
    until("the index to forget", async || {
        (engines.store.acks(&asked).await.unwrap() == [None]).then_some(())
    })
    .await;
}

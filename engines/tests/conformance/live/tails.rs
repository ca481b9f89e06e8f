//! Tails: filled once, contiguous, redacted, trimmed.

use crate::conformance::{
    Setting,
    words::{conversation, delete, edit, message, text},
};
use parlor_engines::{
    Clock as _, Engines,
    live::{LiveError, TailWrite},
};
use parlor_schemas::{
    Body, ConversationId, Limits, Timestamp,
    topics::{Offset, of_conversation},
};

pub fn write(id: ConversationId, offset: Offset, seq: u64, at: Timestamp, body: Body) -> TailWrite {
    TailWrite { conversation_id: id, offset, text: text(id, seq, at, body), memberships: vec![] }
}

/// Writes records of one conversation in the present epoch.
pub async fn put(engines: &Engines, writes: Vec<TailWrite>) {
    let epoch = engines.live.epoch().await.unwrap();
    let partition = of_conversation(writes[0].conversation_id, 4);
    assert!(engines.live.write_tails(partition, writes, &epoch).await.unwrap());
}

/// Makes all partitions whole.
pub async fn whole(engines: &Engines, written_to: Offset) {
    let epoch = engines.live.epoch().await.unwrap();
    for partition in 0..4 {
        assert!(engines.live.set_marks_whole(partition, true, &epoch).await.unwrap());
        say_whole(engines, partition, true, written_to).await;
    }
}

async fn say_whole(engines: &Engines, partition: u32, whole: bool, written_to: Offset) {
    let epoch = engines.live.epoch().await.unwrap();
    assert!(engines.live.set_whole(partition, whole, written_to, &epoch).await.unwrap());
}

/// Writes messages with these seqs; the offset is the seq times ten.
async fn messages(
    at: &impl Setting,
    engines: &Engines,
    id: ConversationId,
    seqs: impl IntoIterator<Item = u64>,
) {
    let now = at.clock().now();
    let writes = seqs.into_iter().map(|seq| write(id, seq * 10, seq, now, message(&format!("text {seq}"))));
    put(engines, writes.collect()).await;
}

async fn seqs(
    engines: &Engines,
    id: ConversationId,
    after: u64,
    before: u64,
    limit: usize,
    last: bool,
) -> Vec<u64> {
    let read = engines.live.tail(id, after, before, limit, last).await.unwrap();
    read.records.iter().map(|record| record.seq).collect()
}

pub async fn nothing_is_read_before_it_is_whole(at: &impl Setting) {
    let engines = at.open().await;
    let (live, id) = (&*engines.live, conversation());
    let partition = of_conversation(id, 4);
    messages(at, &engines, id, 1..=3).await;
    let rebuilding = Err(LiveError::Rebuilding);
    assert_eq!(live.tail(id, 0, 9, 9, false).await.err(), Some(LiveError::Rebuilding));
    assert_eq!(live.live_heads(&[id]).await, rebuilding);
    assert_eq!(live.live_marks(&[(id, parlor_schemas::UserId(id.0))]).await, Err(LiveError::Rebuilding));
    assert_eq!(live.recent(parlor_schemas::UserId(id.0)).await, Err(LiveError::Rebuilding));
    assert_eq!(live.moved(partition, 1_000).await, Err(LiveError::Rebuilding));
    whole(&engines, 0).await;
    assert_eq!(seqs(&engines, id, 0, 9, 9, false).await, [1, 2, 3]);
    assert!(!live.set_whole(partition, false, 0, "another").await.unwrap(), "that epoch is over");
    assert_eq!(live.live_heads(&[id]).await.unwrap()[0].unwrap().seq, 3);
    say_whole(&engines, partition, false, 0).await;
    assert_eq!(live.live_heads(&[id]).await, Err(LiveError::Rebuilding));
    let other = std::iter::repeat_with(conversation).find(|id| of_conversation(*id, 4) != partition).unwrap();
    assert_eq!(live.live_heads(&[other]).await.unwrap(), [None], "the others are whole");
}

pub async fn a_tail_is_filled_once(at: &impl Setting) {
    let engines = at.open().await;
    let id = conversation();
    whole(&engines, 0).await;
    messages(at, &engines, id, 1..=9).await;
    let now = at.clock().now();
    let zombie = write(id, 50, 5, now, message("another text"));
    put(&engines, vec![zombie]).await;
    let read = engines.live.tail(id, 4, 6, 9, false).await.unwrap();
    assert_eq!(read.records, [text(id, 5, now, message("text 5"))]);
    assert_eq!(read.head.unwrap().seq, 9, "an old record moves no head");
    assert_eq!(seqs(&engines, id, 2, 8, 3, false).await, [3, 4, 5]);
    assert_eq!(seqs(&engines, id, 2, 8, 3, true).await, [5, 6, 7]);
    assert_eq!(seqs(&engines, id, 9, u64::MAX, 3, true).await, Vec::<u64>::new());
    let unknown = engines.live.tail(conversation(), 0, 9, 9, false).await.unwrap();
    assert_eq!(unknown, parlor_engines::live::TailRead::default());
}

/// In a life that begins empty a late record would hide those before it.
pub async fn an_epoch_that_is_over_writes_nothing(at: &impl Setting) {
    let engines = at.open().await;
    let (live, id) = (&*engines.live, conversation());
    whole(&engines, 0).await;
    let late = write(id, 50, 5, at.clock().now(), message("late"));
    assert_eq!(live.write_tails(of_conversation(id, 4), vec![late], "another").await, Ok(false));
    assert_eq!(live.live_heads(&[id]).await.unwrap(), [None]);
    messages(at, &engines, id, 1..=5).await;
    assert_eq!(seqs(&engines, id, 0, u64::MAX, 9, false).await, [1, 2, 3, 4, 5]);
}

pub async fn a_hole_leaves_the_newer_run(at: &impl Setting) {
    let engines = at.open().await;
    let id = conversation();
    whole(&engines, 0).await;
    messages(at, &engines, id, [1, 2, 3, 6, 7, 4, 5]).await;
    assert_eq!(seqs(&engines, id, 0, u64::MAX, 9, false).await, [6, 7]);
    messages(at, &engines, id, [8]).await;
    assert_eq!(seqs(&engines, id, 0, u64::MAX, 9, false).await, [6, 7, 8]);
}

pub async fn a_delete_redacts_its_target_and_its_edits(at: &impl Setting) {
    let engines = at.open().await;
    let id = conversation();
    whole(&engines, 0).await;
    let now = at.clock().now();
    let bodies = [message("one"), edit(1, "edited"), message("three"), delete(1), edit(1, "late")];
    let writes =
        || (1..).zip(bodies.clone()).map(|(seq, body)| write(id, seq, seq, now, body)).collect::<Vec<_>>();
    for _ in 0..2 {
        put(&engines, writes()).await;
        let read = engines.live.tail(id, 0, 9, 9, false).await.unwrap();
        let redacted: Vec<bool> = read.records.iter().map(|record| record.redacted).collect();
        assert_eq!(redacted, [true, true, false, false, true]);
        assert_eq!(read.deleted, [1]);
        assert_eq!(read.records[0], text(id, 1, now, message("one")).redact());
    }
    let read = engines.live.tail(id, 2, 4, 1, false).await.unwrap();
    assert_eq!((read.records.len(), read.deleted), (1, vec![1]), "deletes anywhere in the tail are told");
}

pub async fn a_tail_is_trimmed_below_what_is_written(at: &impl Setting) {
    let engines = at.open().await;
    let (id, limits) = (conversation(), Limits::default());
    let (keep, cap) = (limits.tail_records as u64, limits.tail_records_cap as u64);
    whole(&engines, 0).await;
    messages(at, &engines, id, 1..=keep + 50).await;
    assert_eq!(seqs(&engines, id, 0, 2, 1, false).await, [1], "the persister has nothing yet");
    say_whole(&engines, of_conversation(id, 4), true, 21 * 10).await;
    messages(at, &engines, id, [keep + 51]).await;
    assert_eq!(seqs(&engines, id, 0, u64::MAX, 1, false).await, [21]);
    say_whole(&engines, of_conversation(id, 4), true, u64::MAX).await;
    messages(at, &engines, id, [keep + 52]).await;
    assert_eq!(seqs(&engines, id, 0, u64::MAX, 1, false).await, [53]);
    let other = conversation();
    let engines = {
        engines.close().await;
        at.lose_live().await;
        at.open().await
    };
    whole(&engines, 0).await;
    messages(at, &engines, other, 1..=cap + 5).await;
    assert_eq!(seqs(&engines, other, 0, u64::MAX, 1, false).await, [6], "the cap holds in any case");
    assert_eq!(engines.live.live_heads(&[other]).await.unwrap()[0].unwrap().seq, cap + 5);
}

pub async fn a_tail_is_trimmed_by_age(at: &impl Setting) {
    let engines = at.open().await;
    let id = conversation();
    whole(&engines, u64::MAX).await;
    messages(at, &engines, id, 1..=5).await;
    at.clock().advance(Limits::default().tail_ms - 1_000);
    messages(at, &engines, id, [6]).await;
    assert_eq!(seqs(&engines, id, 0, 9, 9, false).await, [1, 2, 3, 4, 5, 6]);
    at.clock().advance(2_000);
    messages(at, &engines, id, [7]).await;
    assert_eq!(seqs(&engines, id, 0, 9, 9, false).await, [6, 7]);
}

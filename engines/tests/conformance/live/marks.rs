//! Heads, marks and standings, with the versions that tell what moved.

use super::tails::{put, whole, write};
use crate::conformance::{
    Setting,
    words::{conversation, membership, message, receipt, user},
};
use parlor_engines::{
    Clock as _,
    live::{LiveError, LiveMarks, TailWrite},
};
use parlor_schemas::{Membership, receipt::Marks, topics::of_conversation};

pub async fn marks_keep_the_maximum_and_a_version(at: &impl Setting) {
    let engines = at.open().await;
    let (live, id, reader) = (&*engines.live, conversation(), user());
    whole(&engines, 0).await;
    let receipts = [receipt(id, reader, 5, 3), receipt(id, reader, 4, 2), receipt(id, reader, 4, 4)];
    let (partition, epoch) = (of_conversation(id, 4), live.epoch().await.unwrap());
    let moved = live.raise_live(partition, &receipts, &epoch).await.unwrap().unwrap();
    let marks =
        |delivered_seq, read_seq| Marks { delivered_seq, read_seq, read_ord: read_seq, ..Marks::default() };
    assert_eq!(moved, [(0, marks(5, 3)), (2, marks(5, 4))]);
    let found = live.live_marks(&[(id, user()), (id, reader)]).await.unwrap();
    assert_eq!(found[0], LiveMarks::default());
    assert_eq!(found[1].marks, marks(5, 4));
    assert!(found[1].version > 0);
    assert_eq!(live.raise_live(partition, &receipts, &epoch).await.unwrap().unwrap(), []);
    assert_eq!(live.live_marks(&[(id, reader)]).await.unwrap(), found[1..]);
    assert_eq!(live.live_heads(&[id]).await.unwrap(), [None], "marks alone are no head");
}

pub async fn marks_are_read_when_they_are_whole(at: &impl Setting) {
    let engines = at.open().await;
    let (live, id, reader) = (&*engines.live, conversation(), user());
    let (partition, epoch) = (of_conversation(id, 4), live.epoch().await.unwrap());
    whole(&engines, 0).await;
    assert!(live.set_marks_whole(partition, false, &epoch).await.unwrap());
    let raised = live.raise_live(partition, &[receipt(id, reader, 5, 3)], &epoch).await.unwrap();
    assert_eq!(raised.map(|moved| moved.len()), Some(1), "they are raised meanwhile");
    assert_eq!(live.live_marks(&[(id, reader)]).await, Err(LiveError::Rebuilding));
    assert_eq!(live.live_heads(&[id]).await.unwrap(), [None], "tails are whole");
    assert_eq!(live.raise_live(partition, &[receipt(id, reader, 9, 9)], "another").await, Ok(None));
    assert!(!live.set_marks_whole(partition, true, "another").await.unwrap());
    assert!(live.set_marks_whole(partition, true, &epoch).await.unwrap());
    assert_eq!(live.live_marks(&[(id, reader)]).await.unwrap()[0].marks.delivered_seq, 5);
}

pub async fn own_messages_are_marks(at: &impl Setting) {
    let engines = at.open().await;
    let (live, id, now) = (&*engines.live, conversation(), at.clock().now());
    whole(&engines, 0).await;
    let writes = (1..=3).map(|seq| write(id, seq, seq, now, message("text"))).collect::<Vec<_>>();
    let sender = writes[0].text.sender_id;
    for writes in [writes.clone(), writes[..1].to_vec()] {
        put(&engines, writes).await;
        let marks = live.live_marks(&[(id, sender)]).await.unwrap()[0].marks;
        assert_eq!((marks.own_seq, marks.own_ord), (3, 3));
    }
}

pub async fn versions_tell_what_moved(at: &impl Setting) {
    let engines = at.open().await;
    let (live, now) = (&*engines.live, at.clock().now());
    whole(&engines, 0).await;
    let ids = [conversation(), conversation()];
    let send = async |id, seq| {
        put(&engines, vec![write(id, seq, seq, now, message("x"))]).await;
    };
    send(ids[0], 1).await;
    send(ids[1], 1).await;
    let (since, _) = live.recent(user()).await.unwrap();
    let newer = async |since| {
        let heads = live.live_heads(&ids).await.unwrap();
        heads.iter().map(|head| head.unwrap().version > since).collect::<Vec<_>>()
    };
    assert_eq!(newer(since).await, [false, false]);
    send(ids[1], 2).await;
    assert_eq!(newer(since).await, [false, true]);
    let (since, _) = live.recent(user()).await.unwrap();
    send(ids[0], 1).await;
    assert_eq!(newer(since).await, [false, false], "a replay moves nothing");
}

pub async fn standings_are_told_with_a_version(at: &impl Setting) {
    let engines = at.open().await;
    let (live, id, member, now) = (&*engines.live, conversation(), user(), at.clock().now());
    whole(&engines, 0).await;
    assert_eq!(live.recent(member).await.unwrap().1, []);
    let change = async |seq, change| {
        let write = TailWrite { memberships: vec![change], ..write(id, seq, seq, now, message("x")) };
        put(&engines, vec![write]).await;
        live.recent(member).await.unwrap()
    };
    let joined = membership(id, member, 1);
    let (since, standings) = change(1, joined).await;
    assert_eq!(standings.iter().map(|standing| standing.membership).collect::<Vec<_>>(), [joined]);
    let (_, standings) = change(4, Membership { seq: 4, left_seq: Some(4), ..joined }).await;
    assert_eq!(standings[0].membership.left_seq, Some(4));
    assert!(standings[0].version > since);
    let (_, standings) = change(2, membership(id, member, 2)).await;
    assert_eq!(standings[0].membership.left_seq, Some(4), "an older change is a replay");
}

pub async fn moved_heads_are_told(at: &impl Setting) {
    let engines = at.open().await;
    let live = &*engines.live;
    whole(&engines, 0).await;
    let early = conversation();
    let partition = of_conversation(early, 4);
    let late = std::iter::repeat_with(conversation).find(|id| of_conversation(*id, 4) == partition).unwrap();
    for id in [early, late] {
        put(&engines, vec![write(id, 1, 1, at.clock().now(), message("x"))]).await;
        at.clock().advance(5_000);
    }
    assert_eq!(live.moved(partition, 6_000).await.unwrap(), [late]);
    let mut both = live.moved(partition, 600_000).await.unwrap();
    both.sort();
    assert_eq!(both, [early, late]);
    assert_eq!(live.moved((partition + 1) % 4, 600_000).await.unwrap(), []);
}

//! Receipts: marks that only rise.

use crate::world::World;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn ticks_reach_the_sender_and_unread_falls_to_zero() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let (ann, bob) = (people[0].connect().await, people[1].connect().await);
    let chat = people[0].direct(&people[1]).await;
    for n in 0..3 {
        ann.answer(&ann.send(&chat, &format!("{n}"))).await;
    }
    bob.upto(&chat, 4).await;
    let bob_id = json!(people[1].user_id);
    bob.frame(json!({"type": "delivered", "conversation_id": chat, "seq": 4}));
    ann.frame_of("receipt", |f| f["user_id"] == bob_id && f["delivered_seq"] == 4).await;
    bob.frame(json!({"type": "read", "conversation_id": chat, "seq": 3}));
    let read = ann.frame_of("receipt", |f| f["user_id"] == bob_id && f["read_seq"] == 3).await;
    assert_eq!(read["delivered_seq"], 4);
    let heads = bob.heads().await;
    assert_eq!((&heads[&chat]["read_seq"], &heads[&chat]["unread"]), (&json!(3), &json!(1)));
    // Never backwards, never past the head.
    bob.frame(json!({"type": "read", "conversation_id": chat, "seq": 2}));
    bob.frame(json!({"type": "read", "conversation_id": chat, "seq": 4000}));
    let read =
        ann.frame_of("receipt", |f| f["user_id"] == bob_id && f["read_seq"] != 3 && f["read_seq"] != 0).await;
    assert_eq!(read["read_seq"], 4, "cut to the head");
    assert_eq!(bob.heads().await[&chat]["unread"], 0);
    let peer = &ann.heads().await[&chat];
    assert_eq!((&peer["peer_read_seq"], &peer["peer_delivered_seq"]), (&json!(4), &json!(4)));
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_survive_a_restart() {
    let mut world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let chat = people[0].direct(&people[1]).await;
    {
        let (ann, bob) = (people[0].connect().await, people[1].connect().await);
        ann.answer(&ann.send(&chat, "x")).await;
        bob.upto(&chat, 2).await;
        bob.frame(json!({"type": "read", "conversation_id": chat, "seq": 2}));
        ann.frame_of("receipt", |f| f["read_seq"] == 2).await;
    }
    world.restart().await;
    let bob = people[1].at(&world.gateway(0)).connect().await;
    let heads = bob.heads().await;
    assert_eq!((&heads[&chat]["read_seq"], &heads[&chat]["unread"]), (&json!(2), &json!(0)));
}

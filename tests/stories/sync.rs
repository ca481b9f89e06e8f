//! Sync: absences, holes, cut sockets.

use crate::world::{Device, World};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_has_missed_nothing() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let (ann, bob) = (people[0].connect().await, people[1].connect().await);
    let chat = people[0].direct(&people[1]).await;
    let group = people[0].group("three", &[&people[1], &people[2]]).await;
    ann.answer(&ann.send(&chat, "before")).await;
    bob.upto(&chat, 2).await;
    bob.go_offline();
    bob.wait("bob is away", |state| (!state.online).then_some(())).await;
    for n in 0..450 {
        ann.send(&chat, &format!("c{n}"));
        ann.send(&group, &format!("g{n}"));
    }
    ann.upto(&chat, 452).await;
    ann.upto(&group, 451).await;
    bob.come_back();
    bob.upto(&chat, 452).await;
    bob.upto(&group, 451).await;
    assert_eq!(bob.texts(&chat), ann.texts(&chat));
    assert_eq!(bob.texts(&group), ann.texts(&group));
    // A device that never was there sees it all, too.
    let new = people[1].log_in().await.connect().await;
    new.upto(&chat, 452).await;
    assert_eq!(new.texts(&chat), ann.texts(&chat));
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_say_what_is_unread_and_since_says_what_moved() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let (ann, bob) = (people[0].connect().await, people[1].connect().await);
    let chat = people[0].direct(&people[1]).await;
    let quiet = people[1].direct(&people[2]).await;
    for n in 0..3 {
        ann.answer(&ann.send(&chat, &format!("{n}"))).await;
    }
    bob.upto(&chat, 4).await;
    bob.upto(&quiet, 1).await;
    let heads = bob.heads().await;
    assert_eq!(heads[&chat]["head_seq"], 4);
    assert_eq!(heads[&chat]["head_ord"], 3);
    assert_eq!(heads[&chat]["unread"], 3);
    assert_eq!(heads[&chat]["left"], false);
    assert_eq!(ann.heads().await[&chat]["unread"], 0, "the own last message counts as read");
    let last = bob.see(|state| state.frames.iter().rev().find(|f| f["type"] == "heads").cloned()).unwrap();
    let as_of = last["as_of"].as_str().expect("as_of").to_owned();
    ann.answer(&ann.send(&chat, "new")).await;
    bob.frame(json!({"type": "heads", "id": "moved", "since": as_of}));
    let moved = bob.frame_of("heads", |frame| frame["id"] == "moved" && frame["more"] == false).await;
    let ids: Vec<_> =
        moved["items"].as_array().unwrap().iter().map(|item| item["conversation_id"].clone()).collect();
    assert!(ids.contains(&json!(chat)), "what moved comes: {moved}");
    bob.frame(json!({"type": "heads", "id": "unknown", "since": "nonsense"}));
    let all = bob.frame_of("heads", |frame| frame["id"] == "unknown" && frame["more"] == false).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 2, "an unknown `since` means everything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_cut_at_random_for_half_a_minute_ends_equal_to_history() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let group = people[0].group("cut", &[&people[1], &people[2]]).await;
    let devices: Vec<Device> =
        vec![people[0].connect().await, people[1].connect().await, people[2].connect().await];
    let flaky = people[2].log_in().await.connect().await;
    let mut cuts = tokio::time::interval(std::time::Duration::from_millis(170));
    let mut writes = tokio::time::interval(std::time::Duration::from_millis(10));
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    let mut count = 0_u64;
    while tokio::time::Instant::now() < end {
        tokio::select! {
            _ = cuts.tick() => flaky.cut(),
            _ = writes.tick() => {
                devices[count as usize % 3].send(&group, &format!("m{count}"));
                if count.is_multiple_of(7) {
                    flaky.send(&group, &format!("f{count}"));
                }
                count += 1;
            }
        }
    }
    flaky.wait("all its sends are answered", |state| state.outbox.is_empty().then_some(())).await;
    for device in &devices {
        device.wait("all sends are answered", |state| state.outbox.is_empty().then_some(())).await;
    }
    let history = people[0].records(&group).await;
    let head = history.len() as u64;
    assert_eq!(head, 1 + count + count.div_ceil(7), "every message once");
    for device in devices.iter().chain([&flaky]) {
        device.upto(&group, head).await;
        assert_eq!(device.see(|state| state.logs[&group].records.clone()), history);
        assert_eq!(device.see(|state| state.logs[&group].violation.clone()), None);
    }
    assert!(flaky.see(|state| state.connects) > 20, "it was really cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_gives_ranges_and_says_where_it_ends() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let ann = people[0].connect().await;
    let chat = people[0].direct(&people[1]).await;
    for n in 0..300 {
        ann.send(&chat, &format!("{n}"));
    }
    ann.upto(&chat, 301).await;
    let seqs = |page: &serde_json::Value| -> Vec<u64> {
        page["items"].as_array().unwrap().iter().map(|item| item["seq"].as_u64().unwrap()).collect()
    };
    let page = people[0].get(&format!("/conversations/{chat}/records?after=10&limit=5")).await;
    assert_eq!(seqs(&page), [11, 12, 13, 14, 15]);
    assert_eq!((&page["upto"], &page["more"], &page["head_seq"]), (&json!(15), &json!(true), &json!(301)));
    let page = people[0].get(&format!("/conversations/{chat}/records?before=11&limit=3")).await;
    assert_eq!(seqs(&page), [8, 9, 10]);
    let page = people[0].get(&format!("/conversations/{chat}/records?after=299")).await;
    assert_eq!((seqs(&page), &page["more"]), (vec![300, 301], &json!(false)));
    let page = people[0].get(&format!("/conversations/{chat}/records?after=301")).await;
    assert_eq!((seqs(&page), &page["more"], &page["upto"]), (vec![], &json!(false), &json!(301)));
}

//! Receipts: marks that only rise.

use crate::world::{Person, World, new_id, until};
use futures_util::{StreamExt, stream};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;

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

/// All pages of who got and who read a message: (delivered, read), as (user, time).
async fn receipts(person: &Person, conversation: &str, seq: u64, limit: usize) -> (Vec<Value>, Vec<Value>) {
    let (mut delivered, mut read, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let path = format!("/conversations/{conversation}/messages/{seq}/receipts?limit={limit}{cursor}");
        let page = person.get(&path).await;
        delivered.extend(page["delivered"].as_array().unwrap().iter().cloned());
        read.extend(page["read"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { return (delivered, read) };
        cursor = format!("&cursor={next}");
    }
}

fn users(of: &[Value]) -> BTreeSet<&str> {
    of.iter().map(|entry| entry["user_id"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_read_a_message_and_when() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid", "dan", "eve"]).await;
    let [ann, bob, cid, dan, eve] = &people[..] else { panic!("five") };
    let group = ann.group("g", &[bob, cid, dan]).await;
    let (a, b, c) = (ann.connect().await, bob.connect().await, cid.connect().await);
    a.answer(&a.send(&group, "one")).await;
    a.answer(&a.send(&group, "two")).await;
    for device in [&b, &c] {
        device.upto(&group, 3).await;
    }
    b.frame(json!({"type": "delivered", "conversation_id": group, "seq": 3}));
    a.frame_of("receipt", |f| f["user_id"] == bob.user_id && f["delivered_seq"] == 3).await;
    b.frame(json!({"type": "read", "conversation_id": group, "seq": 2}));
    c.frame(json!({"type": "delivered", "conversation_id": group, "seq": 2}));
    a.frame_of("receipt", |f| f["user_id"] == bob.user_id && f["read_seq"] == 2).await;
    a.frame_of("receipt", |f| f["user_id"] == cid.user_id && f["delivered_seq"] == 2).await;
    let settled = async || {
        let (delivered, read) = receipts(dan, &group, 2, 2).await;
        (delivered.len() == 2 && read.len() == 1).then_some((delivered, read))
    };
    let (delivered, read) = until("the marks are stored", settled).await;
    assert_eq!(users(&delivered), BTreeSet::from([&*bob.user_id, &*cid.user_id]));
    assert_eq!(users(&read), BTreeSet::from([&*bob.user_id]));
    let at = |of: &[Value]| of.iter().find(|e| e["user_id"] == bob.user_id).unwrap()["at"].clone();
    assert!(at(&delivered).as_str() < at(&read).as_str(), "it was there before it was read");
    let (delivered, read) = receipts(ann, &group, 3, 200).await;
    assert_eq!((users(&delivered), users(&read)), (BTreeSet::from([&*bob.user_id]), BTreeSet::new()));
    // For members, of messages that are there.
    dan.post(&format!("/conversations/{group}/leave"), json!({})).await;
    for (who, seq, code) in [
        (eve, "2", "not_found"),
        (dan, "2", "not_a_member"),
        (ann, "1", "invalid_request"),
        (ann, "9", "not_found"),
        (ann, "0", "invalid_request"),
    ] {
        let path = format!("/conversations/{group}/messages/{seq}/receipts");
        let (_, answer) = who.call(Method::GET, &path, None).await;
        assert_eq!(answer["code"], code, "{} {seq}: {answer}", who.username);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_1024_is_full_and_says_who_read() {
    let world = World::new().await;
    let at = world.gateway(0);
    let register = |n: usize| {
        let at = at.clone();
        async move { Person::register(&at, &format!("person{n}")).await }
    };
    let people: Vec<Person> = stream::iter((0..1_024).map(register)).buffered(16).collect().await;
    let (owner, others) = people.split_first().unwrap();
    let group = owner.group("all", &others.iter().collect::<Vec<_>>()).await;
    let extra = world.person("extra").await;
    let more = json!({"user_ids": [extra.user_id]});
    let path = format!("/conversations/{group}/members");
    let (status, answer) = owner.call_with_key(Method::POST, &path, Some(&new_id()), Some(more)).await;
    assert_eq!((status, &answer["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large")), "{answer}");
    owner.post(&format!("/conversations/{group}/messages"), json!({"body": {"text": "hi"}})).await;
    let read = |person: &Person| {
        let (person, path) = (person.clone(), format!("/conversations/{group}/read"));
        async move { person.call(Method::PUT, &path, Some(json!({"seq": 2}))).await }
    };
    let readers = others.iter().skip(1);
    let marked: Vec<_> = stream::iter(readers.map(read)).buffered(32).collect().await;
    assert!(marked.iter().all(|(status, _)| *status == StatusCode::NO_CONTENT));
    let are_stored = async || receipts(owner, &group, 2, 200).await.1.len() >= 1_022;
    until("the marks are stored", async || are_stored().await.then_some(())).await;
    let (delivered, read) = receipts(&others[0], &group, 2, 200).await;
    let expected: BTreeSet<&str> = others.iter().skip(1).map(|person| &*person.user_id).collect();
    assert_eq!(users(&delivered), expected, "without the sender and who has not read");
    assert_eq!((users(&read), read.len()), (expected, 1_022));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hides_read_marks_sees_none() {
    let world = World::with(|config| config.limits.privacy_cache_ms = 1).await;
    let people = world.people(&["ann", "bob", "cat"]).await;
    let quiet = json!({"read_receipts": false});
    let (status, me) = people[1].call(Method::PATCH, "/me", Some(quiet)).await;
    assert_eq!(
        (status.as_u16(), &me["read_receipts"], &me["last_seen_to"]),
        (200, &json!(false), &json!("contacts"))
    );
    let mut devices = Vec::new();
    for person in &people {
        devices.push(person.connect().await);
    }
    let (ann, bob) = (&devices[0], &devices[1]);
    let second = people[1].log_in().await.connect().await;
    let chat = people[0].direct(&people[1]).await;
    let group = people[0].group("three", &[&people[1], &people[2]]).await;
    for chat in [&chat, &group] {
        ann.answer(&ann.send(chat, "x")).await;
        bob.upto(chat, 2).await;
        bob.frame(json!({"type": "read", "conversation_id": chat, "seq": 2}));
        // The own other device hears all of it.
        second.frame_of("receipt", |f| f["conversation_id"] == **chat && f["read_seq"] == 2).await;
        // Who read also got: that much is told.
        let told = ann.frame_of("receipt", |f| f["conversation_id"] == **chat).await;
        assert_eq!((&told["delivered_seq"], &told["read_seq"]), (&json!(2), &json!(0)), "{told}");
    }
    // Read later, when nothing is delivered anew: no frame at all, which the next one shows.
    ann.answer(&ann.send(&chat, "y")).await;
    bob.upto(&chat, 3).await;
    bob.frame(json!({"type": "delivered", "conversation_id": chat, "seq": 3}));
    ann.frame_of("receipt", |f| f["delivered_seq"] == 3).await;
    bob.frame(json!({"type": "read", "conversation_id": chat, "seq": 3}));
    second.frame_of("receipt", |f| f["read_seq"] == 3).await;
    ann.answer(&ann.send(&chat, "z")).await;
    bob.upto(&chat, 4).await;
    bob.frame(json!({"type": "delivered", "conversation_id": chat, "seq": 4}));
    ann.frame_of("receipt", |f| f["delivered_seq"] == 4).await;
    let bob_id = json!(people[1].user_id);
    let told = ann.see(|state| {
        let of_bob = |f: &&serde_json::Value| f["type"] == "receipt" && f["user_id"] == bob_id;
        let here = state.frames.iter().filter(of_bob).filter(|f| f["conversation_id"] == *chat);
        here.map(|f| (f["delivered_seq"].as_u64().unwrap(), f["read_seq"].as_u64().unwrap()))
            .collect::<Vec<_>>()
    });
    assert_eq!(told, [(2, 0), (3, 0), (4, 0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_read_marks_stand_in_no_list() {
    let world = World::with(|config| config.limits.privacy_cache_ms = 1).await;
    let people = world.people(&["ann", "bob", "cat"]).await;
    let (status, _) = people[1].call(Method::PATCH, "/me", Some(json!({"read_receipts": false}))).await;
    assert_eq!(status, 200);
    let (ann, bob, cat) = (people[0].connect().await, people[1].connect().await, people[2].connect().await);
    let chat = people[0].direct(&people[1]).await;
    let group = people[0].group("three", &[&people[1], &people[2]]).await;
    for chat in [&chat, &group] {
        ann.answer(&ann.send(chat, "x")).await;
        bob.upto(chat, 2).await;
        bob.frame(json!({"type": "read", "conversation_id": chat, "seq": 2}));
        ann.frame_of("receipt", |f| f["conversation_id"] == **chat && f["delivered_seq"] == 2).await;
    }
    // It goes both ways: others' reads are not seen either.
    cat.upto(&group, 2).await;
    cat.frame(json!({"type": "read", "conversation_id": group, "seq": 2}));
    let cat_id = json!(people[2].user_id);
    let told = bob.frame_of("receipt", |f| f["user_id"] == cat_id && f["delivered_seq"] == 2).await;
    assert_eq!(told["read_seq"], 0);
    ann.frame_of("receipt", |f| f["user_id"] == cat_id && f["read_seq"] == 2).await;
    let head = &ann.heads().await[&chat];
    assert_eq!((head.get("peer_read_seq"), &head["peer_delivered_seq"]), (None, &json!(2)));
    let reads = async |person: &Person| {
        // The list may be a few seconds late.
        let of = |members: &Value, who: &Person| {
            let items = members["items"].as_array().unwrap();
            items.iter().find(|m| m["user_id"] == who.user_id)?["read_seq"].as_u64()
        };
        until("both are in the list", async || {
            let members = person.get(&format!("/conversations/{group}/members")).await;
            Some((of(&members, &people[1])?, of(&members, &people[2])?))
        })
        .await
    };
    assert_eq!(reads(&people[0]).await, (0, 2), "ann sees cat's");
    assert_eq!(reads(&people[1]).await, (2, 0), "bob sees the own alone");
    // The list of who read: of all that ann may know (it is in the store soon), without bob.
    let listed = async || {
        let (delivered, read) = receipts(&people[0], &group, 2, 200).await;
        assert!(!users(&read).contains(&*people[1].user_id), "{read:?}");
        (users(&read).contains(&*people[2].user_id) && delivered.len() == 2).then_some(())
    };
    until("the marks are stored", listed).await;
    let (status, _) = people[1].call(Method::PATCH, "/me", Some(json!({"last_seen_to": "friends"}))).await;
    assert_eq!(status, 400);
}

//! Blocks: part of the direct conversation's order, and of no record.

use crate::world::{Person, World, new_id, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn block(by: &Person, whom: &Person, on: bool) {
    let method = if on { Method::PUT } else { Method::DELETE };
    let path = format!("/me/blocks/{}", whom.user_id);
    let (status, answer) = by.call_with_key(method, &path, Some(&new_id()), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
}

async fn blocked_by(person: &Person) -> Vec<Value> {
    let list = person.get("/me/blocks").await;
    list["items"].as_array().unwrap().iter().map(|item| item["user_id"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_then_sent_is_refused_and_makes_no_record() {
    let mut world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let (ann, bob) = (&people[0], &people[1]);
    let chat = ann.direct(bob).await;
    {
        let (a, b) = (ann.connect().await, bob.connect().await);
        assert_eq!(b.answer(&b.send(&chat, "before")).await["seq"], 2);
        block(ann, bob, true).await;
        block(ann, bob, true).await;
        // Nothing of the blocked one, by any way, but deleting its own; the blocker may.
        assert_eq!(b.answer(&b.send(&chat, "canary")).await["code"], "blocked");
        for (kind, more) in [
            ("edit", json!({"target": 2, "body": {"text": "canary"}})),
            ("react", json!({"target": 2, "emoji": "👍", "op": "add"})),
            ("pin", json!({"target": 2, "op": "add"})),
        ] {
            let id = new_id();
            let mut frame = json!({"type": kind, "id": id, "conversation_id": chat, "client_msg_id": id});
            frame.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            b.frame(frame);
            assert_eq!(b.answer(&id).await["code"], "blocked", "{kind}");
        }
        let make = json!({"kind": "direct", "member_ids": [ann.user_id]});
        let (status, answer) =
            bob.call_with_key(Method::POST, "/conversations", Some(&new_id()), Some(make)).await;
        assert_eq!((status, &answer["code"]), (StatusCode::FORBIDDEN, &json!("blocked")), "{answer}");
        assert_eq!(a.answer(&a.send(&chat, "I may")).await["seq"], 3, "a block made no record");
        b.upto(&chat, 3).await;
        let path = format!("/conversations/{chat}/messages/2");
        let (status, ack) = bob.call_with_key(Method::DELETE, &path, Some(&new_id()), None).await;
        assert_eq!((status, &ack["seq"]), (StatusCode::OK, &json!(4)), "{ack}");
        assert_eq!(blocked_by(ann).await, [json!(bob.user_id)]);
        assert_eq!(blocked_by(bob).await, [] as [Value; 0]);
    }
    // The sequencer learns it anew.
    world.restart().await;
    let (ann, bob) = (ann.at(&world.gateway(0)), bob.at(&world.gateway(0)));
    let path = format!("/conversations/{chat}/messages");
    let send = async |who: &Person| {
        let body = json!({"body": {"text": "x"}});
        who.call_with_key(Method::POST, &path, Some(&new_id()), Some(body)).await.1
    };
    assert_eq!(send(&bob).await["code"], "blocked");
    // Both directions, each ended alone.
    block(&bob, &ann, true).await;
    assert_eq!(send(&ann).await["code"], "blocked");
    block(&ann, &bob, false).await;
    assert_eq!(send(&bob).await["seq"], 5);
    assert_eq!(send(&ann).await["code"], "blocked");
    block(&bob, &ann, false).await;
    assert_eq!(send(&ann).await["seq"], 6);
    assert!(blocked_by(&ann).await.is_empty() && blocked_by(&bob).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_may_come_before_the_conversation() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let (ann, bob) = (&people[0], &people[1]);
    block(ann, bob, true).await;
    let make = |who: &Person, whom: &Person| {
        let (who, body) = (who.clone(), json!({"kind": "direct", "member_ids": [whom.user_id]}));
        async move { who.call_with_key(Method::POST, "/conversations", Some(&new_id()), Some(body)).await }
    };
    assert_eq!(make(bob, ann).await.1["code"], "blocked");
    assert_eq!(bob.get("/conversations").await["items"], json!([]));
    assert_eq!(blocked_by(ann).await, [json!(bob.user_id)]);
    let (status, made) = make(ann, bob).await;
    assert_eq!(status, StatusCode::CREATED, "the blocker may: {made}");
    assert_eq!(make(bob, ann).await.1["code"], "blocked");
    for (person, path, code) in [
        (ann, format!("/me/blocks/{}", ann.user_id), "invalid_request"),
        (ann, format!("/me/blocks/{}", new_id()), "not_found"),
    ] {
        let (_, answer) = person.call(Method::PUT, &path, None).await;
        assert_eq!(answer["code"], code, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_adds_nobody_who_blocked_and_its_marks_are_not_told() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let (ann, bob, cid) = (&people[0], &people[1], &people[2]);
    let chat = ann.direct(bob).await;
    let (a, b) = (ann.connect().await, bob.connect().await);
    a.answer(&a.send(&chat, "one")).await;
    b.upto(&chat, 2).await;
    block(ann, bob, true).await;
    assert_eq!(blocked_by(ann).await, [json!(bob.user_id)]);
    // A group that the blocked one makes: who blocked is skipped and named; alone it is an error.
    let body = json!({"kind": "group", "title": "g", "member_ids": [ann.user_id, cid.user_id]});
    let made = bob.post("/conversations", body).await;
    let group = made["conversation_id"].as_str().unwrap();
    assert_eq!(made["members_count"], 2, "{made}");
    let path = format!("/conversations/{group}/members");
    let add = |ids: Value| bob.call_with_key(Method::POST, &path, None, Some(json!({"user_ids": ids})));
    let (status, answer) = add(json!([ann.user_id])).await;
    assert_eq!((status, &answer["code"]), (StatusCode::FORBIDDEN, &json!("blocked")));
    let (_, ack) = add(json!([ann.user_id, cid.user_id])).await;
    assert_eq!(ack["skipped"], json!([{"user_id": ann.user_id, "code": "blocked"}]), "{ack}");
    // In a group of somebody else both are members as ever.
    let theirs = cid.group("theirs", &[ann, bob]).await;
    assert_eq!(b.answer(&b.send(&theirs, "hello")).await["seq"], 2);
    a.upto(&theirs, 2).await;
    // The blocked one's marks count for itself and are told to nobody else.
    let (status, _) =
        bob.call(Method::PUT, &format!("/conversations/{chat}/read"), Some(json!({"seq": 2}))).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    until("the own mark is told", async || (b.heads().await[&chat]["unread"] == 0).then_some(())).await;
    b.frame(json!({"type": "read", "conversation_id": theirs, "seq": 2}));
    a.frame_of("receipt", |f| f["conversation_id"] == theirs.as_str() && f["read_seq"] == 2).await;
    assert!(
        a.see(|s| s.frames.iter().all(|f| f["type"] != "receipt" || f["conversation_id"] != chat.as_str()))
    );
    let heads = a.heads().await;
    assert_eq!(heads[&chat].get("peer_read_seq"), None, "{}", heads[&chat]);
    let members = ann.get(&format!("/conversations/{chat}/members")).await;
    let of_bob = members["items"].as_array().unwrap().iter().find(|m| m["user_id"] == bob.user_id.as_str());
    assert_eq!(of_bob.unwrap()["read_seq"], 0);
}

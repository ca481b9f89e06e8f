//! Groups: who may, who sees.

use crate::world::{World, new_id};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_sees_nothing_after() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let group = people[0].group("secret", &[&people[1], &people[2]]).await;
    let (ann, bob, cid) = (people[0].connect().await, people[1].connect().await, people[2].connect().await);
    ann.answer(&ann.send(&group, "all see this")).await;
    bob.upto(&group, 2).await;
    let path = format!("/conversations/{group}/members/{}", people[1].user_id);
    let (status, ack) = people[0].call_with_key(Method::DELETE, &path, Some(&new_id()), None).await;
    assert_eq!((status, &ack["seq"]), (StatusCode::OK, &json!(3)), "{ack}");
    for n in 0..20 {
        ann.answer(&ann.send(&group, &format!("canary {n}"))).await;
    }
    cid.upto(&group, 23).await;
    // Live: the record of the removal is the last one.
    bob.upto(&group, 3).await;
    let last = bob.see(|state| state.logs[&group].records.last().cloned()).unwrap();
    assert_eq!(last["kind"], "member_removed");
    // Heads: frozen and `left`.
    let heads = bob.heads().await;
    assert_eq!((&heads[&group]["left"], &heads[&group]["head_seq"]), (&json!(true), &json!(3)));
    // History: open up to there, and not one further.
    let records = people[1].records(&group).await;
    assert_eq!(records.len(), 3);
    assert!(!json!(records).to_string().contains("canary"));
    bob.frame(json!({"type": "fetch", "id": "f", "conversation_id": group, "after": 3}));
    let refused = bob.answer(&bob.send(&group, "let me in")).await;
    assert_eq!(refused["code"], "not_a_member");
    let path = format!("/conversations/{group}/members");
    let (status, answer) = people[1].call(Method::GET, &path, None).await;
    assert_eq!((status, &answer["code"]), (StatusCode::NOT_FOUND, &json!("not_a_member")));
    assert_eq!(bob.see(|state| state.logs[&group].cursor), 3);
    // A new device of the removed one sees no more.
    let new = people[1].log_in().await.connect().await;
    new.upto(&group, 3).await;
    assert!(!new.texts(&group).iter().any(|text| text.contains("canary")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_finds_nothing() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "eve"]).await;
    let group = people[0].group("ours", &[&people[1]]).await;
    for (method, path, body) in [
        (Method::GET, format!("/conversations/{group}"), None),
        (Method::GET, format!("/conversations/{group}/records"), None),
        (Method::GET, format!("/conversations/{group}/members"), None),
        (Method::GET, format!("/conversations/{group}/messages"), None),
        (Method::POST, format!("/conversations/{group}/messages"), Some(json!({"body": {"text": "x"}}))),
        (Method::POST, format!("/conversations/{group}/leave"), None),
    ] {
        let key = new_id();
        let (status, answer) = people[2].call_with_key(method.clone(), &path, Some(&key), body).await;
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::NOT_FOUND, &json!("not_found")),
            "{method} {path}: {answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joiner_sees_from_the_join_on_and_again_after_a_rejoin() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let group = people[0].group("floor", &[&people[1]]).await;
    let ann = people[0].connect().await;
    ann.answer(&ann.send(&group, "before")).await;
    let members = format!("/conversations/{group}/members");
    let add = json!({"user_ids": [people[2].user_id]});
    let ack = people[0].post(&members, add.clone()).await;
    assert_eq!(ack["seq"], 3);
    let cid = people[2].connect().await;
    ann.answer(&ann.send(&group, "after")).await;
    cid.upto(&group, 4).await;
    assert_eq!(cid.texts(&group), ["after"]);
    assert_eq!(people[2].records(&group).await.len(), 2, "the own join and what came after");
    people[2].post(&format!("/conversations/{group}/leave"), json!({})).await;
    ann.answer(&ann.send(&group, "while away")).await;
    people[0].post(&members, add).await;
    ann.answer(&ann.send(&group, "back")).await;
    cid.upto(&group, 8).await;
    assert!(!cid.texts(&group).contains(&"while away".to_owned()), "the floor has moved up");
    let texts: Vec<_> = people[2].records(&group).await.iter().map(|r| r["body"]["text"].clone()).collect();
    assert!(texts.contains(&json!("back")) && !texts.contains(&json!("while away")), "{texts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_rename_and_hand_over() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let group = people[0].group("old name", &[&people[1], &people[2]]).await;
    let path = format!("/conversations/{group}");
    let rename = Some(json!({"title": "new name"}));
    let (status, _) = people[1].call_with_key(Method::PATCH, &path, Some(&new_id()), rename.clone()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let member = format!("{path}/members/{}", people[1].user_id);
    let owner = Some(json!({"role": "owner"}));
    let (status, ack) = people[0].call_with_key(Method::PATCH, &member, Some(&new_id()), owner).await;
    assert_eq!((status, &ack["owner_id"]), (StatusCode::OK, &json!(people[1].user_id)), "{ack}");
    let (status, _) = people[1].call_with_key(Method::PATCH, &path, Some(&new_id()), rename).await;
    assert_eq!(status, StatusCode::OK);
    people[1].post(&format!("{path}/leave"), json!({})).await;
    let bob = people[2].connect().await;
    bob.upto(&group, 4).await;
    let last = bob.see(|state| state.logs[&group].records.last().cloned()).unwrap();
    assert_eq!(
        (&last["kind"], &last["body"]["owner_id"]),
        (&json!("member_left"), &json!(people[0].user_id))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn making_a_conversation_twice_gives_the_same_one() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let direct = |who: usize, with: usize| {
        let body = json!({"kind": "direct", "member_ids": [people[with].user_id]});
        let person = people[who].clone();
        async move { person.call_with_key(Method::POST, "/conversations", Some(&new_id()), Some(body)).await }
    };
    let ((one, a), (two, b)) = tokio::join!(direct(0, 1), direct(1, 0));
    assert!(a["conversation_id"].is_string(), "{a}");
    assert_eq!(a["conversation_id"], b["conversation_id"], "{a} {b}");
    let mut statuses = [one.as_u16(), two.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201], "of two racing, one makes it");
    let key = new_id();
    let body = json!({"kind": "group", "title": "g", "member_ids": [people[1].user_id]});
    let make = || people[0].call_with_key(Method::POST, "/conversations", Some(&key), Some(body.clone()));
    let (status, first) = make().await;
    assert_eq!(status, StatusCode::CREATED, "{first}");
    let (status, again) = make().await;
    assert_eq!((status, &again["conversation_id"]), (StatusCode::OK, &first["conversation_id"]), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_message_loses_its_body_everywhere() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let ann = people[0].connect().await;
    let chat = people[0].direct(&people[1]).await;
    ann.answer(&ann.send(&chat, "canary original")).await;
    let edit = new_id();
    ann.frame(json!({"type": "edit", "id": edit, "conversation_id": chat, "client_msg_id": edit, "target": 2, "body": {"text": "canary edited"}}));
    assert_eq!(ann.answer(&edit).await["type"], "sequenced");
    let folded = people[1].get(&format!("/conversations/{chat}/messages")).await;
    assert_eq!(folded["items"][0]["body"]["text"], "canary edited");
    let delete = new_id();
    ann.frame(json!({"type": "delete", "id": delete, "conversation_id": chat, "client_msg_id": delete, "target": 2}));
    assert_eq!(ann.answer(&delete).await["type"], "sequenced");
    let records = people[1].records(&chat).await;
    assert_eq!(records.len(), 4);
    assert!(!json!(records).to_string().contains("canary"), "{records:?}");
    assert_eq!((&records[1]["body"], &records[1]["redacted"]), (&json!({}), &json!(true)));
    assert_eq!((&records[2]["body"], &records[2]["redacted"]), (&json!({"target": 2}), &json!(true)));
    let again = new_id();
    ann.frame(json!({"type": "edit", "id": again, "conversation_id": chat, "client_msg_id": again, "target": 2, "body": {"text": "x"}}));
    assert_eq!(ann.answer(&again).await["code"], "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_counts_at_once_though_the_join_is_old_and_the_persister_is_stopped() {
    use parlor::cli::RoleName::{Fanout, Gateway, Ingest, Persister, Pusher};
    let layout = vec![vec![Gateway, Ingest, Fanout, Pusher], vec![Persister]];
    let mut world = World::with_nodes(layout, |_| {}).await;
    let people = world.people(&["ann", "bob"]).await;
    let group = people[0].group("secret", &[&people[1]]).await;
    people[0].connect().await.upto(&group, 1).await;
    // After this the live engine knows nothing of the joins.
    world.restart().await;
    let address = world.gateway(0);
    let (ann, bob) = (people[0].at(&address), people[1].at(&address));
    assert_eq!(bob.records(&group).await.len(), 1, "the join is written");
    world.stop_node(1).await;
    let path = format!("/conversations/{group}/members/{}", bob.user_id);
    let (status, ack) = ann.call_with_key(Method::DELETE, &path, Some(&new_id()), None).await;
    assert_eq!(status, StatusCode::OK, "{ack}");
    let device = ann.connect().await;
    for n in 0..5 {
        device.answer(&device.send(&group, &format!("canary {n}"))).await;
    }
    let records = bob.records(&group).await;
    assert_eq!(records.len(), 2, "up to the removal: {records:?}");
    assert!(!json!(records).to_string().contains("canary"));
}

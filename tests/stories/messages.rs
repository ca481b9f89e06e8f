//! What a message can be: a reply, a forward, one with mentions, pinned, one that expires.

use crate::world::{Device, Person, World, new_id, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Sends a command over the socket; its answer.
async fn ask(device: &Device, kind: &str, conversation: &str, more: Value) -> Value {
    let id = new_id();
    let mut frame = json!({"type": kind, "id": id, "conversation_id": conversation, "client_msg_id": id});
    frame.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    device.frame(frame);
    device.answer(&id).await
}

/// The folded view of one message.
async fn folded(person: &Person, conversation: &str, seq: u64) -> Value {
    let page = person.get(&format!("/conversations/{conversation}/messages")).await;
    let found = page["items"].as_array().unwrap().iter().find(|item| item["seq"] == seq).cloned();
    found.unwrap_or_else(|| panic!("{seq} in {page}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_message_has_no_body_anywhere_and_still_counts() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let (ann, bob) = (people[0].connect().await, people[1].connect().await);
    let chat = people[0].direct(&people[1]).await;
    for ttl_ms in [0, 999, 2_592_000_001_u64] {
        let refused = ann.answer(&ann.send_body(&chat, json!({"text": "x", "ttl_ms": ttl_ms}))).await;
        assert_eq!(refused["code"], "invalid_request", "{ttl_ms}");
    }
    let body = json!({"text": "canary fades", "ttl_ms": 1_000});
    let sent = ann.answer(&ann.send_body(&chat, body)).await;
    assert_eq!((&sent["seq"], &sent["ord"]), (&json!(2), &json!(1)));
    bob.upto(&chat, 2).await;
    assert_eq!(bob.texts(&chat), ["canary fades"], "live, while it lasts");
    ask(&ann, "edit", &chat, json!({"target": 2, "body": {"text": "canary edited"}})).await;
    let reads = async || json!(people[1].records(&chat).await).to_string();
    until("it expires", async || (!reads().await.contains("canary")).then_some(())).await;
    let records = people[1].records(&chat).await;
    assert_eq!((&records[1]["body"], &records[1]["redacted"]), (&json!({}), &json!(true)));
    if let Some(edit) = records.get(2) {
        assert_eq!((&edit["body"], &edit["redacted"]), (&json!({"target": 2}), &json!(true)));
    }
    assert_eq!(folded(&people[1], &chat, 2).await["deleted"], true);
    let view = people[1].get(&format!("/conversations/{chat}")).await;
    assert_eq!(view["unread"], 1, "it still counts: {view}");
    assert!(!view.to_string().contains("canary"), "{view}");
    // A new device gets it as everybody does, and nothing can be done to it.
    let new = people[1].log_in().await.connect().await;
    new.upto(&chat, 2).await;
    assert!(!new.texts(&chat).iter().any(|text| text.contains("canary")));
    for (kind, more) in [
        ("react", json!({"target": 2, "emoji": "👍", "op": "add"})),
        ("pin", json!({"target": 2, "op": "add"})),
        ("delete", json!({"target": 2})),
    ] {
        assert_eq!(ask(&ann, kind, &chat, more).await["code"], "conflict", "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_forwards_and_mentions_travel_with_the_message() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "eve"]).await;
    let (ann, bob, eve) = (people[0].connect().await, people[1].connect().await, people[2].connect().await);
    let chat = people[0].direct(&people[1]).await;
    let other = people[0].direct(&people[2]).await;
    ann.answer(&ann.send(&chat, "first")).await;
    let reply = json!({"text": "re", "reply_to": 2, "mentions": [people[0].user_id]});
    assert_eq!(bob.answer(&bob.send_body(&chat, reply.clone())).await["seq"], 3);
    ann.upto(&chat, 3).await;
    let got = ann.see(|state| state.logs[&chat].records[2]["body"].clone());
    assert_eq!(got, reply);
    assert_eq!(folded(&people[0], &chat, 3).await["body"], reply);
    for (body, code) in [
        (json!({"text": "x", "reply_to": 9}), "not_found"),
        (json!({"text": "x", "reply_to": 0}), "invalid_request"),
        (json!({"text": "x", "mentions": vec![people[0].user_id.clone(); 257]}), "invalid_request"),
        (json!({"text": "x", "mentions": ["nobody"]}), "invalid_request"),
    ] {
        assert_eq!(ann.answer(&ann.send_body(&chat, body.clone())).await["code"], code, "{body}");
    }
    // A forward says whence, and only what one may read can be forwarded.
    let forward =
        |seq: u64| json!({"text": "first", "forwarded_from": {"conversation_id": chat, "seq": seq}});
    assert_eq!(ann.answer(&ann.send_body(&other, forward(2))).await["type"], "sequenced");
    eve.upto(&other, 2).await;
    assert_eq!(eve.see(|s| s.logs[&other].records[1]["body"]["forwarded_from"]["seq"].clone()), 2);
    assert_eq!(eve.answer(&eve.send_body(&other, forward(2))).await["code"], "not_found", "not for her");
    assert_eq!(ann.answer(&ann.send_body(&other, forward(77))).await["code"], "not_found");
    ask(&ann, "delete", &chat, json!({"target": 2})).await;
    assert_eq!(ann.answer(&ann.send_body(&other, forward(2))).await["code"], "not_found", "it is gone");
    let rest = json!({"body": forward(2)});
    let path = format!("/conversations/{other}/messages");
    let (_, answer) = people[2].call_with_key(Method::POST, &path, Some(&new_id()), Some(rest)).await;
    assert_eq!(answer["code"], "not_found", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pins_are_for_either_of_two_and_for_admins_of_many() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let (ann, bob) = (people[0].connect().await, people[1].connect().await);
    let chat = people[0].direct(&people[1]).await;
    ann.answer(&ann.send(&chat, "keep")).await;
    assert_eq!(ask(&bob, "pin", &chat, json!({"target": 2, "op": "add"})).await["seq"], 3);
    assert_eq!(folded(&people[0], &chat, 2).await["pinned"], true);
    let path = format!("/conversations/{chat}/messages/2/pin");
    let (status, ack) = people[0].call_with_key(Method::DELETE, &path, Some(&new_id()), None).await;
    assert_eq!((status, &ack["seq"], &ack["ord"]), (StatusCode::OK, &json!(4), &json!(1)), "{ack}");
    assert_eq!(folded(&people[1], &chat, 2).await["pinned"], false);
    let group = people[0].group("g", &[&people[1]]).await;
    ann.answer(&ann.send(&group, "rules")).await;
    bob.upto(&group, 2).await;
    let add = json!({"target": 2, "op": "add"});
    assert_eq!(ask(&bob, "pin", &group, add.clone()).await["code"], "forbidden");
    assert_eq!(ask(&ann, "pin", &group, json!({"target": 1, "op": "add"})).await["code"], "invalid_request");
    assert_eq!(ask(&ann, "pin", &group, json!({"target": 9, "op": "add"})).await["code"], "not_found");
    let role = format!("/conversations/{group}/members/{}", people[1].user_id);
    people[0].call_with_key(Method::PATCH, &role, Some(&new_id()), Some(json!({"role": "admin"}))).await;
    assert_eq!(ask(&bob, "pin", &group, add).await["type"], "sequenced");
    assert_eq!(folded(&people[0], &group, 2).await["pinned"], true);
}

/// However much was said in between: what a page looks through is bounded, what it shows is not.
#[tokio::test(flavor = "multi_thread")]
async fn what_happens_long_after_a_message_is_in_its_page() {
    let world = World::with(|config| config.edge.fold_records_max = 20).await;
    let people = world.people(&["ann", "bob"]).await;
    let (ann, bob) = (people[0].connect().await, people[1].connect().await);
    let group = people[0].group("g", &[&people[1]]).await;
    for text in ["first", "second"] {
        ann.answer(&ann.send(&group, text)).await;
    }
    bob.upto(&group, 3).await;
    let talk = async || {
        let sent: Vec<_> = (0..50).map(|n| ann.send(&group, &format!("talk {n}"))).collect();
        for id in &sent {
            assert_eq!(ann.answer(id).await["type"], "sequenced");
        }
    };
    talk().await;
    let react = |target: u64, op: &str| json!({"target": target, "emoji": "👍", "op": op});
    ask(&bob, "react", &group, react(2, "add")).await;
    ask(&ann, "react", &group, react(2, "add")).await;
    ask(&ann, "react", &group, react(3, "add")).await;
    ask(&ann, "pin", &group, json!({"target": 2, "op": "add"})).await;
    ask(&ann, "edit", &group, json!({"target": 2, "body": {"text": "earlier"}})).await;
    ask(&ann, "edit", &group, json!({"target": 2, "body": {"text": "edited"}})).await;
    ask(&ann, "react", &group, react(3, "remove")).await;
    talk().await;
    let page = async |person: &Person| {
        let page = person.get(&format!("/conversations/{group}/messages?before=4")).await;
        json!([page["items"][1], page["items"][0]["reactions"]])
    };
    let seen = async |person: &Person| {
        let page = page(person).await;
        let message = &page[0];
        (message["body"]["text"] == "edited"
            && message["pinned"] == true
            && message["reactions"]["👍"]["count"] == 2
            && page[1] == json!({}))
        .then_some(page)
    };
    until("it is folded", async || seen(&people[0]).await).await;
    until("for everybody", async || seen(&people[1]).await).await;
    // Once bob is out, what is said of it later is not for him; ann sees it.
    let path = format!("/conversations/{group}/members/{}", people[1].user_id);
    people[0].call_with_key(Method::DELETE, &path, Some(&new_id()), None).await;
    ask(&ann, "react", &group, react(3, "add")).await;
    ask(&ann, "edit", &group, json!({"target": 2, "body": {"text": "canary"}})).await;
    let is_edited = async || (page(&people[0]).await[0]["body"]["text"] == "canary").then_some(());
    until("it is folded", is_edited).await;
    assert!(seen(&people[1]).await.is_some(), "{}", page(&people[1]).await);
}

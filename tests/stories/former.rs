//! Former members: what stays open to them, what does not, and what a return brings.

use crate::world::{Person, World, new_id, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn remove(owner: &Person, group: &str, user: &Person) {
    let path = format!("/conversations/{group}/members/{}", user.user_id);
    let (status, answer) = owner.call_with_key(Method::DELETE, &path, Some(&new_id()), None).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

async fn change(owner: &Person, group: &str, body: Value) {
    let path = format!("/conversations/{group}");
    let (status, answer) = owner.call_with_key(Method::PATCH, &path, Some(&new_id()), Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_later_reaches_a_former_member_by_any_path() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid", "dan"]).await;
    let (ann, bob) = (&people[0], &people[1]);
    let group = ann.group("first", &[bob, &people[2]]).await;
    change(ann, &group, json!({"title": "second"})).await;
    let (a, b) = (ann.connect().await, bob.connect().await);
    a.answer(&a.send(&group, "all see this")).await;
    remove(ann, &group, bob).await;
    b.upto(&group, 4).await;
    // A new title, a new member, edits, reactions, pins, deletes of what bob could see; new messages.
    change(ann, &group, json!({"title": "canary title", "history": "all"})).await;
    ann.post(&format!("/conversations/{group}/members"), json!({"user_ids": [people[3].user_id]})).await;
    let edit = json!({"body": {"text": "canary edit"}});
    let path = format!("/conversations/{group}/messages/3");
    ann.call_with_key(Method::PATCH, &path, Some(&new_id()), Some(edit)).await;
    ann.call_with_key(Method::PUT, &format!("{path}/reactions/canary"), Some(&new_id()), None).await;
    ann.call_with_key(Method::PUT, &format!("{path}/pin"), Some(&new_id()), None).await;
    a.answer(&a.send(&group, "canary text")).await;
    // When the store has it all ...
    let title = async || ann.get(&format!("/conversations/{group}")).await["title"].clone();
    until("it is folded", async || (title().await == "canary title").then_some(())).await;
    // ... nothing of it is told, and what was is as it was.
    let mut told = Vec::new();
    for path in
        ["", "/records", "/records?after=4", "/records?before=100", "/messages", "/messages?before=100"]
    {
        told.push(bob.get(&format!("/conversations/{group}{path}")).await);
    }
    told.push(bob.get("/conversations").await);
    told.push(bob.get("/me/export").await);
    let new = bob.log_in().await.connect().await;
    new.frame(json!({"type": "fetch", "id": "f", "conversation_id": group, "after": 0}));
    new.upto(&group, 4).await;
    told.push(json!(new.heads().await));
    for device in [&b, &new] {
        told.push(device.see(|s| json!([s.logs[&group].records, s.frames])));
    }
    for answer in &told {
        assert!(!answer.to_string().contains("canary"), "{answer}");
    }
    let view = &told[0];
    assert_eq!((&view["title"], &view["history"]), (&json!("second"), &json!("joined")), "{view}");
    assert_eq!(
        (&view["left"], &view["head_seq"], &view["members_count"]),
        (&json!(true), &json!(4), &json!(2))
    );
    assert_eq!(view["last_message"]["body"]["text"], "all see this");
    // Everything else is refused.
    let reaction = format!("/conversations/{group}/messages/3/reactions/x");
    for (method, path, body) in [
        (Method::GET, format!("/conversations/{group}/members"), None),
        (Method::GET, format!("/conversations/{group}/messages/3/receipts"), None),
        (Method::PUT, format!("/conversations/{group}/read"), Some(json!({"seq": 3}))),
        (Method::PUT, format!("/conversations/{group}/settings"), Some(json!({"pinned": true}))),
        (Method::PATCH, format!("/conversations/{group}"), Some(json!({"title": "x"}))),
        (Method::POST, format!("/conversations/{group}/messages"), Some(json!({"body": {"text": "x"}}))),
        (Method::PUT, reaction, None),
        (Method::POST, format!("/conversations/{group}/leave"), None),
        (Method::POST, format!("/conversations/{group}/members"), Some(json!({"user_ids": [bob.user_id]}))),
    ] {
        let (_, answer) = bob.call_with_key(method.clone(), &path, Some(&new_id()), body).await;
        assert_eq!(answer["code"], "not_a_member", "{method} {path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_sees_what_the_rule_says() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let (ann, bob, cid) = (&people[0], &people[1], &people[2]);
    let group = ann.group("g", &[bob]).await;
    let say = async |text: &str| {
        ann.post(&format!("/conversations/{group}/messages"), json!({"body": {"text": text}})).await
    };
    let add = async |who: &Person| {
        ann.post(&format!("/conversations/{group}/members"), json!({"user_ids": [who.user_id]})).await
    };
    let texts = async |who: &Person| -> Vec<String> {
        let records = who.records(&group).await;
        records.iter().filter_map(|r| r["body"]["text"].as_str().map(str::to_owned)).collect()
    };
    say("one").await;
    remove(ann, &group, bob).await;
    say("while away").await;
    add(bob).await;
    say("two").await;
    assert_eq!(texts(bob).await, ["two"], "from the return on");
    let device = bob.connect().await;
    device.upto(&group, 6).await;
    let head = &device.heads().await[&group];
    assert_eq!((&head["floor"], &head["left"], &head["unread"]), (&json!(4), &json!(false), &json!(1)));
    let path = format!("/conversations/{group}/messages/2");
    let (_, answer) = bob.call_with_key(Method::DELETE, &path, Some(&new_id()), None).await;
    assert_eq!(answer["code"], "not_found", "below the floor nothing is there");
    // The rule concerns later joiners.
    change(ann, &group, json!({"history": "all"})).await;
    assert_eq!(texts(bob).await, ["two"]);
    add(cid).await;
    assert_eq!(texts(cid).await, ["one", "while away", "two"]);
    remove(ann, &group, cid).await;
    say("three").await;
    assert_eq!(texts(cid).await, ["one", "while away", "two"]);
    add(cid).await;
    assert_eq!(texts(cid).await, ["one", "while away", "two", "three"], "everything, again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_leaves_hands_over_and_the_last_one_closes_the_door() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let group = people[0].group("g", &[&people[1], &people[2]]).await;
    let path = format!("/conversations/{group}");
    let leave = async |who: &Person| who.post(&format!("{path}/leave"), json!({})).await;
    let role = format!("{path}/members/{}", people[2].user_id);
    people[0].call_with_key(Method::PATCH, &role, Some(&new_id()), Some(json!({"role": "admin"}))).await;
    assert_eq!(leave(&people[0]).await["owner_id"], people[2].user_id.as_str(), "the oldest admin");
    assert_eq!(leave(&people[2]).await["owner_id"], people[1].user_id.as_str(), "else the oldest member");
    let view = people[1].get(&path).await;
    assert_eq!(view["role"], "owner");
    let last = leave(&people[1]).await;
    assert_eq!((&last["seq"], last.get("owner_id")), (&json!(5), None), "nobody is left: {last}");
    for person in &people {
        assert_eq!(person.get(&path).await["left"], true);
        let body = Some(json!({"body": {"text": "x"}}));
        let (_, answer) = person.call(Method::POST, &format!("{path}/messages"), body).await;
        assert_eq!(answer["code"], "not_a_member");
    }
}

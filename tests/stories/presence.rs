//! Who is here: several devices, privacy, watching across gateways.

use crate::{
    world::{Device, Person, World, api, new_id, until},
    world_socket::{next, open, say},
};
use parlor::cli::RoleName::{Fanout, Gateway, Ingest, Persister, Pusher};
use reqwest::Method;
use serde_json::{Value, json};

/// Waits until the newest presence of somebody that a device was told has this status; it.
pub async fn told(device: &Device, of: &Person, status: &str) -> Value {
    let newest = |state: &crate::world::State| {
        let frames = state.frames.iter().rev();
        let newest = frames.into_iter().find(|f| f["type"] == "presence" && f["user_id"] == *of.user_id);
        newest.filter(|f| f["status"] == status).cloned()
    };
    device.wait(&format!("{} is told to be {status}", of.username), newest).await
}

/// Watches, and waits for the first answer about each.
pub async fn watch(device: &Device, people: &[&Person]) {
    let id = new_id();
    let ids: Vec<_> = people.iter().map(|person| person.user_id.clone()).collect();
    device.frame(json!({"type": "watch", "id": id, "user_ids": ids}));
    for person in people {
        device.frame_of("presence", |f| f["id"] == *id && f["user_id"] == *person.user_id).await;
    }
}

/// Asks over REST until the status is this; the answer.
pub async fn asked(asker: &Person, of: &Person, status: &str) -> Value {
    let path = format!("/users/{}/presence", of.user_id);
    let ask = async || Some(asker.get(&path).await).filter(|answer| answer["status"] == status);
    until(&format!("the status is {status}"), ask).await
}

#[tokio::test(flavor = "multi_thread")]
async fn online_is_who_has_any_device_here() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    people[0].direct(&people[1]).await;
    let (ann, bob) = (&people[0], people[1].connect().await);
    watch(&bob, &[ann]).await;
    let never = told(&bob, ann, "offline").await;
    assert_eq!((&never["last_seen"], &never["text"]), (&json!(null), &json!("")), "never connected");
    let first = ann.connect().await;
    let online = told(&bob, ann, "online").await;
    assert_eq!((&online["last_seen"], &online["text"]), (&json!(null), &json!("Online")));
    let second = ann.log_in().await.connect().await;
    first.frame(json!({"type": "presence", "status": "away"}));
    second.frame(json!({"type": "presence", "status": "away"}));
    let away = told(&bob, ann, "away").await;
    assert_eq!((&away["last_seen"], &away["text"]), (&json!(null), &json!("Away")));
    assert_eq!(asked(&people[1], ann, "away").await["text"], "Away");
    second.frame(json!({"type": "presence", "status": "online"}));
    told(&bob, ann, "online").await;
    // The one that is online goes; the other one is away.
    drop(second);
    told(&bob, ann, "away").await;
    drop(first);
    let gone = told(&bob, ann, "offline").await;
    assert_eq!(gone["text"], "Last seen just now");
    assert!(gone["last_seen"].as_str().is_some_and(|at| at.ends_with('Z')), "{gone}");
    let asked = asked(&people[1], ann, "offline").await;
    assert_eq!((&asked["last_seen"], &asked["text"]), (&gone["last_seen"], &gone["text"]));
    bob.frame(json!({"type": "presence", "id": "1", "status": "offline"}));
    assert_eq!(bob.frame_of("error", |f| f["id"] == "1").await["code"], "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn last_seen_is_told_to_whom_it_may() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "eve"]).await;
    let (ann, bob, eve) = (&people[0], &people[1], &people[2]);
    let group = ann.group("two", &[bob]).await;
    let _here = ann.connect().await;
    let (at_bob, at_eve) = (bob.connect().await, eve.connect().await);
    watch(&at_bob, &[ann]).await;
    watch(&at_eve, &[ann]).await;
    // Contacts: who shares a conversation.
    told(&at_bob, ann, "online").await;
    let hidden = told(&at_eve, ann, "offline").await;
    assert_eq!((&hidden["last_seen"], &hidden["text"]), (&json!(null), &json!("")));
    let choose = async |to: &str| {
        let (status, me) = ann.call(Method::PATCH, "/me", Some(json!({"last_seen_to": to}))).await;
        assert_eq!((status.as_u16(), &me["last_seen_to"]), (200, &json!(to)));
    };
    choose("everyone").await;
    told(&at_eve, ann, "online").await;
    assert_eq!(asked(eve, ann, "online").await["text"], "Online");
    choose("nobody").await;
    for (device, person) in [(&at_bob, bob), (&at_eve, eve)] {
        assert_eq!(told(device, ann, "offline").await["last_seen"], json!(null));
        let answer = asked(person, ann, "offline").await;
        assert_eq!((&answer["last_seen"], &answer["text"]), (&json!(null), &json!("")));
    }
    assert_eq!(asked(ann, ann, "online").await["text"], "Online", "it is no secret to oneself");
    choose("contacts").await;
    told(&at_bob, ann, "online").await;
    // Who leaves the last common conversation is a stranger again; one that is made makes contacts.
    let (status, _) = bob.call(Method::POST, &format!("/conversations/{group}/leave"), None).await;
    assert_eq!(status, 200);
    asked(bob, ann, "offline").await;
    eve.direct(ann).await;
    asked(eve, ann, "online").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_hides_presence_and_typing_both_ways() {
    let world = World::with(|config| {
        config.edge.watch_trust_ms = 100;
        config.edge.sweep_ms = 50;
        config.edge.presence_look_ms = 100;
    })
    .await;
    let people = world.people(&["ann", "bob"]).await;
    let (ann, bob) = (&people[0], &people[1]);
    let (chat, group) = (ann.direct(bob).await, ann.group("g", &[bob]).await);
    let (at_ann, at_bob) = (ann.connect().await, bob.connect().await);
    watch(&at_ann, &[bob]).await;
    watch(&at_bob, &[ann]).await;
    told(&at_ann, bob, "online").await;
    told(&at_bob, ann, "online").await;
    let block = async |method: Method| {
        let path = format!("/me/blocks/{}", bob.user_id);
        let (status, answer) = ann.call(method, &path, None).await;
        assert_eq!(status.as_u16(), 204, "{answer}");
    };
    // Everybody's choice is no way around it.
    for person in [ann, bob] {
        let (status, _) = person.call(Method::PATCH, "/me", Some(json!({"last_seen_to": "everyone"}))).await;
        assert_eq!(status.as_u16(), 200);
    }
    block(Method::PUT).await;
    for (device, person, other) in [(&at_ann, ann, bob), (&at_bob, bob, ann)] {
        assert_eq!(told(device, other, "offline").await["last_seen"], json!(null));
        assert_eq!(asked(person, other, "offline").await["text"], "");
    }
    let typing = |chat: &str, on: bool| json!({"type": "typing", "conversation_id": chat, "on": on});
    // In their direct conversation nobody is told; in groups a block means nothing.
    at_ann.frame(typing(&chat, true));
    at_bob.frame(typing(&chat, true));
    at_ann.frame(typing(&group, true));
    at_bob.frame(typing(&group, true));
    at_ann.frame_of("typing", |f| f["conversation_id"] == *group).await;
    at_bob.frame_of("typing", |f| f["conversation_id"] == *group).await;
    block(Method::DELETE).await;
    told(&at_ann, bob, "online").await;
    told(&at_bob, ann, "online").await;
    at_ann.frame(typing(&chat, false));
    at_ann.frame(typing(&chat, true));
    at_bob.frame_of("typing", |f| f["conversation_id"] == *chat && f["on"] == true).await;
    let none =
        at_ann.see(|s| s.frames.iter().all(|f| f["type"] != "typing" || f["conversation_id"] != *chat));
    assert!(none, "what was typed under the block was told to nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_hear_of_changes_at_other_gateways() {
    let layout = vec![vec![Gateway], vec![Gateway], vec![Ingest, Persister, Fanout, Pusher]];
    let world = World::with_nodes(layout, |config| config.edge.watched_max = 3).await;
    let people = world.people(&["ann", "bob", "cat"]).await;
    let (ann, bob, cat) = (&people[0], &people[1], &people[2]);
    bob.direct(ann).await;
    bob.group("g", &[cat]).await;
    let here = bob.at(&world.gateway(0)).connect().await;
    watch(&here, &[ann, cat]).await;
    let there = ann.at(&world.gateway(1)).connect().await;
    told(&here, ann, "online").await;
    there.frame(json!({"type": "presence", "status": "away"}));
    told(&here, ann, "away").await;
    let second = ann.at(&world.gateway(0)).connect().await;
    told(&here, ann, "online").await;
    drop(there);
    drop(second);
    told(&here, ann, "offline").await;
    // Watched no longer: the next change is not told, that of another one is.
    here.frame(json!({"type": "unwatch", "id": "u", "user_ids": [ann.user_id]}));
    here.frame_of("ok", |f| f["id"] == "u").await;
    let count = || here.see(|s| s.frames.iter().filter(|f| f["user_id"] == *ann.user_id).count());
    let before = count();
    let _back = ann.at(&world.gateway(1)).connect().await;
    asked(bob, ann, "online").await;
    let _cat = cat.at(&world.gateway(1)).connect().await;
    told(&here, cat, "online").await;
    assert_eq!(count(), before);
    // So many and no more, all of them or none.
    let ids: Vec<_> = (0..3).map(|_| new_id()).collect();
    here.frame(json!({"type": "watch", "id": "w", "user_ids": ids}));
    assert_eq!(here.frame_of("error", |f| f["id"] == "w").await["code"], "invalid_request");
    here.frame(json!({"type": "watch", "id": "w2", "user_ids": ids[..2]}));
    here.frame_of("presence", |f| f["id"] == "w2" && f["status"] == "offline").await;
    let many: Vec<_> = (0..4).map(|_| new_id()).collect();
    let (status, _) = bob.call(Method::POST, "/presence", Some(json!({"user_ids": many}))).await;
    assert_eq!(status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_in_the_viewers_time_zone() {
    let mut world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let (ann, bob) = (&people[0], &people[1]);
    bob.direct(ann).await;
    drop(ann.connect().await);
    asked(bob, ann, "offline").await;
    for (tz, status) in [("Asia/Tokyo", 200), ("UTC", 200), ("Mars/Olympus", 400), ("", 400)] {
        for (method, path, body) in [
            (Method::GET, format!("/users/{}/presence?tz={tz}", ann.user_id), None),
            (Method::POST, format!("/presence?tz={tz}"), Some(json!({"user_ids": [ann.user_id]}))),
        ] {
            let (answer, problem) = bob.call(method, &path, body).await;
            assert_eq!(answer.as_u16(), status, "{path}: {problem}");
            assert!(status == 200 || problem["code"] == "invalid_request", "{problem}");
        }
    }
    let mut socket = open(&format!("ws://{}/v1/ws", bob.address)).await;
    let auth = |tz: &str| {
        let device = json!({"kind": "web", "name": "test", "tz": tz});
        json!({"type": "auth", "id": tz, "token": bob.token, "device": device}).to_string()
    };
    say(&mut socket, auth("Nowhere/Land")).await;
    assert_eq!(next(&mut socket).await["type"], "hello");
    let refused = next(&mut socket).await;
    assert_eq!((&refused["id"], &refused["code"]), (&json!("Nowhere/Land"), &json!("invalid_request")));
    say(&mut socket, auth("Asia/Tokyo")).await;
    while next(&mut socket).await["type"] != "ready" {}
    say(&mut socket, json!({"type": "watch", "id": "w", "user_ids": [ann.user_id]}).to_string()).await;
    // Heads may come at any time.
    let mut presence = next(&mut socket).await;
    while presence["id"] != "w" {
        assert_eq!(presence["type"], "heads", "{presence}");
        presence = next(&mut socket).await;
    }
    assert_eq!(presence["status"], "offline", "{presence}");
    // Last seen is kept for ever, here through a restart.
    drop(socket);
    world.restart().await;
    let bob = bob.at(&world.gateway(0));
    let (_, many) =
        bob.call(Method::POST, "/presence", Some(json!({"user_ids": [ann.user_id, new_id()]}))).await;
    assert_eq!(many["items"][0]["last_seen"], presence["last_seen"], "{many}");
    assert_eq!(
        (&many["items"][1]["status"], &many["items"][1]["last_seen"]),
        (&json!("offline"), &json!(null))
    );
    let url = format!("http://{}/v1/users/{}/presence", bob.address, new_id());
    assert_eq!(api(Method::GET, &url, Some(&bob.token), None, None).await.0.as_u16(), 404);
}

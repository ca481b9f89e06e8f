//! Who types: told to the members who are online, and to nobody else.

use crate::world::{Device, World};
use serde_json::{Value, json};
use std::num::NonZeroU32;

fn typing(chat: &str, on: bool) -> Value {
    json!({"type": "typing", "conversation_id": chat, "on": on})
}

/// What a device was told of typing in a conversation.
fn told(device: &Device, chat: &str) -> Vec<(String, bool)> {
    device.see(|state| {
        let here = state.frames.iter().filter(|f| f["type"] == "typing" && f["conversation_id"] == chat);
        here.map(|f| (f["user_id"].as_str().unwrap().to_owned(), f["on"].as_bool().unwrap())).collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn members_hear_who_types_and_former_members_do_not() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cat", "eve"]).await;
    let mut devices = Vec::new();
    for person in &people {
        devices.push(person.connect().await);
    }
    let [ann, bob, cat, eve] = &devices[..] else { panic!("four devices") };
    let second = people[0].log_in().await.connect().await;
    let group = people[0].group("three", &[&people[1], &people[2]]).await;
    let of_ann = |f: &Value| f["user_id"] == people[0].user_id.as_str() && f["conversation_id"] == *group;
    ann.frame(typing(&group, true));
    for hearer in [bob, cat] {
        let frame = hearer.frame_of("typing", of_ann).await;
        assert_eq!(frame["on"], true, "{frame}");
    }
    ann.frame(typing(&group, false));
    bob.frame_of("typing", |f| of_ann(f) && f["on"] == false).await;
    // Removed, then typed: one answer to that.
    let path = format!("/conversations/{group}/members/{}", people[2].user_id);
    let (status, _) = people[0].call(reqwest::Method::DELETE, &path, None).await;
    assert_eq!(status, 200);
    let before = told(cat, &group);
    bob.frame(typing(&group, true));
    ann.frame_of("typing", |f| f["user_id"] == people[1].user_id.as_str()).await;
    // Neither those who left nor strangers are heard.
    cat.frame(typing(&group, true));
    eve.frame(typing(&group, true));
    // What comes after that has come to each of them.
    let chats = [people[0].direct(&people[2]).await, people[0].direct(&people[3]).await];
    for (chat, device) in chats.iter().zip([cat, eve]) {
        device.frame(typing(chat, true));
        ann.frame_of("typing", |f| f["conversation_id"] == **chat).await;
        ann.frame(typing(chat, true));
        device.frame_of("typing", |f| f["conversation_id"] == **chat).await;
    }
    let bob_id = people[1].user_id.clone();
    assert_eq!(told(ann, &group), [(bob_id.clone(), true)], "and not the own");
    assert_eq!(told(&second, &group), [(bob_id, true)], "nor does the own other device");
    assert_eq!(told(cat, &group), before);
    assert_eq!(told(eve, &group), []);
    // The log knows nothing of it: the group was made, and one left.
    assert_eq!(people[0].records(&group).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_is_limited_and_has_a_form() {
    let few = NonZeroU32::new(3).unwrap();
    let world = World::with(|config| {
        config.edge.rates.hints.burst = few;
        config.edge.rates.hints.per_second = NonZeroU32::MIN;
    })
    .await;
    let people = world.people(&["ann", "bob"]).await;
    let (ann, bob) = (people[0].connect().await, people[1].connect().await);
    let chat = people[0].direct(&people[1]).await;
    for bad in [
        json!({"type": "typing", "id": "1", "on": true}),
        json!({"type": "typing", "id": "2", "conversation_id": chat}),
        json!({"type": "typing", "id": "3", "conversation_id": chat, "on": "yes"}),
    ] {
        let id = bad["id"].clone();
        bob.frame(bad);
        assert_eq!(bob.frame_of("error", |f| f["id"] == id).await["code"], "invalid_request");
    }
    for n in 0..20 {
        ann.frame(json!({"type": "typing", "id": format!("t{n}"), "conversation_id": chat, "on": true}));
    }
    let refused = ann.frame_of("error", |f| f["code"] == "rate_limited").await;
    assert!(refused["retry_after_ms"].as_u64().is_some(), "{refused}");
    bob.frame_of("typing", |f| f["on"] == true).await;
    assert_eq!(ann.answer(&ann.send(&chat, "sends are not held up")).await["type"], "sequenced");
}

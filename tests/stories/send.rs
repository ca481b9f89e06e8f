//! Sending: order, acks, resends, conflicts.

use crate::world::{Person, World, new_id};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::collections::HashSet;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_accepted_sequenced_and_received_in_order() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let (ann, bob) = (people[0].connect().await, people[1].connect().await);
    let chat = people[0].direct(&people[1]).await;
    let ids: Vec<_> = (0..50).map(|n| ann.send(&chat, &format!("m{n}"))).collect();
    for (n, id) in ids.iter().enumerate() {
        let ack = ann.answer(id).await;
        assert_eq!(ack["type"], "sequenced", "{ack}");
        assert_eq!(ack["seq"], n as u64 + 2, "the first record is `created`");
        assert_eq!(ack["ord"], n as u64 + 1);
        assert_eq!(ack["duplicate"], false);
        assert!(ann.see(|state| state.accepted.contains(id)), "`accepted` comes before `sequenced`");
    }
    let expected: Vec<_> = (0..50).map(|n| format!("m{n}")).collect();
    for device in [&ann, &bob] {
        device.upto(&chat, 51).await;
        assert_eq!(device.texts(&chat), expected);
    }
    let stored = people[1].records(&chat).await;
    assert_eq!(bob.see(|state| state.logs[&chat].records.clone()), stored, "live and history agree");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resend_anywhere_gets_the_first_ack_again() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let chat = people[0].direct(&people[1]).await;
    let (first, second) = (people[0].connect().await, people[0].log_in().await.connect().await);
    let id = new_id();
    let body = json!({"text": "once"});
    first.send_as(&chat, &id, body.clone());
    let ack = first.answer(&id).await;
    second.send_as(&chat, &id, body.clone());
    let again = second.answer(&id).await;
    assert_eq!((&again["seq"], &again["duplicate"]), (&ack["seq"], &json!(true)));
    let path = format!("/conversations/{chat}/messages");
    let (status, over_rest) =
        people[0].call_with_key(Method::POST, &path, Some(&id), Some(json!({"body": body}))).await;
    assert!(status.is_success(), "{status} {over_rest}");
    assert_eq!(over_rest["seq"], ack["seq"]);
    assert_eq!(over_rest["message_id"], ack["message_id"]);
    assert_eq!(over_rest["duplicate"], true);
    let other = json!({"body": {"text": "something else"}});
    let (status, refused) = people[0].call_with_key(Method::POST, &path, Some(&id), Some(other)).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    assert_eq!(people[0].records(&chat).await.len(), 2, "`created` and the one message");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resend_after_a_restart_is_still_the_same_message() {
    let mut world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let chat = people[0].direct(&people[1]).await;
    let path = format!("/conversations/{chat}/messages");
    let id = new_id();
    let body = json!({"body": {"text": "once"}});
    let (_, ack) = people[0].call_with_key(Method::POST, &path, Some(&id), Some(body.clone())).await;
    world.restart().await;
    let ann = people[0].at(&world.gateway(0));
    let (status, again) = ann.call_with_key(Method::POST, &path, Some(&id), Some(body)).await;
    assert!(status.is_success(), "{status} {again}");
    assert_eq!((&again["seq"], &again["duplicate"]), (&ack["seq"], &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_people_write_at_once_and_all_see_one_order() {
    let world = World::new().await;
    let owner = world.person("owner").await;
    let mut people: Vec<Person> = Vec::new();
    for n in 0..199 {
        people.push(world.person(&format!("person{n}")).await);
    }
    let group = owner.group("all", &people.iter().collect::<Vec<_>>()).await;
    let mut devices = vec![owner.connect().await];
    for person in &people {
        devices.push(person.connect().await);
    }
    let each = 5;
    for round in 0..each {
        for (n, device) in devices.iter().enumerate() {
            device.send(&group, &format!("{n}/{round}"));
        }
    }
    let last = 1 + 200 * each;
    for device in &devices {
        device.upto(&group, last).await;
    }
    let order = devices[0].texts(&group);
    let distinct: HashSet<_> = order.iter().collect();
    assert_eq!(distinct.len() as u64, 200 * each, "each once");
    for device in &devices {
        assert_eq!(device.texts(&group), order, "one order for everyone");
    }
    for n in 0..200 {
        let own: Vec<_> = order.iter().filter(|text| text.starts_with(&format!("{n}/"))).collect();
        assert!(own.is_sorted(), "a sender's own order is kept: {own:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_kept_as_sent() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let (ann, bob) = (people[0].connect().await, people[1].connect().await);
    let chat = people[0].direct(&people[1]).await;
    let texts = [
        "  spaces stay  ",
        "שלום, עולם — مرحبا بالعالم",
        "👩‍👩‍👧‍👦 é vs e\u{301}",
        "line\nbreak\ttab \u{200f}",
        &"長".repeat(5_000),
        " ",
    ];
    for text in texts {
        let ack = ann.answer(&ann.send(&chat, text)).await;
        assert_eq!(ack["type"], "sequenced", "{ack}");
    }
    bob.upto(&chat, 1 + texts.len() as u64).await;
    assert_eq!(bob.texts(&chat), texts);
    let too_long = ann.answer(&ann.send(&chat, &"x".repeat(16 * 1024 + 1))).await;
    assert!(["invalid_request", "too_large"].contains(&too_long["code"].as_str().unwrap()), "{too_long}");
    let nul = ann.answer(&ann.send(&chat, "a\0b")).await;
    assert_eq!(nul["code"], "invalid_request");
    let empty = ann.answer(&ann.send_body(&chat, json!({}))).await;
    assert_eq!(empty["code"], "invalid_request");
}

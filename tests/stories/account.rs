//! The own account: taken away, and taken along.

use crate::world::{Person, World, api, new_id, until};
use parlor_engines::log::Entry;
use parlor_schemas::{Action, Command, GatewayId, Origin, Topic, command::payload_hash};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn register(address: &str, name: &str) -> (StatusCode, Value) {
    let url = format!("http://{address}/v1/auth/register");
    api(Method::POST, &url, None, None, Some(json!({"username": name, "password": "correct horse"}))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_leaves_its_words_and_nothing_else() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let [ann, bob, cid] = people.as_slice() else { unreachable!() };
    let (direct, group) = (ann.direct(bob).await, ann.group("hers", &[bob, cid]).await);
    for chat in [&direct, &group] {
        let body = json!({"body": {"text": "I was here"}});
        ann.post(&format!("/conversations/{chat}/messages"), body).await;
    }
    let (laptop, phone) = (ann.connect().await, ann.log_in().await.connect().await);
    ann.call(Method::PATCH, "/me", Some(json!({"last_seen_to": "everyone"}))).await;
    assert_eq!(ann.call(Method::DELETE, "/me", None).await.0, StatusCode::NO_CONTENT);
    for device in [&laptop, &phone] {
        device.wait("the socket is closed", |state| state.closes.contains(&4003).then_some(())).await;
    }
    // Nobody signs in, no token is good, and it is told like an unknown name.
    let login = |name: &'static str| {
        let url = format!("http://{}/v1/auth/login", ann.address);
        let body = json!({"username": name, "password": "correct horse"});
        async move { api(Method::POST, &url, None, None, Some(body)).await }
    };
    assert_eq!(login("ann").await, login("nobody").await);
    assert_eq!(ann.call(Method::GET, "/me", None).await.0, StatusCode::UNAUTHORIZED);
    let profile = bob.get(&format!("/users/{}", ann.user_id)).await;
    assert_eq!(
        profile,
        json!({"user_id": ann.user_id, "username": "", "display_name": "deleted user", "avatar_media_id": null})
    );
    assert_eq!(bob.call(Method::GET, "/users?username=ann", None).await.0, StatusCode::NOT_FOUND);
    let presence = bob.get(&format!("/users/{}/presence", ann.user_id)).await;
    assert_eq!((&presence["status"], &presence["text"]), (&json!("offline"), &json!("")), "{presence}");
    assert_eq!(presence["last_seen"], Value::Null);
    // What was said stays; the group goes on under another owner.
    let said = bob.get(&format!("/conversations/{direct}/messages")).await;
    assert_eq!(said["items"][0]["body"]["text"], "I was here");
    let records = bob.records(&group).await;
    let last = records.last().expect("a record");
    assert_eq!((&last["kind"], &last["body"]["user_id"]), (&json!("member_left"), &json!(ann.user_id)));
    assert!(last["body"]["owner_id"].is_string(), "handed over: {last}");
    // Nobody adds the deleted one again.
    let add = json!({"user_ids": [ann.user_id]});
    let (status, _) = bob.call(Method::POST, &format!("/conversations/{group}/members"), Some(add)).await;
    assert!(status.is_client_error(), "{status}");
    let (status, answer) = register(&ann.address, "ann").await;
    assert_eq!((status, &answer["code"]), (StatusCode::CONFLICT, &json!("username_taken")), "for 30 days");
}

/// What a gateway writes that looked at `who` while the account was still there.
async fn add_after_a_stale_look(world: &World, group: &str, by: &Person, who: &Person) {
    let log = &world.engines().log;
    let command = Command {
        conversation_id: group.parse().unwrap(),
        sender_id: by.user_id.parse().unwrap(),
        device_id: by.device_id.parse().unwrap(),
        client_msg_id: new_id().parse().unwrap(),
        payload_hash: payload_hash("add_members", &[&who.user_id]).unwrap(),
        origin: Origin { gateway_id: GatewayId(uuid::Uuid::now_v7()), request: 1 },
        action: Action::AddMembers { member_ids: vec![who.user_id.parse().unwrap()], skipped: vec![] },
        refused: None,
    };
    let entry = Entry::command(&command, log.partitions(Topic::Commands));
    log.append(vec![entry]).await.unwrap().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_added_while_the_account_was_deleted_leaves_again() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let [ann, bob, cid] = people.as_slice() else { unreachable!() };
    let group = bob.group("ours", &[cid]).await;
    assert_eq!(ann.call(Method::DELETE, "/me", None).await.0, StatusCode::NO_CONTENT);
    add_after_a_stale_look(&world, &group, bob, ann).await;
    let kinds = until("ann has come and gone", async || {
        let records = bob.records(&group).await;
        let kinds: Vec<_> =
            records.iter().map(|record| record["kind"].as_str().unwrap().to_owned()).collect();
        (kinds.len() >= 3).then_some(kinds)
    })
    .await;
    assert_eq!(kinds, ["created", "members_added", "member_left"]);
    until("ann is no member", async || {
        let members = bob.get(&format!("/conversations/{group}/members")).await;
        (members["items"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_is_free_after_a_while() {
    let world = World::with(|config| config.auth.name_free_ms = 0).await;
    let ann = world.person("ann").await;
    assert_eq!(ann.call(Method::DELETE, "/me", None).await.0, StatusCode::NO_CONTENT);
    let tries = (0..4).map(|_| register(&ann.address, "ann"));
    let tries = futures_util::future::join_all(tries).await;
    let made: Vec<_> = tries.iter().filter(|(status, _)| *status == StatusCode::CREATED).collect();
    assert_eq!(made.len(), 1, "{tries:?}");
    assert_ne!(made[0].1["user"]["user_id"], ann.user_id.as_str());
    let token = made[0].1["access_token"].as_str().unwrap();
    let url = format!("http://{}/v1/users?username=ann", ann.address);
    let (_, found) = api(Method::GET, &url, Some(token), None, None).await;
    assert_eq!(found["user_id"], made[0].1["user"]["user_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_everything_of_ones_own_and_nothing_of_others() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let [ann, bob] = people.as_slice() else { unreachable!() };
    let (direct, group) = (ann.direct(bob).await, bob.group("ours", &[ann]).await);
    let mut own = Vec::new();
    for n in 0..300 {
        let (who, chat) = if n % 3 == 0 { (bob, &group) } else { (ann, [&direct, &group][n % 2]) };
        let body = json!({"body": {"text": format!("{} {n}", who.username)}});
        who.post(&format!("/conversations/{chat}/messages"), body).await;
        if n % 3 != 0 {
            own.push(format!("ann {n}"));
        }
    }
    let settings = json!({"draft": "unsent", "archived": true});
    ann.call(Method::PUT, &format!("/conversations/{group}/settings"), Some(settings)).await;
    ann.call(Method::PUT, &format!("/me/blocks/{}", bob.user_id), None).await;
    let export = ann.get("/me/export").await;
    assert_eq!(export["profile"]["username"], "ann");
    assert_eq!(export["profile"]["last_seen_to"], "contacts");
    assert_eq!(export["blocks"], json!([bob.user_id]));
    let mut conversations = export["conversations"].as_array().unwrap().iter();
    let ours = conversations.find(|view| view["conversation_id"] == group.as_str()).unwrap();
    assert_eq!((&ours["draft"], &ours["archived"]), (&json!("unsent"), &json!(true)));
    assert_eq!(ours["last_message"], Value::Null, "that is another's");
    assert_eq!(export["devices"][0]["device_id"], ann.device_id.as_str());
    assert_eq!(export["conversations"].as_array().unwrap().len(), 2);
    let mut texts: Vec<_> = export["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["body"]["text"].as_str().unwrap().to_owned())
        .collect();
    texts.sort();
    own.sort();
    assert_eq!(texts, own);
}

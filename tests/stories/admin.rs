//! Administrators: made on the host, acting over REST and on the host alike.

use crate::world::{Person, World, api, until};
use bytes::Bytes;
use parlor::{
    admin,
    cli::{AdminCommand, AdminTarget, RoleName},
};
use parlor_engines::log::Entry;
use parlor_schemas::{Topic, topics::Group};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// `parlor admin …` on the engines of the world.
async fn on_host(world: &World, what: AdminCommand) -> Vec<String> {
    admin::done(world.engines(), &what).await.expect("it is done")
}

fn target(person: &Person) -> AdminTarget {
    AdminTarget { username: person.username.clone() }
}

async fn login(person: &Person) -> (StatusCode, Value) {
    let url = format!("http://{}/v1/auth/login", person.address);
    let body = json!({"username": person.username, "password": person.password});
    api(Method::POST, &url, None, None, Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_host_makes_administrators() {
    let world = World::new().await;
    let people = world.people(&["root", "ann"]).await;
    let [root, ann] = people.as_slice() else { unreachable!() };
    for path in ["/admin/users", "/admin/groups", "/admin/dead-letters", "/admin/audit"] {
        let (status, answer) = root.call(Method::GET, path, None).await;
        assert_eq!((status, &answer["code"]), (StatusCode::FORBIDDEN, &json!("forbidden")), "{path}");
    }
    on_host(&world, AdminCommand::Grant(target(root))).await;
    let all = root.get("/admin/users?limit=200").await;
    let names: Vec<_> =
        all["items"].as_array().unwrap().iter().map(|user| user["username"].clone()).collect();
    assert!(names.contains(&json!("root")) && names.contains(&json!("ann")), "{all}");
    let first = root.get("/admin/users?limit=1").await;
    let second = root.get(&format!("/admin/users?limit=1&cursor={}", first["next"].as_str().unwrap())).await;
    assert_ne!(first["items"][0]["user_id"], second["items"][0]["user_id"]);
    let found = root.get("/admin/users?username=ANN").await;
    assert_eq!(found["items"][0]["user_id"], ann.user_id.as_str());
    assert_eq!(root.get("/admin/users?username=nobody").await["items"], json!([]));
    assert_eq!(ann.call(Method::GET, "/admin/users", None).await.0, StatusCode::FORBIDDEN);
    on_host(&world, AdminCommand::Revoke(target(root))).await;
    assert_eq!(root.call(Method::GET, "/admin/users", None).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_ends_sessions_and_refuses_new_ones() {
    let world = World::new().await;
    let people = world.people(&["root", "ann", "bob"]).await;
    let [root, ann, bob] = people.as_slice() else { unreachable!() };
    on_host(&world, AdminCommand::Grant(target(root))).await;
    let (device, other) = (ann.connect().await, bob.connect().await);
    let ban = format!("/admin/users/{}/ban", ann.user_id);
    assert_eq!(root.call(Method::PUT, &ban, None).await.0, StatusCode::NO_CONTENT);
    device.wait("the socket is closed", |state| state.closes.contains(&4003).then_some(())).await;
    let (status, answer) = login(ann).await;
    assert_eq!((status, &answer["code"]), (StatusCode::FORBIDDEN, &json!("forbidden")));
    assert_eq!(ann.call(Method::GET, "/me", None).await.0, StatusCode::UNAUTHORIZED);
    let url = format!("http://{}/v1/auth/refresh", ann.address);
    let refresh = json!({"refresh_token": ann.refresh_token});
    assert_eq!(api(Method::POST, &url, None, None, Some(refresh)).await.0, StatusCode::UNAUTHORIZED);
    assert!(!root.get(&format!("/admin/users/{}", ann.user_id)).await["banned_at"].is_null());
    assert_eq!(root.call(Method::DELETE, &ban, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(login(ann).await.0, StatusCode::OK);
    // The host can do it too, and gateways hear of it; administrators are out of reach.
    on_host(&world, AdminCommand::EndSessions(target(bob))).await;
    other.wait("the socket is closed", |state| state.closes.contains(&4003).then_some(())).await;
    assert_eq!(login(bob).await.0, StatusCode::OK, "no ban");
    let (status, _) = root.call(Method::PUT, &format!("/admin/users/{}/ban", root.user_id), None).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let unknown = "/admin/users/01890000-0000-7000-8000-000000000000/ban";
    assert_eq!(root.call(Method::PUT, unknown, None).await.0, StatusCode::NOT_FOUND);
    assert_book(&world, root, ann, bob).await;
}

/// The audit book has all of it, newest first, on both ways.
async fn assert_book(world: &World, root: &Person, ann: &Person, bob: &Person) {
    let book = root.get("/admin/audit").await;
    let entries: Vec<_> = book["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["action"].clone(), e["target"].clone(), e["actor_id"].clone()))
        .collect();
    let (by, host) = (json!(root.user_id), Value::Null);
    let expected = [
        ("sessions_ended", &bob.user_id, &host),
        ("unbanned", &ann.user_id, &by),
        ("banned", &ann.user_id, &by),
        ("admin_granted", &root.user_id, &host),
    ]
    .map(|(action, target, actor)| (json!(action), json!(target), actor.clone()));
    assert_eq!(entries, expected);
    let page = root.get("/admin/audit?limit=3").await;
    let rest = root.get(&format!("/admin/audit?cursor={}", page["next"].as_str().unwrap())).await;
    assert_eq!(rest["items"], json!([book["items"][3]]));
    assert_eq!(on_host(world, AdminCommand::Audit { limit: 10 }).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_seen_from_outside_alone() {
    let world = World::new().await;
    let people = world.people(&["root", "ann", "bob"]).await;
    let [root, ann, bob] = people.as_slice() else { unreachable!() };
    on_host(&world, AdminCommand::Grant(target(root))).await;
    let group = ann.group("plans", &[bob]).await;
    let secret = json!({"body": {"text": "a canary"}});
    ann.post(&format!("/conversations/{group}/messages"), secret).await;
    bob.post(&format!("/conversations/{group}/leave"), json!({})).await;
    let path = format!("/admin/conversations/{group}");
    // The store has it a moment later.
    let written = async || {
        let (status, facts) = root.call(Method::GET, &path, None).await;
        (status == StatusCode::OK && facts["head_seq"] == 3).then_some(facts)
    };
    let facts = until("the store has it", written).await;
    assert_eq!((&facts["title"], &facts["members_count"]), (&json!("plans"), &json!(1)));
    assert_eq!(facts["members"].as_array().unwrap().len(), 2);
    assert!(!facts.to_string().contains("canary"));
    let lags = root.get("/admin/groups").await;
    let mut groups: Vec<_> =
        lags["items"].as_array().unwrap().iter().map(|lag| lag["group"].as_str().unwrap()).collect();
    groups.dedup();
    assert_eq!(groups, parlor_schemas::topics::Group::ALL.map(parlor_schemas::topics::Group::name));
    assert_eq!(root.get("/admin/dead-letters").await["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_without_their_content() {
    let without_fanout = RoleName::ALL.into_iter().filter(|role| *role != RoleName::Fanout).collect();
    let mut world = World::with_nodes(vec![without_fanout], |_| {}).await;
    let root = world.person("root").await;
    on_host(&world, AdminCommand::Grant(target(&root))).await;
    poison(&world).await;
    // Fanout reads it while it rebuilds the marks, and once more to tell them: still one letter.
    world.join(vec![RoleName::Fanout]);
    world.ready().await;
    poison(&world).await;
    // Every group that reads the topic passes both on.
    let groups = Group::ALL.into_iter().filter(|group| group.topic() == Topic::Receipts).count();
    let listed = async || {
        let letters = root.get("/admin/dead-letters").await;
        let newest = letters["items"].as_array().unwrap().iter().filter(|letter| {
            let source = letter["source"].as_str().unwrap();
            assert!(source.starts_with("chat.receipts.v1/1@"), "{letters}");
            source.ends_with("@1")
        });
        (newest.count() == groups).then_some(letters)
    };
    let letters = until("each group has a letter for the second", listed).await;
    assert_eq!(letters["items"].as_array().unwrap().len(), 2 * groups, "one for each: {letters}");
    assert!(!letters.to_string().contains("canary"));
    assert!(!letters["items"][0]["reason"].as_str().unwrap().is_empty());
    assert_eq!(on_host(&world, AdminCommand::DeadLetters { each: 5 }).await.len(), 2 * groups);
}

/// A receipt that nobody can decode.
async fn poison(world: &World) {
    let entry = Entry {
        topic: Topic::Receipts,
        partition: 1,
        key: Bytes::from_static(b"poison"),
        value: Some(Bytes::from_static(b"a canary")),
        headers: Vec::new(),
    };
    world.engines().log.append(vec![entry]).await.unwrap().await.unwrap();
}

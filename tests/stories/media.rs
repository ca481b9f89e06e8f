//! Pictures and files in messages.

use crate::world::{Person, World, until};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn url(person: &Person, place: &str) -> String {
    format!("http://{}{place}", person.address)
}

async fn announce(person: &Person, name: &str, content_type: &str, bytes: &[u8]) -> Value {
    let body = json!({"name": name, "content_type": content_type, "size": bytes.len(), "sha256": hex(bytes)});
    person.post("/media", body).await
}

async fn put(person: &Person, place: &Value, bytes: Vec<u8>) -> StatusCode {
    assert_eq!(place["upload"]["method"], "PUT");
    let url = url(person, place["upload"]["url"].as_str().unwrap());
    Client::new().put(url).body(bytes).send().await.unwrap().status()
}

/// Announces and uploads; the id.
async fn upload(person: &Person, bytes: &[u8]) -> String {
    let place = announce(person, "a picture.png", "image/png", bytes).await;
    assert_eq!(put(person, &place, bytes.to_vec()).await, StatusCode::NO_CONTENT);
    place["media_id"].as_str().unwrap().to_owned()
}

async fn send(person: &Person, chat: &str, media: &str) -> (StatusCode, Value) {
    let body = json!({"body": {"media": [{"media_id": media}]}});
    person.call(Method::POST, &format!("/conversations/{chat}/messages"), Some(body)).await
}

async fn sees(person: &Person, media: &str) -> bool {
    let (status, answer) = person.call(Method::GET, &format!("/media/{media}"), None).await;
    assert!(status == StatusCode::OK || answer["code"] == "not_found", "{status} {answer}");
    status == StatusCode::OK
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_announced_uploaded_sent_and_seen() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "eve"]).await;
    let [ann, bob, eve] = people.as_slice() else { unreachable!() };
    let chat = ann.direct(bob).await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let place = announce(ann, "sûnset \"1\".png", "image/png", &bytes).await;
    let media = place["media_id"].as_str().unwrap();
    // Nothing that nobody checked enters the log.
    assert_eq!(send(ann, &chat, media).await.1["code"], "not_found", "not uploaded yet");
    assert_eq!(put(ann, &place, bytes[1..].to_vec()).await, StatusCode::BAD_REQUEST, "cut");
    assert_eq!(put(ann, &place, vec![7; bytes.len()]).await, StatusCode::BAD_REQUEST, "something else");
    assert_eq!(put(ann, &place, vec![7; bytes.len() + 1]).await, StatusCode::BAD_REQUEST, "longer");
    assert!(!sees(ann, media).await);
    assert_eq!(put(ann, &place, bytes.clone()).await, StatusCode::NO_CONTENT);
    assert_eq!(put(ann, &place, vec![7; 3]).await, StatusCode::NO_CONTENT, "it is there and never changes");
    assert!(sees(ann, media).await && !sees(bob, media).await);
    assert_eq!(send(bob, &chat, media).await.1["code"], "not_found", "bob may not read it yet");
    let device = bob.connect().await;
    let (status, ack) = send(ann, &chat, media).await;
    assert_eq!(status, StatusCode::CREATED, "{ack}");
    device.upto(&chat, ack["seq"].as_u64().unwrap()).await;
    // As soon as the message is seen, so is what it refers to.
    let found = bob.get(&format!("/media/{media}")).await;
    assert_eq!((&found["name"], &found["size"]), (&json!("sûnset \"1\".png"), &json!(bytes.len())));
    let answer = Client::new().get(url(bob, found["url"].as_str().unwrap())).send().await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        (header("content-type").as_str(), header("x-content-type-options").as_str()),
        ("image/png", "nosniff")
    );
    assert!(header("content-disposition").starts_with("inline; filename*=UTF-8''s%C3%BBnset"));
    assert_eq!(answer.bytes().await.unwrap(), bytes);
    // A player seeks.
    let part = |range: &'static str| {
        Client::new().get(url(bob, found["url"].as_str().unwrap())).header("Range", range).send()
    };
    let answer = part("bytes=1000000-1000009").await.unwrap();
    assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(answer.headers()["content-range"], "bytes 1000000-1000009/3000000");
    assert_eq!(answer.bytes().await.unwrap(), &bytes[1_000_000..1_000_010]);
    assert_eq!(part("bytes=3000000-").await.unwrap().status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert!(!sees(eve, media).await);
    let forged = found["url"].as_str().unwrap().replace("until=1", "until=2");
    let status = Client::new().get(url(eve, &forged)).send().await.unwrap().status();
    assert_eq!(status, StatusCode::FORBIDDEN);
    // Bob may pass on what he may read; a stranger may not.
    let (notebook, hers) = (bob.direct(bob).await, eve.direct(eve).await);
    assert_eq!(send(bob, &notebook, media).await.0, StatusCode::CREATED);
    assert_eq!(send(eve, &hers, media).await.1["code"], "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_left_or_below_the_floor_is_not_seen() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let [ann, bob, cid] = people.as_slice() else { unreachable!() };
    let group = ann.group("pictures", &[bob]).await;
    let first = upload(ann, b"the first").await;
    let (_, ack) = send(ann, &group, &first).await;
    ann.post(&format!("/conversations/{group}/members"), json!({"user_ids": [cid.user_id]})).await;
    assert!(sees(bob, &first).await && !sees(cid, &first).await);
    bob.post(&format!("/conversations/{group}/leave"), json!({})).await;
    let second = upload(ann, b"the second").await;
    send(ann, &group, &second).await;
    assert!(sees(bob, &first).await && !sees(bob, &second).await && sees(cid, &second).await);
    let path = format!("/conversations/{group}/messages/{}", ack["seq"]);
    assert_eq!(ann.call(Method::DELETE, &path, None).await.0, StatusCode::OK);
    assert!(!sees(bob, &first).await && sees(ann, &first).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_people_and_groups() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let [ann, bob, cid] = people.as_slice() else { unreachable!() };
    let face = upload(ann, b"a face").await;
    assert!(!sees(cid, &face).await);
    let (status, _) = cid.call(Method::PATCH, "/me", Some(json!({"avatar_media_id": face}))).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "only one's own");
    let (status, me) = ann.call(Method::PATCH, "/me", Some(json!({"avatar_media_id": face}))).await;
    assert_eq!((status, &me["avatar_media_id"]), (StatusCode::OK, &json!(face)));
    assert!(sees(cid, &face).await);
    assert_eq!(cid.get(&format!("/users/{}", ann.user_id)).await["avatar_media_id"], face.as_str());
    let group = ann.group("club", &[bob]).await;
    let crest = upload(ann, b"a crest").await;
    let change = json!({"avatar_media_id": crest});
    let (status, answer) = ann.call(Method::PATCH, &format!("/conversations/{group}"), Some(change)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    ann.post(&format!("/conversations/{group}/members"), json!({"user_ids": [cid.user_id]})).await;
    // The list shows it when the persister has written it.
    until("who came later sees the group's picture", async || sees(cid, &crest).await.then_some(())).await;
    assert!(sees(bob, &crest).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_has_rules() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let sha256 = "0".repeat(64);
    let good = json!({"name": "a", "content_type": "a/b", "size": 1, "sha256": sha256});
    for (field, value, code) in [
        ("size", json!(104_857_601), "too_large"),
        ("size", json!(-1), "invalid_request"),
        ("sha256", json!("00"), "invalid_request"),
        ("content_type", json!("none"), "invalid_request"),
        ("content_type", json!("a/b\r\nx: y"), "invalid_request"),
        ("name", json!("x".repeat(256)), "too_large"),
        ("name", json!("a\0b"), "invalid_request"),
        ("name", Value::Null, "invalid_request"),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let (_, answer) = ann.call(Method::POST, "/media", Some(body)).await;
        assert_eq!(answer["code"], code, "{field}: {value}");
    }
    let chat = ann.direct(&ann).await;
    let many: Vec<_> = (0..17).map(|_| json!({"media_id": uuid::Uuid::now_v7()})).collect();
    let body = json!({"body": {"media": many}});
    let (_, answer) = ann.call(Method::POST, &format!("/conversations/{chat}/messages"), Some(body)).await;
    assert_eq!(answer["code"], "invalid_request");
}

//! Limits: slow readers, floods, bad frames.

use crate::{
    world::{World, api, new_id},
    world_socket::{close_code, closed, next, open, say},
};
use futures_util::SinkExt;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::num::NonZeroU32;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_closed_and_resumes_by_cursor() {
    let world = World::with(|config| config.edge.outbox_max = 64 * 1024).await;
    let people = world.people(&["ann", "bob"]).await;
    let ann = people[0].connect().await;
    let chat = people[0].direct(&people[1]).await;
    // A socket that authenticates and then never reads.
    let mut slow = open(&format!("ws://{}/v1/ws", people[1].address)).await;
    say(&mut slow, json!({"type": "auth", "id": "a", "token": people[1].token}).to_string()).await;
    while next(&mut slow).await["type"] != "ready" {}
    let text = "x".repeat(16_000);
    for _ in 0..1_500 {
        ann.send(&chat, &text);
    }
    ann.wait("all is sent", |state| state.outbox.is_empty().then_some(())).await;
    // The frames that fitted come, then the close, and not all of the records.
    let code = closed(&mut slow).await;
    assert!(code == 4010 || code == 1006, "closed as too slow, not {code}");
    let bob = people[1].connect().await;
    bob.upto(&chat, 1_501).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_refused_and_harms_nobody_else() {
    let few = NonZeroU32::new(20).unwrap();
    let world = World::with(|config| {
        config.edge.rates.connection.per_second = few;
        config.edge.rates.connection.burst = few;
        config.edge.rates.strikes_max = 1_000;
    })
    .await;
    let people = world.people(&["ann", "bob"]).await;
    let chat = people[0].direct(&people[1]).await;
    let flooder = people[0].connect().await;
    for n in 0..100 {
        flooder.frame(json!({"type": "ping", "id": format!("n{n}")}));
    }
    let refused = flooder.frame_of("error", |frame| frame["code"] == "rate_limited").await;
    assert!(refused["retry_after_ms"].as_u64().is_some(), "{refused}");
    let bob = people[1].connect().await;
    assert_eq!(bob.answer(&bob.send(&chat, "still here")).await["type"], "sequenced");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_frames_have_their_fates() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let url = format!("ws://{}/v1/ws", ann.address);
    let auth = json!({"type": "auth", "id": "a", "token": ann.token}).to_string();
    for bad in ["{", "[]", "17", "\"text\"", ""] {
        let mut socket = open(&url).await;
        say(&mut socket, auth.clone()).await;
        say(&mut socket, bad).await;
        assert_eq!(closed(&mut socket).await, 4011, "{bad:?}");
    }
    let mut socket = open(&url).await;
    say(&mut socket, auth.clone()).await;
    socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(closed(&mut socket).await, 4011, "binary");
    let mut socket = open(&url).await;
    say(&mut socket, auth.clone()).await;
    while next(&mut socket).await["type"] != "ready" {}
    for (frame, id) in [
        (json!({"type": "dance", "id": "1"}), "1"),
        (json!({"type": "send", "id": "2"}), "2"),
        (
            json!({"type": "send", "id": "3", "conversation_id": 5, "client_msg_id": new_id(), "body": {"text": "x"}}),
            "3",
        ),
        (json!({"type": "fetch", "id": "4", "conversation_id": "no uuid", "after": 0}), "4"),
        (json!({"type": "fetch", "id": "5", "conversation_id": new_id(), "after": -1}), "5"),
    ] {
        say(&mut socket, frame.to_string()).await;
        let answer = next(&mut socket).await;
        assert_eq!(
            (&answer["type"], &answer["code"], &answer["id"]),
            (&json!("error"), &json!("invalid_request"), &json!(id)),
            "{frame}: {answer}"
        );
    }
    say(&mut socket, json!({"type": "ping", "id": "6"}).to_string()).await;
    assert_eq!(next(&mut socket).await["type"], "pong", "the socket stays");
    say(&mut socket, format!("{{\"type\":\"ping\",\"id\":\"{}\"}}", "x".repeat(70_000))).await;
    let code = closed(&mut socket).await;
    assert!(code == 4011 || code == 1009 || code == 1006, "oversize: {code}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_is_let_go() {
    let world = World::with(|config| config.edge.auth_timeout_ms = 200).await;
    let address = world.gateway(0);
    assert_eq!(close_code(&format!("ws://{address}/v1/ws")).await, 4002, "no auth in time");
    assert_eq!(close_code(&format!("ws://{address}/v1/ws?ticket=nonsense")).await, 4001);
    let mut socket = open(&format!("ws://{address}/v1/ws")).await;
    say(&mut socket, json!({"type": "auth", "id": "a", "token": "nonsense"}).to_string()).await;
    assert_eq!(closed(&mut socket).await, 4001);
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_errors_are_problems() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let url = |path: &str| format!("http://{}{path}", ann.address);
    let (status, problem) = api(Method::GET, &url("/v1/me"), None, None, None).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("unauthenticated")));
    assert_eq!((&problem["status"], problem["title"].is_string()), (&json!(401), true));
    let (status, _) = ann.call(Method::DELETE, "/me/nothing", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = ann.call(Method::DELETE, "/auth/register", None).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    let (status, problem) = ann
        .call_with_key(
            Method::POST,
            "/conversations",
            Some("not-a-uuid"),
            Some(json!({"kind": "direct", "member_ids": []})),
        )
        .await;
    assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
    let (status, openapi) = api(Method::GET, &url("/openapi.json"), None, None, None).await;
    assert_eq!(status, StatusCode::OK);
    assert!(openapi["paths"].as_object().is_some_and(|paths| paths.len() > 15), "the document is there");
}

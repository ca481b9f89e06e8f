//! Accounts, tokens, devices.

use crate::world::{World, api, new_id};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn refresh(address: &str, token: &str) -> (StatusCode, Value) {
    let url = format!("http://{address}/v1/auth/refresh");
    api(Method::POST, &url, None, None, Some(json!({"refresh_token": token}))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_rotates_and_its_reuse_ends_the_family() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let (status, second) = refresh(&ann.address, &ann.refresh_token).await;
    assert_eq!(status, StatusCode::OK, "{second}");
    // A lost answer: the same successor again.
    let (status, again) = refresh(&ann.address, &ann.refresh_token).await;
    assert_eq!((status, &again["refresh_token"]), (StatusCode::OK, &second["refresh_token"]));
    // Once a token of the successor was used, the old one is a thief's.
    let second_token = second["access_token"].as_str().unwrap();
    let me = format!("http://{}/v1/me", ann.address);
    assert_eq!(api(Method::GET, &me, Some(second_token), None, None).await.0, StatusCode::OK);
    let (status, answer) = refresh(&ann.address, &ann.refresh_token).await;
    assert_eq!((status, &answer["code"]), (StatusCode::UNAUTHORIZED, &json!("unauthenticated")));
    let (status, _) = refresh(&ann.address, second["refresh_token"].as_str().unwrap()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "the whole family has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_closes_the_socket_and_kills_the_token() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let device = ann.connect().await;
    let (status, _) = ann.call(Method::POST, "/auth/logout", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    device.wait("the socket is closed", |state| state.closes.contains(&4003).then_some(())).await;
    let (status, answer) = ann.call(Method::GET, "/me", None).await;
    assert_eq!((status, &answer["code"]), (StatusCode::UNAUTHORIZED, &json!("unauthenticated")));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_passwords_have_rules() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let register = |body: Value| {
        let url = format!("http://{}/v1/auth/register", ann.address);
        async move { api(Method::POST, &url, None, None, Some(body)).await }
    };
    let (status, answer) = register(json!({"username": "ANN", "password": "correct horse"})).await;
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::CONFLICT, &json!("username_taken")),
        "after lower-casing"
    );
    for bad in [
        json!({"username": "a", "password": "correct horse"}),
        json!({"username": "with space", "password": "correct horse"}),
        json!({"username": "short", "password": "1234567"}),
        json!({"username": "long", "password": "x".repeat(1025)}),
        json!({"username": "nobody"}),
        json!("nothing"),
    ] {
        let (status, answer) = register(bad.clone()).await;
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::BAD_REQUEST, &json!("invalid_request")),
            "{bad}: {answer}"
        );
    }
    let login = |username: &str, password: &str| {
        let url = format!("http://{}/v1/auth/login", ann.address);
        let body = json!({"username": username, "password": password});
        async move { api(Method::POST, &url, None, None, Some(body)).await }
    };
    let (wrong, unknown) = (login("ann", "wrong horse").await, login("nobody", "wrong horse").await);
    assert_eq!(wrong.0, StatusCode::UNAUTHORIZED);
    assert_eq!(wrong, unknown, "an unknown user and a wrong password are told alike");
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_listed_and_logged_out() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let other = ann.log_in().await;
    let phone = other.connect().await;
    let devices = ann.get("/devices").await;
    let items = devices["items"].as_array().expect("items");
    assert_eq!(items.len(), 2);
    assert!(items.iter().any(|item| item["current"] == true && item["device_id"] == ann.device_id.as_str()));
    let (status, _) = ann.call(Method::DELETE, &format!("/devices/{}", other.device_id), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    phone
        .wait("the other device's socket is closed", |state| state.closes.contains(&4003).then_some(()))
        .await;
    assert_eq!(other.call(Method::GET, "/me", None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ann.call(Method::GET, "/me", None).await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_one_socket() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let ticket = ann.post("/ws-tickets", json!({})).await["ticket"].as_str().unwrap().to_owned();
    let url = format!("ws://{}/v1/ws?ticket={ticket}", ann.address);
    let first = crate::world_socket::first_frames(&url, 2).await;
    assert_eq!((&first[0]["type"], &first[1]["type"]), (&json!("hello"), &json!("ready")));
    assert_eq!(crate::world_socket::close_code(&url).await, 4001, "a ticket is good once");
    let key = new_id();
    assert_eq!(ann.call_with_key(Method::POST, "/ws-tickets", Some(&key), None).await.0, StatusCode::OK);
}

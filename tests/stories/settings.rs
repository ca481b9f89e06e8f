//! What one sets for oneself, and hints about conversations.

use crate::world::{World, new_id};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn own_settings_are_kept_and_reach_the_own_other_devices() {
    let mut world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let chat = people[0].direct(&people[1]).await;
    let path = format!("/conversations/{chat}/settings");
    let other = people[0].log_in().await;
    let put = |body: Value| people[0].call(Method::PUT, &path, Some(body));
    {
        let (here, there, bob) =
            (people[0].connect().await, other.connect().await, people[1].connect().await);
        let until = "2126-11-20T10:00:00.000Z";
        let (status, view) = put(json!({"muted_until": until, "draft": "half a wor", "pinned": true})).await;
        assert_eq!(status, StatusCode::OK, "{view}");
        assert_eq!((&view["muted_until"], &view["draft"]), (&json!(until), &json!("half a wor")));
        assert_eq!((&view["pinned"], &view["archived"]), (&json!(true), &json!(false)));
        let told = there.frame_of("conversation", |f| f["change"] == "settings").await;
        assert_eq!(told["conversation"]["draft"], "half a wor", "{told}");
        assert_eq!(told["conversation"]["conversation_id"], chat.as_str());
        let (_, view) = put(json!({"draft": null, "archived": true, "marked_unread": true})).await;
        assert_eq!((&view["draft"], &view["muted_until"]), (&json!(null), &json!(until)), "absent stays");
        there
            .frame_of("conversation", |f| {
                f["change"] == "settings"
                    && f["conversation"]["archived"] == true
                    && f["conversation"]["marked_unread"] == true
            })
            .await;
        // Neither the asking device nor anybody else hears of it.
        here.answer(&here.send(&chat, "a record comes after all of that")).await;
        bob.upto(&chat, 2).await;
        for device in [&here, &bob] {
            assert!(device.see(|s| s.frames.iter().all(|f| f["change"] != "settings")));
        }
    }
    world.restart().await;
    let ann = people[0].at(&world.gateway(0));
    let list = ann.get("/conversations").await;
    let item = &list["items"][0];
    assert_eq!(
        (&item["pinned"], &item["archived"], &item["draft"]),
        (&json!(true), &json!(true), &json!(null))
    );
    assert_eq!(item["marked_unread"], true);
    let theirs = people[1].at(&world.gateway(0)).get(&format!("/conversations/{chat}")).await;
    assert_eq!((&theirs["pinned"], &theirs["muted_until"]), (&json!(false), &json!(null)), "they are own");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_for_members_and_have_a_form() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "eve"]).await;
    let group = people[0].group("g", &[&people[1]]).await;
    let path = format!("/conversations/{group}/settings");
    for bad in [
        json!({"muted_until": "tomorrow"}),
        json!({"archived": 1}),
        json!({"pinned": "yes"}),
        json!({"draft": "a\u{0}b"}),
        json!({"draft": 7}),
        json!([]),
    ] {
        let (status, answer) = people[0].call(Method::PUT, &path, Some(bad.clone())).await;
        assert_eq!((status.as_u16(), &answer["code"]), (400, &json!("invalid_request")), "{bad}: {answer}");
    }
    let long = json!({"draft": "x".repeat(16 * 1024 + 1)});
    assert_eq!(people[0].call(Method::PUT, &path, Some(long)).await.1["code"], "too_large");
    let (status, answer) = people[2].call(Method::PUT, &path, Some(json!({"pinned": true}))).await;
    assert_eq!((status, &answer["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    people[1].post(&format!("/conversations/{group}/leave"), json!({})).await;
    let (_, answer) = people[1].call(Method::PUT, &path, Some(json!({"pinned": true}))).await;
    assert_eq!(answer["code"], "not_a_member");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_leaves_or_sees_a_change_is_told_once() {
    let world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let (ann, bob) = (people[0].connect().await, people[1].connect().await);
    let group = people[0].group("first", &[&people[1]]).await;
    for device in [&ann, &bob] {
        let joined = device.frame_of("conversation", |f| f["change"] == "joined").await;
        assert_eq!(
            (&joined["conversation"]["title"], &joined["conversation"]["kind"]),
            (&json!("first"), &json!("group"))
        );
    }
    let path = format!("/conversations/{group}");
    let rename = json!({"title": "second"});
    people[0].call_with_key(Method::PATCH, &path, Some(&new_id()), Some(rename)).await;
    bob.frame_of("conversation", |f| f["change"] == "changed").await;
    let role = format!("{path}/members/{}", people[1].user_id);
    people[0].call_with_key(Method::PATCH, &role, Some(&new_id()), Some(json!({"role": "admin"}))).await;
    let is_admin = |f: &Value| f["change"] == "changed" && f["conversation"]["role"] == "admin";
    bob.frame_of("conversation", is_admin).await;
    people[0].call_with_key(Method::DELETE, &role, Some(&new_id()), None).await;
    let left = bob.frame_of("conversation", |f| f["change"] == "left").await;
    assert_eq!(left["conversation"], json!({"conversation_id": group}), "only the id");
    // What happens later is not told any more, and each thing was told once.
    people[0].call_with_key(Method::PATCH, &path, Some(&new_id()), Some(json!({"title": "third"}))).await;
    ann.frame_of("conversation", |f| f["conversation"]["title"] == "third").await;
    let told = |s: &crate::world::State| {
        let shown = s.frames.iter().filter(|f| f["type"] == "conversation");
        shown.map(|f| f["change"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(bob.see(told), ["joined", "changed", "changed", "left"]);
}

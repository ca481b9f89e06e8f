//! Push: who is told of what they have not seen, by a webhook that is a real HTTP server here.

use crate::{
    receiver::{self, Receiver},
    world::{Person, World, new_id, until},
};
use parlor::{
    admin,
    cli::{
        AdminCommand, AdminTarget,
        RoleName::{self, Fanout, Gateway, Ingest, Persister, Pusher},
    },
    config::Config,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Devices have a moment to acknowledge.
fn to(receiver: &Receiver) -> impl FnOnce(&mut Config) {
    let url = receiver.url();
    move |config| {
        config.push.patience_ms = 300;
        config.push.webhook_url = url;
        receiver::SECRET.clone_into(&mut config.push.webhook_secret);
        config.push.webhook_pause_max_ms = 500;
    }
}

/// Gives the person's device a token named after it.
async fn reachable(person: &Person, token: &str) {
    let path = format!("/push-tokens/{}", person.device_id);
    let body = json!({"token": token, "platform": "fcm"});
    let (status, answer) = person.call(Method::PUT, &path, Some(body)).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
}

/// The pusher is a node of its own: it looks when the story lets it.
fn apart() -> Vec<Vec<RoleName>> {
    vec![vec![Gateway, Ingest, Persister, Fanout], vec![Pusher]]
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_acknowledged_is_told_and_nobody_else() {
    let receiver = Receiver::start().await;
    let mut world = World::with_nodes(apart(), to(&receiver)).await;
    world.stop_node(1).await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    for person in &people {
        reachable(person, &person.username).await;
    }
    let group = people[0].group("g", &[&people[1], &people[2]]).await;
    let (ann, bob) = (people[0].connect().await, people[1].connect().await);
    ann.answer(&ann.send(&group, "canary one")).await;
    bob.upto(&group, 2).await;
    bob.frame(json!({"type": "delivered", "conversation_id": group, "seq": 2}));
    ann.frame_of("receipt", |frame| frame["delivered_seq"] == 2).await;
    world.join(vec![Pusher]);
    let push = receiver.push(|push| push["token"] == "cid").await;
    assert_eq!((&push["action"], &push["seq"], &push["badge"]), (&json!("notify"), &json!(2), &json!(1)));
    assert_eq!((&push["conversation_id"], &push["collapse_key"]), (&json!(group), &json!(group)));
    assert_eq!(
        (&push["user_id"], &push["sender_id"]),
        (&json!(people[2].user_id), &json!(people[0].user_id))
    );
    assert_eq!((&push["platform"], &push["device_id"]), (&json!("fcm"), &json!(people[2].device_id)));
    assert_eq!(push["mention"], false);
    // A device that is connected and silent is no device that has the message.
    ann.answer(&ann.send(&group, "canary two")).await;
    receiver.push(|push| push["token"] == "bob" && push["seq"] == 3).await;
    let second = receiver.push(|push| push["token"] == "cid" && push["seq"] == 3).await;
    assert_eq!(second["badge"], 2);
    // Ann sent both and bob had the first: pushes of one user keep their order.
    bob.answer(&bob.send(&group, "back")).await;
    receiver.push(|push| push["token"] == "ann" && push["seq"] == 4).await;
    let of = |token: &str| receiver.see(|all| all.iter().filter(|p| p["token"] == token).count());
    assert_eq!((of("ann"), of("bob")), (1, 1));
    assert!(!receiver.raw().contains("canary"), "no text leaves");
}

#[tokio::test(flavor = "multi_thread")]
async fn mute_is_respected_and_a_mention_overrides_it() {
    let receiver = Receiver::start().await;
    let world = World::with(to(&receiver)).await;
    let people = world.people(&["ann", "bob"]).await;
    reachable(&people[1], "bob").await;
    let chat = people[0].direct(&people[1]).await;
    let settings = format!("/conversations/{chat}/settings");
    let mute = json!({"muted_until": "2126-01-01T00:00:00.000Z"});
    people[1].call(Method::PUT, &settings, Some(mute)).await;
    let ann = people[0].connect().await;
    ann.answer(&ann.send(&chat, "not now")).await;
    let mention = json!({"text": "@bob now", "mentions": [people[1].user_id]});
    ann.answer(&ann.send_body(&chat, mention)).await;
    let push = receiver.push(|_| true).await;
    assert_eq!((&push["seq"], &push["mention"]), (&json!(3), &json!(true)), "the first one was muted");
    assert_eq!(push["badge"], 0, "what is muted does not count");
    people[1].call(Method::PUT, &settings, Some(json!({"muted_until": null}))).await;
    ann.answer(&ann.send(&chat, "again")).await;
    let push = receiver.push(|push| push["seq"] == 4).await;
    assert_eq!(push["badge"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_takes_the_notification_away() {
    let receiver = Receiver::start().await;
    let mut world = World::with_nodes(apart(), to(&receiver)).await;
    let people = world.people(&["ann", "bob"]).await;
    reachable(&people[1], "phone").await;
    let chat = people[0].direct(&people[1]).await;
    let ann = people[0].connect().await;
    ann.answer(&ann.send(&chat, "one")).await;
    let shown = receiver.push(|push| push["action"] == "notify").await;
    let desk = people[1].log_in().await.connect().await;
    desk.upto(&chat, 2).await;
    desk.frame(json!({"type": "read", "conversation_id": chat, "seq": 2}));
    let gone = receiver.push(|push| push["action"] == "cancel").await;
    assert_eq!((&gone["collapse_key"], &gone["token"]), (&shown["collapse_key"], &json!("phone")));
    assert_eq!((&gone["seq"], &gone["badge"]), (&json!(2), &json!(0)));
    // A pusher that stops before it has noted what it did would do it again.
    let of = [(people[1].user_id.parse().unwrap(), chat.parse().unwrap())];
    let pushed = async || world.engines().store.pushed(&of).await.unwrap()[0];
    until("it is noted", async || (pushed().await.cancelled_seq == 2).then_some(())).await;
    // What was read before it was planned is never shown, and what was not shown is not cancelled.
    world.stop_node(1).await;
    ann.answer(&ann.send(&chat, "two")).await;
    desk.upto(&chat, 3).await;
    desk.frame(json!({"type": "read", "conversation_id": chat, "seq": 3}));
    ann.frame_of("receipt", |frame| frame["read_seq"] == 3).await;
    world.join(vec![Pusher]);
    ann.answer(&ann.send(&chat, "three")).await;
    receiver.push(|push| push["seq"] == 4).await;
    assert!(receiver.see(|all| all.iter().all(|push| push["seq"] != 3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_tried_again_and_a_dead_token_is_dropped() {
    let receiver = Receiver::start().await;
    let world = World::with(to(&receiver)).await;
    let people = world.people(&["ann", "bob"]).await;
    reachable(&people[1], "bob").await;
    let chat = people[0].direct(&people[1]).await;
    let ann = people[0].connect().await;
    receiver.answer(&[503, 429]);
    ann.answer(&ann.send(&chat, "one")).await;
    receiver.push(|push| push["seq"] == 2).await;
    let attempts = receiver.attempts(|push| push["seq"] == 2);
    assert_eq!(attempts.len(), 3, "two failed, the third was taken");
    assert!(attempts.iter().all(|attempt| attempt.id == attempts[0].id), "one push, one id");
    // Gone for good: the token is never used again, another one of the same device is.
    receiver.answer(&[410]);
    ann.answer(&ann.send(&chat, "two")).await;
    receiver.attempt(|push| push["seq"] == 3).await;
    reachable(&people[1].log_in().await, "tablet").await;
    ann.answer(&ann.send(&chat, "three")).await;
    receiver.push(|push| push["seq"] == 4 && push["token"] == "tablet").await;
    reachable(&people[1], "new").await;
    ann.answer(&ann.send(&chat, "four")).await;
    receiver.push(|push| push["seq"] == 5 && push["token"] == "new").await;
    assert!(
        receiver.attempts(|push| push["token"] == "bob" && push["seq"] != 2 && push["seq"] != 3).is_empty()
    );
    // What the provider refuses for good goes to the dead letters, and others are not held up.
    receiver.answer(&[400]);
    ann.answer(&ann.send(&chat, "five")).await;
    receiver.attempt(|push| push["seq"] == 6).await;
    ann.answer(&ann.send(&chat, "six")).await;
    receiver.push(|push| push["seq"] == 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_planned_is_sent_after_a_restart() {
    let receiver = Receiver::start().await;
    let mut world = World::with(to(&receiver)).await;
    let people = world.people(&["ann", "bob"]).await;
    reachable(&people[1], "bob").await;
    let chat = people[0].direct(&people[1]).await;
    receiver.refuse_all(true);
    {
        let ann = people[0].connect().await;
        ann.answer(&ann.send(&chat, "one")).await;
        receiver.attempt(|push| push["seq"] == 2).await;
    }
    world.restart().await;
    receiver.refuse_all(false);
    receiver.push(|push| push["seq"] == 2).await;
    let ids = receiver.attempts(|push| push["seq"] == 2);
    assert!(ids.iter().all(|attempt| attempt.id == ids[0].id), "the same push, before and after");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_belong_to_own_devices_and_end_with_the_session() {
    let receiver = Receiver::start().await;
    let world = World::with(to(&receiver)).await;
    let people = world.people(&["ann", "bob"]).await;
    let of_ann = format!("/push-tokens/{}", people[0].device_id);
    let put = |body: Value| people[1].call(Method::PUT, &of_ann, Some(body));
    assert_eq!(put(json!({"token": "mine"})).await.1["code"], "not_found", "another's device");
    let own = format!("/push-tokens/{}", people[1].device_id);
    for (bad, code) in [
        (json!({}), "invalid_request"),
        (json!({"token": ""}), "invalid_request"),
        (json!({"token": 7}), "invalid_request"),
        (json!({"token": null}), "invalid_request"),
        (json!({"token": "x".repeat(5000)}), "too_large"),
        (json!({"token": "x", "platform": "y".repeat(40)}), "too_large"),
    ] {
        let (_, answer) = people[1].call(Method::PUT, &own, Some(bad.clone())).await;
        assert_eq!(answer["code"], code, "{bad}");
    }
    let chat = people[0].direct(&people[1]).await;
    let ann = people[0].connect().await;
    let other = people[1].log_in().await;
    reachable(&people[1], "kept").await;
    reachable(&other, "logged-out").await;
    let (status, _) = other.call(Method::POST, "/auth/logout", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    ann.answer(&ann.send(&chat, "one")).await;
    receiver.push(|push| push["token"] == "kept").await;
    let (status, _) = people[1].call_with_key(Method::DELETE, &own, Some(&new_id()), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    ann.answer(&ann.send(&chat, "two")).await;
    reachable(&people[1].log_in().await, "third").await;
    ann.answer(&ann.send(&chat, "three")).await;
    receiver.push(|push| push["token"] == "third" && push["seq"] == 4).await;
    let seen = receiver.see(|all| all.iter().map(|push| push["token"].clone()).collect::<Vec<_>>());
    assert!(!seen.contains(&json!("logged-out")), "{seen:?}");
    assert_eq!(seen.iter().filter(|token| **token == "kept").count(), 1, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_pushed_to_the_banned_or_the_deleted() {
    let receiver = Receiver::start().await;
    let world = World::with(to(&receiver)).await;
    let people = world.people(&["root", "bob", "cid"]).await;
    let [root, bob, cid] = people.as_slice() else { unreachable!() };
    let grant = AdminCommand::Grant(AdminTarget { username: "root".into() });
    admin::done(world.engines(), &grant).await.unwrap();
    let (with_bob, with_cid) = (root.direct(bob).await, root.direct(cid).await);
    for person in [bob, cid] {
        reachable(person, "before").await;
    }
    let ban = format!("/admin/users/{}/ban", bob.user_id);
    assert_eq!(root.call(Method::PUT, &ban, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(cid.call(Method::DELETE, "/me", None).await.0, StatusCode::NO_CONTENT);
    let device = root.connect().await;
    for chat in [&with_bob, &with_cid] {
        device.answer(&device.send(chat, "are you there?")).await;
    }
    // Who comes back is reached again, by a token of the new session, and pushes of one user keep
    // their order.
    assert_eq!(root.call(Method::DELETE, &ban, None).await.0, StatusCode::NO_CONTENT);
    reachable(&bob.log_in().await, "after").await;
    device.answer(&device.send(&with_bob, "again")).await;
    receiver.push(|push| push["token"] == "after" && push["seq"] == 3).await;
    assert!(receiver.attempts(|push| push["token"] == "before").is_empty());
    let of = [cid.user_id.parse().unwrap()];
    assert_eq!(world.engines().store.tokens(&of).await.unwrap(), [vec![]]);
}

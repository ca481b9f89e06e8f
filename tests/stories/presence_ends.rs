//! How presence ends: by silence, by a gateway that says no more, by a stop.

use super::presence::{asked, told, watch};
use crate::{
    world::World,
    world_socket::{closed, next, open, say},
};
use parlor::cli::RoleName::{Fanout, Gateway, Ingest, Persister, Pusher};
use parlor_schemas::{GatewayId, UserId, presence::Here};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn who_falls_silent_is_offline() {
    let world = World::with(|config| {
        config.edge.silence_ms = 1_500;
        config.edge.sweep_ms = 100;
        // Nobody answers the close: presence does not wait for that.
        config.edge.close_ms = 600_000;
    })
    .await;
    let people = world.people(&["ann", "bob"]).await;
    let (ann, bob) = (&people[0], &people[1]);
    bob.direct(ann).await;
    let mut socket = open(&format!("ws://{}/v1/ws", ann.address)).await;
    say(&mut socket, json!({"type": "auth", "id": "a", "token": ann.token}).to_string()).await;
    while next(&mut socket).await["type"] != "ready" {}
    // As long as it says something its user is here.
    let path = format!("/users/{}/presence", ann.user_id);
    while bob.get(&path).await["status"] != "online" {
        say(&mut socket, json!({"type": "ping"}).to_string()).await;
    }
    assert_eq!(asked(bob, ann, "offline").await["text"], "Last seen just now");
    assert_eq!(closed(&mut socket).await, 4009);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_users_of_a_gateway_that_says_no_more_are_offline() {
    let world = World::with(|config| config.edge.presence_look_ms = 50).await;
    let people = world.people(&["ann", "bob"]).await;
    let (ann, bob) = (&people[0], people[1].connect().await);
    people[1].direct(ann).await;
    watch(&bob, &[ann]).await;
    // What a gateway does that is killed then: it has written last seen and said that ann is here.
    let engines = world.engines();
    let (boot, user) = (GatewayId(uuid::Uuid::now_v7()), UserId(ann.user_id.parse().unwrap()));
    let at = engines.clock.now();
    engines.store.raise_seen(&[(user, at)]).await.unwrap();
    engines.live.live_on(boot, Duration::from_secs(2)).await.unwrap();
    engines.live.say(boot, &[(user, Some(Here::Online))]).await.unwrap();
    // Nobody gave a hint: the watcher's gateway looks by itself, both times.
    told(&bob, ann, "online").await;
    let gone = told(&bob, ann, "offline").await;
    assert_eq!(gone["last_seen"], at.to_string());
    asked(&people[1], ann, "offline").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_says_goodbye() {
    let layout = vec![vec![Gateway], vec![Gateway], vec![Ingest, Persister, Fanout, Pusher]];
    let mut world = World::with_nodes(layout, |config| {
        config.edge.presence_look_ms = 600_000;
        config.edge.drain_spread_ms = 0;
    })
    .await;
    let people = world.people(&["ann", "bob"]).await;
    let ann = &people[0];
    let bob = people[1].at(&world.gateway(0)).connect().await;
    people[1].direct(ann).await;
    watch(&bob, &[ann]).await;
    let there = ann.at(&world.gateway(1)).connect().await;
    told(&bob, ann, "online").await;
    world.stop_node(1).await;
    let gone = told(&bob, ann, "offline").await;
    assert_eq!(gone["text"], "Last seen just now");
    drop(there);
}

//! Roles on several nodes that meet only in the log, the store and the live bus.

use crate::world::{World, new_id, until};
use parlor::cli::RoleName::{Fanout, Gateway, Ingest, Persister, Pusher};
use parlor_engines::store::{Effect, Head};
use parlor_schemas::{ConversationId, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn roles_on_nodes_of_their_own_make_one_chat() {
    let layout = vec![vec![Gateway], vec![Gateway], vec![Ingest, Persister], vec![Fanout, Pusher]];
    let world = World::with_nodes(layout, |_| {}).await;
    let people = world.people(&["ann", "bob"]).await;
    let ann = people[0].at(&world.gateway(0)).connect().await;
    let bob = people[1].at(&world.gateway(1)).connect().await;
    let chat = people[0].direct(&people[1]).await;
    for n in 0..20 {
        ann.answer(&ann.send(&chat, &format!("a{n}"))).await;
        bob.answer(&bob.send(&chat, &format!("b{n}"))).await;
    }
    for device in [&ann, &bob] {
        device.upto(&chat, 41).await;
    }
    assert_eq!(ann.texts(&chat), bob.texts(&chat));
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_group_come_and_go_under_load() {
    let all = vec![Ingest, Persister, Fanout, Pusher];
    let mut world = World::with_nodes(vec![vec![Gateway], all.clone()], |_| {}).await;
    let people = world.people(&["ann", "bob"]).await;
    let (ann, bob) = (people[0].connect().await, people[1].connect().await);
    let chat = people[0].direct(&people[1]).await;
    let mut sent = 0;
    for round in 0..4 {
        for _ in 0..100 {
            ann.send(&chat, &format!("m{sent}"));
            sent += 1;
        }
        // A second member of every group joins; the first one leaves.
        world.join(all.clone());
        for _ in 0..100 {
            ann.send(&chat, &format!("m{sent}"));
            sent += 1;
        }
        world.stop_node(1).await;
        bob.upto(&chat, 1 + sent).await;
        assert_eq!(bob.texts(&chat).len() as u64, sent, "round {round}");
    }
    let expected: Vec<_> = (0..sent).map(|n| format!("m{n}")).collect();
    assert_eq!(bob.texts(&chat), expected);
    assert_eq!(people[1].records(&chat).await.len() as u64, 1 + sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_drains_sends_its_clients_elsewhere() {
    let layout = vec![vec![Gateway], vec![Gateway], vec![Ingest, Persister, Fanout, Pusher]];
    let mut world = World::with_nodes(layout, |config| config.edge.drain_spread_ms = 100).await;
    let ann = world.person("ann").await.at(&world.gateway(1)).connect().await;
    world.stop_node(1).await;
    ann.frame_of("reconnect", |frame| frame["after_ms"].is_u64()).await;
    ann.wait("the socket is closed as a restart", |state| state.closes.contains(&1012).then_some(())).await;
}

/// Lists are at most 10 s old (PROTOCOL §3), here half a second: without a persister they are refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_members_is_refused_rather_than_told_as_it_was() {
    let layout = vec![vec![Gateway, Ingest, Fanout, Pusher], vec![Persister]];
    let change = |config: &mut parlor::config::Config| {
        (config.edge.stale_ms, config.edge.reads_retry_ms) = (500, 200);
    };
    let mut world = World::with_nodes(layout, change).await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let group = people[0].group("g", &[&people[1]]).await;
    let path = format!("/conversations/{group}/members");
    let list = async || {
        let (status, answer) = people[0].call(Method::GET, &path, None).await;
        (status, answer["items"].as_array().map_or(0, Vec::len))
    };
    until("both are stored", async || (list().await == (StatusCode::OK, 2)).then_some(())).await;
    world.stop_node(1).await;
    people[0].post(&path, json!({"user_ids": [people[2].user_id]})).await;
    let refused = async || (list().await.0 == StatusCode::SERVICE_UNAVAILABLE).then_some(());
    until("the list is too old to be told", refused).await;
    world.join(vec![Persister]);
    until("all three are stored", async || (list().await == (StatusCode::OK, 3)).then_some(())).await;
}

/// Whatever the store's head counts, a replay writes the rows that build on no earlier one again: so a
/// rewind fills in what was lost, or a table that is new.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_fills_in_what_the_head_counts_already() {
    let layout = vec![vec![Gateway, Ingest, Fanout, Pusher], vec![Persister]];
    let mut world = World::with_nodes(layout, |_| {}).await;
    let people = world.people(&["ann", "bob"]).await;
    world.stop_node(1).await;
    let chat = people[0].direct(&people[1]).await;
    let ann = people[0].connect().await;
    ann.answer(&ann.send(&chat, "x")).await;
    let path = format!("/conversations/{chat}/messages/2");
    for act in ["reactions/+", "pin"] {
        people[0].call_with_key(Method::PUT, &format!("{path}/{act}"), Some(&new_id()), None).await;
    }
    ann.upto(&chat, 4).await;
    let store = &world.engines().store;
    let id: ConversationId = chat.parse().unwrap();
    let head = Head { seq: 4, ord: 1, at: Timestamp(0) };
    store.write(0, vec![Effect::Head(id, head)], 0).await.unwrap();
    assert_eq!(store.records(id, 0, 9, 9, false).await.unwrap().len(), 0);
    world.join(vec![Persister]);
    let store = &world.engines().store;
    let is_filled = async || {
        let records = store.records(id, 0, 9, 9, false).await.unwrap();
        let acts = store.acts(id, 2, 2).await.unwrap();
        (records.len() == 4 && acts.pins.len() == 1 && acts.reactions.len() == 1).then_some(())
    };
    until("all rows are there", is_filled).await;
    assert_eq!(store.heads(&[id]).await.unwrap(), [Some(head)], "the head is as it was");
}

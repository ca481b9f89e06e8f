//! Roles on several nodes that meet only in the log, the store and the live bus.

use crate::world::World;
use parlor::cli::RoleName::{Fanout, Gateway, Ingest, Persister, Pusher};

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

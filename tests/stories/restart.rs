//! Restarts in the middle of everything.

use crate::world::{World, until};
use parlor_engines::log::StoredOffset;
use parlor_schemas::topics::Group;

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_loses_and_doubles_nothing() {
    let mut world = World::new().await;
    let people = world.people(&["ann", "bob", "cid"]).await;
    let group = people[0].group("restart", &[&people[1], &people[2]]).await;
    let mut sent = 0;
    for round in 0..3 {
        let address = world.gateway(0);
        let mut devices = Vec::new();
        for person in &people {
            devices.push(person.at(&address).connect().await);
        }
        for n in 0..150 {
            devices[n % 3].send(&group, &format!("{round}/{n}"));
        }
        // In the middle: some are answered, the rest is on its way.
        devices[0].wait("some are answered", |state| (state.answers.len() >= 10).then_some(())).await;
        let unanswered: Vec<_> =
            devices.iter().map(|device| device.see(|state| state.outbox.clone())).collect();
        drop(devices);
        world.restart().await;
        // Clients come back and send what was not answered, under the same ids.
        let address = world.gateway(0);
        for (person, outbox) in people.iter().zip(unanswered) {
            let device = person.at(&address).connect().await;
            for frame in outbox {
                let id = frame["client_msg_id"].as_str().unwrap();
                device.send_as(&group, id, frame["body"].clone());
            }
            device.wait("all is answered", |state| state.outbox.is_empty().then_some(())).await;
        }
        sent += 150;
        let records = people[0].at(&address).records(&group).await;
        let seqs: Vec<_> = records.iter().map(|record| record["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, (1..=1 + sent).collect::<Vec<_>>(), "round {round}: contiguous, each once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persister_rewound_to_the_beginning_changes_nothing() {
    let mut world = World::new().await;
    let people = world.people(&["ann", "bob"]).await;
    let chat = people[0].direct(&people[1]).await;
    {
        let ann = people[0].connect().await;
        for n in 0..50 {
            ann.answer(&ann.send(&chat, &format!("{n}"))).await;
        }
    }
    let before = people[1].records(&chat).await;
    let partitions = world.engines().log.partitions(Group::Persister.topic());
    world.stop().await;
    let stood;
    {
        let mut config = world.config().clone();
        let engines = parlor::node::open(&mut config).await.unwrap();
        stood = engines.log.stored(Group::Persister).await.unwrap();
        for partition in 0..partitions {
            let zero = StoredOffset::default();
            engines.log.rewind(Group::Persister, partition, zero).await.unwrap();
        }
        engines.close().await;
    }
    world.start().await;
    let bob = people[1].at(&world.gateway(0));
    // The replay is over when the group is where it stood before.
    let offset = |stored: &Option<StoredOffset>| stored.as_ref().map_or(0, |stored| stored.offset);
    let is_done = async || {
        let stored = world.engines().log.stored(Group::Persister).await.unwrap();
        stored.iter().zip(&stood).all(|(stored, stood)| offset(stored) >= offset(stood))
    };
    until("the persister catches up", async || is_done().await.then_some(())).await;
    assert_eq!(bob.records(&chat).await, before);
}

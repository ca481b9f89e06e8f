//! A member against mocked brokers.

use super::{Command, News, connect, poller::Poller, poller::Wake};
use crate::{
    SystemClock, Tuning,
    kafka::cluster::{Cluster, all_topics},
    log::Event,
};
use parlor_schemas::topics::Group;
use rdkafka::{ClientContext as _, Statistics, consumer::Consumer as _, mocking::MockCluster};
use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

/// What it had is lost; a new client joins, and is given everything again.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_has_lost_all_brokers_is_made_anew() {
    let brokers = MockCluster::new(1).unwrap();
    let mut tuning = Tuning::default();
    // The mocked coordinator knows no stable offsets.
    tuning.kafka.extra.insert("isolation.level".into(), "read_uncommitted".into());
    let cluster = Cluster::new(&format!("kafka://{}", brokers.bootstrap_servers()), &tuning).unwrap();
    for topic in all_topics() {
        brokers.create_topic(cluster.topic(topic), tuning.partitions as i32, 1).unwrap();
    }
    let cluster = Arc::new(cluster);
    let (commands, queue) = mpsc::channel();
    let (events, mut news) = tokio::sync::mpsc::channel(8);
    let (hand_out, client) = mpsc::channel();
    let running = thread::spawn(move || {
        let wake = Wake::here();
        let client = Arc::new(connect(&cluster, Group::Fanout, &wake).unwrap());
        hand_out.send((client.clone(), wake.clone())).unwrap();
        Poller::new(cluster, Arc::new(SystemClock), Group::Fanout, client, wake, events).run(&queue);
    });
    let (first, wake) = client.recv().unwrap();
    let mut next = async || {
        let told = tokio::time::timeout(Duration::from_secs(20), news.recv()).await;
        let News { event, .. } = told.expect("news").expect("the thread runs");
        event.unwrap()
    };
    let all = |event: Event| match event {
        Event::Assigned(assigned) => assigned.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(all(next().await), tuning.partitions as usize);
    first.context().stats(Statistics::default());
    drop(first);
    assert!(matches!(next().await, Event::Lost(lost) if lost.len() == tuning.partitions as usize));
    assert_eq!(all(next().await), tuning.partitions as usize);
    let (answer, left) = tokio::sync::oneshot::channel();
    commands.send(Command::Leave { answer }).unwrap();
    wake.up();
    left.await.unwrap();
    running.join().unwrap();
}

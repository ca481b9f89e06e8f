//! An engine is away for a while.

use crate::roles::{engines::Instance, fleet::Fleet, load::Load};
use reqwest::Method;
use std::time::Duration;

/// The store is away for so long.
const STORE_AWAY: Duration = Duration::from_secs(60);
/// The log, or the live engine.
const AWAY: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn the_store_is_down_and_messages_flow_on() {
    let fleet = Fleet::two_of_each().await;
    let load = Load::start(&fleet).await;
    load.more(50).await;
    fleet.instance.tell(&["stop", "cassandra"]);
    // Live delivery needs the log and the live engine alone.
    load.more(100).await;
    let path = format!("/conversations/{}/records?after=0&limit=200", load.conversation());
    let (status, body) = load.people[0].call(Method::GET, &path, None).await;
    // What is live may be served; what is not is "not yet", never "nothing".
    match status.as_u16() {
        200 => {
            let items = body["items"].as_array().expect("items");
            assert!(!items.is_empty(), "{body}");
            assert!(items.iter().enumerate().all(|(n, record)| record["seq"] == n as u64 + 1), "{body}");
        }
        _ => assert_eq!((status.as_u16(), &body["code"]), (503, &"unavailable".into()), "{body}"),
    }
    tokio::time::sleep(STORE_AWAY).await;
    load.more(100).await;
    fleet.instance.tell(&["start", "cassandra"]);
    let sent = load.check(&fleet).await;
    println!("the store was away for a minute, {sent} messages: each once, in order, at every member");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_engine_is_down_and_is_rebuilt() {
    let fleet = Fleet::two_of_each().await;
    let load = Load::start(&fleet).await;
    load.more(50).await;
    fleet.instance.tell(&["kill", "redis"]);
    tokio::time::sleep(AWAY).await;
    fleet.instance.tell(&["start", "redis"]);
    load.more(100).await;
    let sent = load.check(&fleet).await;
    println!("the live engine was away for 30 s, {sent} messages: each once, in order, at every member");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_engine_that_forgets_everything_is_rebuilt() {
    let fleet = Fleet::two_of_each().await;
    let load = Load::start(&fleet).await;
    for _ in 0..3 {
        load.more(50).await;
        fleet.flush_live();
        load.more(50).await;
    }
    let sent = load.check(&fleet).await;
    println!("the live engine forgot all three times, {sent} messages: each once, in order, at every member");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_down_and_nothing_is_half_accepted() {
    let fleet = Fleet::two_of_each().await;
    let load = Load::start(&fleet).await;
    load.more(50).await;
    fleet.instance.tell(&["kill", "kafka"]);
    tokio::time::sleep(AWAY).await;
    fleet.instance.tell(&["start", "kafka"]);
    load.more(100).await;
    let sent = load.check(&fleet).await;
    println!("the log was away for 30 s, {sent} messages: each once, in order, at every member");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_nodes_of_each_engine_is_killed() {
    let mut fleet = Fleet::prepare(Instance::three());
    for role in crate::roles::fleet::ROLES {
        fleet.add(role);
    }
    fleet.ready().await;
    let load = Load::start(&fleet).await;
    for node in ["1", "2", "3"] {
        load.more(50).await;
        // Each broker leads some partitions.
        fleet.instance.tell(&["kill", "kafka", node]);
        load.more(100).await;
        fleet.instance.tell(&["start", "kafka", node]);
        load.more(50).await;
    }
    for node in ["2", "3"] {
        fleet.instance.tell(&["kill", "cassandra", node]);
        load.more(100).await;
        fleet.instance.tell(&["start", "cassandra", node]);
        load.more(50).await;
    }
    let sent = load.check(&fleet).await;
    println!("five nodes killed, {sent} messages: each once, in order, at every member");
}

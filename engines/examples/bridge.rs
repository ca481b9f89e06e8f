//! Measures the live bus on Redis: many events per publish, as fanout does it, against one PUBLISH per
//! event: `PARLOR_TEST_REDIS=redis://127.0.0.1:16379 cargo run --release -p parlor-engines --example bridge`.

use bytes::Bytes;
use parlor_engines::{SystemClock, Tuning, Urls, open};
use parlor_schemas::{
    GatewayId, Limits, LinkId,
    link::{Item, LinkMessage},
};
use redis::{AsyncConnectionConfig, PushInfo, PushKind};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;
use uuid::Uuid;

const EVENTS: usize = 400_000;
/// Events that one wake of fanout has for one gateway under load.
const PER_PUBLISH: usize = 64;
/// PUBLISHes of one pipeline of the baseline.
const PIPELINE: usize = 512;

fn event() -> Item {
    Item::Frame { connections: vec![1, 2, 3], text: Bytes::from(vec![b'x'; 300]) }
}

#[tokio::main]
async fn main() {
    let url = std::env::var("PARLOR_TEST_REDIS").expect("PARLOR_TEST_REDIS=redis://host:port");
    for round in 0..5 {
        let (ours, bare) = (bridge(&url).await, publishes(&url).await);
        println!(
            "round {round}: {ours:.0} events/s, one PUBLISH each {bare:.0} events/s, ratio {:.1}",
            ours / bare
        );
    }
}

/// Events per second that a gateway's channel gives.
async fn bridge(url: &str) -> f64 {
    let data = tempfile::tempdir().expect("a directory");
    let urls = Urls { data: data.path().to_owned(), live: Some(url.to_owned()), ..Urls::default() };
    let mut tuning = Tuning { bus_messages: EVENTS, ..Tuning::default() };
    tuning.redis.prefix = format!("bench{}:", std::process::id());
    let engines = open(&urls, &tuning, &Limits::default(), Arc::new(SystemClock)).await.expect("the engines");
    let gateway = GatewayId(Uuid::from_u128(7));
    let mut channel = engines.live.subscribe(gateway).await.expect("a channel");
    let started = Instant::now();
    let live = engines.live.clone();
    let sender = tokio::spawn(async move {
        for number in 1..=EVENTS / PER_PUBLISH {
            let items = (0..PER_PUBLISH).map(|_| event()).collect();
            let message = LinkMessage { link_id: LinkId(Uuid::from_u128(1)), number: number as u64, items };
            live.publish(vec![(gateway, message.encode())]).await.expect("a publish");
        }
    });
    let mut received = 0;
    while received < EVENTS / PER_PUBLISH * PER_PUBLISH {
        let message = channel.recv().await.expect("a message");
        received += LinkMessage::decode(&message).expect("a link message").items.len();
    }
    sender.await.expect("the sender");
    let rate = received as f64 / started.elapsed().as_secs_f64();
    engines.close().await;
    rate
}

/// The same events, a PUBLISH for each, in pipelines.
async fn publishes(url: &str) -> f64 {
    let client = redis::Client::open(format!("{url}?protocol=resp3")).expect("a URL");
    let received = Arc::new(AtomicUsize::new(0));
    let count = received.clone();
    let take = move |push: PushInfo| {
        if push.kind == PushKind::Message {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Ok::<_, std::convert::Infallible>(())
    };
    let config = AsyncConnectionConfig::new().set_push_sender(take);
    let mut subscriber =
        client.get_multiplexed_async_connection_with_config(&config).await.expect("a connection");
    subscriber.subscribe("bench").await.expect("a subscription");
    let mut publisher = client.get_multiplexed_async_connection().await.expect("a connection");
    let started = Instant::now();
    for _ in 0..EVENTS / PIPELINE {
        let mut pipeline = redis::pipe();
        for number in 0..PIPELINE {
            let (link_id, items) = (LinkId(Uuid::from_u128(1)), vec![event()]);
            let message = LinkMessage { link_id, number: number as u64, items };
            pipeline.cmd("PUBLISH").arg("bench").arg(&message.encode()[..]).ignore();
        }
        let () = pipeline.query_async(&mut publisher).await.expect("a pipeline");
    }
    while received.load(Ordering::Relaxed) < EVENTS / PIPELINE * PIPELINE {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (EVENTS / PIPELINE * PIPELINE) as f64 / started.elapsed().as_secs_f64()
}

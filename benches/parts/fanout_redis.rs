//! `fanout_redis`: the live bus on Redis as fanout uses it, many events in each publish, against one
//! PUBLISH per event in pipelines.

use crate::{
    engines,
    measure::{Judged, Run, Sample, Side, now, own_cpu},
};
use bytes::Bytes;
use parlor_engines::{Engines, Tuning};
use parlor_schemas::{
    GatewayId, LinkId,
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
use uuid::Uuid;

/// Events of each second of a round.
const PER_SECOND: f64 = 100_000.0;
/// Events in each of our publishes, which are awaited: of a wake of fanout under load, and when it catches
/// up. And how many PUBLISHes of one event the baseline has under way: like ours one, and the most that
/// helps it.
const CASES: [(usize, usize, &str); 3] = [
    (64, 1, "one PUBLISH each, awaited"),
    (64, 512, "one PUBLISH each, 512 under way"),
    (512, 512, "one PUBLISH each, 512 under way"),
];

pub async fn bench(run: &Run) {
    let Some(url) = engines::url("PARLOR__LIVE", "redis:") else { return };
    let events = (PER_SECOND * run.round.as_secs_f64()) as usize;
    let events = events.next_multiple_of(512);
    let data = tempfile::tempdir().expect("a temporary directory");
    let mut tuning = Tuning { bus_messages: events, ..Tuning::default() };
    tuning.redis.prefix = format!("bench{}:", Uuid::now_v7().simple());
    let engines = engines::opened(&data, None, Some(url.clone()), &tuning).await;
    for (each, under_way, baseline) in CASES {
        let duel = run
            .duel(async |side| match side {
                Side::Ours => bridge(&engines, events, each).await,
                Side::Baseline => publishes(&url, events, under_way).await,
            })
            .await;
        let report = duel.rate("fanout_redis", format!("{events} events, {each} a publish"), "events");
        run.tell(&report.against(baseline).judged(Judged::Rate(4.0)));
    }
    engines.close().await;
}

fn event() -> Item {
    Item::Frame { connections: vec![1, 2, 3], text: Bytes::from(vec![b'x'; 300]) }
}

fn sample(events: usize, wall: f64, cpu: f64) -> Sample {
    let figures = vec![("cpu_us_each", cpu * 1e6 / events as f64)];
    Sample { done: events as f64, cpu, wall, figures }
}

/// Until a gateway's channel has given all of them.
async fn bridge(engines: &Engines, events: usize, each: usize) -> Sample {
    let gateway = GatewayId(Uuid::now_v7());
    let mut channel = engines.live.subscribe(gateway).await.expect("a channel");
    let (started, cpu) = (now(), own_cpu());
    let live = engines.live.clone();
    let sender = tokio::spawn(async move {
        for number in 1..=events / each {
            let items = (0..each).map(|_| event()).collect();
            let message = LinkMessage { link_id: LinkId(Uuid::from_u128(1)), number: number as u64, items };
            live.publish(vec![(gateway, message.encode())]).await.expect("a publish");
        }
    });
    let mut received = 0;
    while received < events {
        let message = channel.recv().await.expect("a message");
        received += LinkMessage::decode(&message).expect("a link message").items.len();
    }
    sender.await.expect("the sender");
    sample(events, started.elapsed().as_secs_f64(), own_cpu() - cpu)
}

/// The same events, a PUBLISH for each, in pipelines.
async fn publishes(url: &str, events: usize, under_way: usize) -> Sample {
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
    let (started, cpu) = (now(), own_cpu());
    for _ in 0..events / under_way {
        let mut pipeline = redis::pipe();
        for number in 0..under_way {
            let (link_id, items) = (LinkId(Uuid::from_u128(1)), vec![event()]);
            let message = LinkMessage { link_id, number: number as u64, items };
            pipeline.cmd("PUBLISH").arg("bench").arg(&message.encode()[..]).ignore();
        }
        let () = pipeline.query_async(&mut publisher).await.expect("a pipeline");
    }
    while received.load(Ordering::Relaxed) < events {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    sample(events, started.elapsed().as_secs_f64(), own_cpu() - cpu)
}

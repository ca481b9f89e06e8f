//! Presence when a gateway is killed, and when the live engine is gone or has forgotten.

use crate::{
    roles::{engines::Instance, fleet::Fleet},
    world::{PATIENCE, Person},
};
use serde_json::{Value, json};
use std::time::Duration;

/// Nobody is online for longer after a gateway was killed (PROTOCOL §3 and DESIGN §6).
const GONE_WITHIN: Duration = Duration::from_secs(65);

async fn asked(asker: &Person, of: &Person) -> (u16, Value) {
    let path = format!("/users/{}/presence", of.user_id);
    let (status, answer) = asker.call(reqwest::Method::GET, &path, None).await;
    (status.as_u16(), answer)
}

/// Asks until the answer is this one; every other one on the way must be allowed.
async fn until(
    asker: &Person,
    of: &Person,
    is_it: impl Fn(u16, &Value) -> bool,
    may_be: impl Fn(u16, &Value) -> bool,
) {
    let asking = async {
        loop {
            let (status, answer) = asked(asker, of).await;
            if is_it(status, &answer) {
                return;
            }
            assert!(may_be(status, &answer), "{status} {answer}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE * 2, asking).await.expect("the answer comes");
}

fn is(status: u16, answer: &Value, presence: &str) -> bool {
    status == 200 && answer["status"] == presence
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_stays_online_at_a_killed_gateway() {
    let mut fleet = Fleet::prepare(Instance::given());
    let gateways = [fleet.add("gateway"), fleet.add("gateway")];
    fleet.add("ingest,persister,fanout,pusher");
    fleet.ready().await;
    let people = fleet.people(2).await;
    let (watcher, gone) = (&people[0], &people[1]);
    watcher.direct(gone).await;
    let watching = watcher.connect().await;
    let _device = gone.connect().await;
    until(watcher, gone, |s, a| is(s, a, "online"), |s, a| is(s, a, "offline") || s == 503).await;
    watching.frame(json!({"type": "watch", "id": "w", "user_ids": [gone.user_id]}));
    watching.frame_of("presence", |f| f["status"] == "online").await;
    fleet.kill(gateways[1]);
    let killed = tokio::time::Instant::now();
    let told = watching.frame_of("presence", |f| f["status"] == "offline").await;
    assert!(killed.elapsed() <= GONE_WITHIN, "after {:?}", killed.elapsed());
    // It was written when the user came, though the gateway had no time to say goodbye.
    assert!(told["last_seen"].is_string(), "{told}");
    assert!(is(200, &asked(watcher, gone).await.1, "offline"));
    println!("offline {:?} after kill -9 of the gateway", killed.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_engine_that_is_gone_or_forgets_makes_nobody_offline() {
    let mut fleet = Fleet::prepare(Instance::given());
    fleet.add("gateway");
    fleet.add("ingest,persister,fanout,pusher");
    fleet.ready().await;
    let people = fleet.people(2).await;
    let (asker, here) = (&people[0], &people[1]);
    asker.direct(here).await;
    let _device = here.connect().await;
    until(asker, here, |s, a| is(s, a, "online"), |s, a| is(s, a, "offline") || s == 503).await;
    let unavailable = |status: u16, answer: &Value| status == 503 && answer["code"] == "unavailable";
    for _ in 0..3 {
        fleet.flush_live();
        // Said again within seconds; on the way there is no "offline".
        for _ in 0..10 {
            let (status, answer) = asked(asker, here).await;
            assert!(is(status, &answer, "online") || unavailable(status, &answer), "{status} {answer}");
        }
        until(asker, here, |s, a| is(s, a, "online"), unavailable).await;
    }
    fleet.instance.tell(&["kill", "redis"]);
    let (status, answer) = asked(asker, here).await;
    assert!(unavailable(status, &answer), "{status} {answer}");
    fleet.instance.tell(&["start", "redis"]);
    until(asker, here, |s, a| is(s, a, "online"), unavailable).await;
}

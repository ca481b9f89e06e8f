//! Routes are remembered by each process, and never longer than they hold.

use crate::{
    conformance::{Setting as _, words::fresh},
    setting::Redis,
};
use parlor_engines::{Engines, live::Route};
use parlor_schemas::{DeviceId, GatewayId, UserId};

async fn two() -> (Redis, Engines, Engines) {
    let at = Redis::new().await;
    let second = Redis { prefix: at.prefix.clone(), ..Redis::new().await };
    let (one, other) = (at.open().await, second.open().await);
    (at, one, other)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_changes_is_seen_at_once() {
    let (at, one, other) = two().await;
    let (user, gateway_id) = (UserId(fresh()), GatewayId(fresh()));
    let route = |connection| Route { user_id: user, device_id: DeviceId(fresh()), gateway_id, connection };
    let (first, second) = (route(1), route(2));
    assert_eq!(one.live.routes(&[user]).await.unwrap(), [vec![]], "nobody is there");
    assert_eq!(other.live.register(&[first]).await.unwrap(), [false]);
    for _ in 0..3 {
        assert_eq!(one.live.routes(&[user]).await.unwrap(), [vec![first]], "also when it is remembered");
    }
    assert_eq!(other.live.register(&[first, second]).await.unwrap(), [true, false]);
    assert_eq!(one.live.routes(&[user, user]).await.unwrap(), [vec![first, second], vec![first, second]]);
    other.live.unregister(&[first]).await.unwrap();
    assert_eq!(one.live.routes(&[user]).await.unwrap(), [vec![second]]);
    other.live.drop_gateway(gateway_id).await.unwrap();
    assert_eq!(one.live.routes(&[user]).await.unwrap(), [vec![]]);
    assert_eq!(other.live.register(&[second]).await.unwrap(), [false]);
    assert_eq!(one.live.routes(&[user]).await.unwrap(), [vec![second]]);
    at.lose_live().await;
    assert_eq!(one.live.routes(&[user]).await.unwrap(), [vec![]], "what was forgotten is not remembered");
}

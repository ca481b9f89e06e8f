//! Channels of gateways, and routes.

use crate::conformance::{
    Setting, soon,
    words::{fresh, user},
};
use bytes::Bytes;
use parlor_engines::live::Route;
use parlor_schemas::{DeviceId, GatewayId, UserId};
use std::time::Duration;

pub async fn messages_reach_who_listens(at: &impl Setting) {
    let engines = at.open().await;
    let live = &*engines.live;
    let (here, there, nowhere) = (GatewayId(fresh()), GatewayId(fresh()), GatewayId(fresh()));
    let mut receiver = live.subscribe(here).await.unwrap();
    let mut other = live.subscribe(there).await.unwrap();
    let mut gateways = live.gateways().await.unwrap();
    gateways.sort();
    assert_eq!(gateways, [here, there]);
    let text = |text: &'static str| Bytes::from_static(text.as_bytes());
    let messages = vec![(here, text("1")), (nowhere, text("2")), (there, text("3")), (here, text("4"))];
    assert_eq!(live.publish(messages).await.unwrap(), [1, 0, 1, 1]);
    assert_eq!(soon("the first", receiver.recv()).await.unwrap(), "1");
    assert_eq!(soon("the second", receiver.recv()).await.unwrap(), "4");
    assert_eq!(soon("the other's", other.recv()).await.unwrap(), "3");
    drop(other);
    crate::conformance::until("the gateway's end", async || {
        (live.publish(vec![(there, text("5"))]).await.unwrap() == [0]).then_some(())
    })
    .await;
    assert_eq!(live.gateways().await.unwrap(), [here]);
}

/// After this time without a message none is on its way.
const QUIET: Duration = Duration::from_secs(1);

pub async fn a_full_receiver_loses_messages_but_is_reached(at: &impl Setting) {
    let engines = at.open().await;
    let gateway = GatewayId(fresh());
    let mut receiver = engines.live.subscribe(gateway).await.unwrap();
    let numbers: Vec<u32> = (0..100_000).collect();
    for some in numbers.chunks(1_000) {
        let messages = some.iter().map(|n| (gateway, Bytes::copy_from_slice(&n.to_be_bytes()))).collect();
        assert_eq!(engines.live.publish(messages).await.unwrap(), [1; 1_000]);
    }
    // Some are still on their way.
    let mut received = 0;
    while let Ok(Some(_)) = tokio::time::timeout(QUIET, receiver.recv()).await {
        received += 1;
    }
    assert!((1..100_000).contains(&received), "bounded: {received}");
    engines.live.publish(vec![(gateway, Bytes::from_static(b"later"))]).await.unwrap();
    assert_eq!(soon("the later one", receiver.recv()).await.unwrap(), "later");
}

pub async fn an_epoch_names_a_life(at: &impl Setting) {
    let engines = at.open().await;
    let epoch = engines.live.epoch().await.unwrap();
    assert_eq!(engines.live.epoch().await.unwrap(), epoch);
    let mut receiver = engines.live.subscribe(GatewayId(fresh())).await.unwrap();
    engines.close().await;
    assert_eq!(soon("the channel's end", receiver.recv()).await, None);
    at.lose_live().await;
    assert_ne!(at.open().await.live.epoch().await.unwrap(), epoch);
}

pub async fn routes_come_and_go(at: &impl Setting) {
    let engines = at.open().await;
    let live = &*engines.live;
    let (ada, eve) = (user(), user());
    let (here, there) = (GatewayId(fresh()), GatewayId(fresh()));
    let route = |user_id: UserId, gateway_id, connection| Route {
        user_id,
        device_id: DeviceId(fresh()),
        gateway_id,
        connection,
    };
    let routes = [route(ada, here, 1), route(ada, there, 1), route(eve, here, 2)];
    assert_eq!(live.register(&routes).await.unwrap(), [false, false, false]);
    assert_eq!(live.register(&routes[1..]).await.unwrap(), [true, true]);
    let found = live.routes(&[eve, user(), ada]).await.unwrap();
    assert_eq!(found, [routes[2..].to_vec(), vec![], routes[..2].to_vec()]);
    live.unregister(&[routes[2]]).await.unwrap();
    live.unregister(&[routes[2]]).await.unwrap();
    assert_eq!(live.routes(&[eve]).await.unwrap(), [vec![]]);
    live.drop_gateway(there).await.unwrap();
    assert_eq!(live.routes(&[ada]).await.unwrap(), [routes[..1].to_vec()]);
    assert_eq!(live.register(&routes[1..2]).await.unwrap(), [false]);
}

//! Tickets and revocations.

use crate::conformance::{Setting, words::fresh};
use bytes::Bytes;
use parlor_schemas::SessionId;
use std::time::Duration;

pub async fn a_ticket_is_taken_once(at: &impl Setting) {
    let engines = at.open().await;
    let ttl = Duration::from_secs(30);
    engines.live.put_ticket("ticket", Bytes::from_static(b"ada"), ttl).await.unwrap();
    let takers = (0..20).map(|_| {
        let live = engines.live.clone();
        tokio::spawn(async move { live.take_ticket("ticket").await.unwrap() })
    });
    let mut taken = Vec::new();
    for taker in takers.collect::<Vec<_>>() {
        taken.extend(taker.await.unwrap());
    }
    assert_eq!(taken, ["ada"]);
    assert_eq!(engines.live.take_ticket("another").await.unwrap(), None);
}

pub async fn a_ticket_ends(at: &impl Setting) {
    let engines = at.open().await;
    for (ticket, ttl_ms) in [("short", 1_000), ("long", 30_000)] {
        engines.live.put_ticket(ticket, Bytes::new(), Duration::from_millis(ttl_ms)).await.unwrap();
    }
    at.clock().advance(1_001);
    assert_eq!(engines.live.take_ticket("short").await.unwrap(), None);
    assert_eq!(engines.live.take_ticket("long").await.unwrap(), Some(Bytes::new()));
}

pub async fn revocations_are_numbered(at: &impl Setting) {
    let engines = at.open().await;
    let live = &*engines.live;
    let (start, none) = live.revoked(0).await.unwrap();
    assert_eq!(none, Some(vec![]));
    let sessions: Vec<_> = (0..3).map(|_| SessionId(fresh())).collect();
    live.revoke(&sessions[..2]).await.unwrap();
    let (middle, two) = live.revoked(start).await.unwrap();
    assert_eq!(two, Some(sessions[..2].to_vec()));
    live.revoke(&sessions[2..]).await.unwrap();
    let (end, one) = live.revoked(middle).await.unwrap();
    assert_eq!(one, Some(sessions[2..].to_vec()));
    assert!(start < middle && middle < end);
    assert_eq!(live.revoked(end).await.unwrap(), (end, Some(vec![])));
    assert_eq!(live.revoked(0).await.unwrap(), (end, Some(sessions)));
}

pub async fn another_epochs_number_is_not_known(at: &impl Setting) {
    let engines = at.open().await;
    engines.live.revoke(&[SessionId(fresh())]).await.unwrap();
    let (number, _) = engines.live.revoked(0).await.unwrap();
    engines.close().await;
    at.lose_live().await;
    at.clock().advance(1);
    let engines = at.open().await;
    engines.live.revoke(&[SessionId(fresh()), SessionId(fresh())]).await.unwrap();
    assert_eq!(engines.live.revoked(number).await.unwrap().1, None, "check every session in the store");
}

//! The server is away, frozen, or does not answer what it did.

use crate::{
    conformance::{
        Setting as _, soon,
        store::accounts::{named, session_of},
        until,
        words::{conversation, fresh, message, text, user},
    },
    proxy::{Mood, Proxy},
    setting::Cassandra,
};
use parlor_engines::{
    Engines,
    store::{Effect, Session, StoreError, User},
};
use parlor_schemas::{ConversationId, Timestamp};
use std::time::Duration;

/// Engines behind a proxy, with little patience.
async fn behind(proxy: &Proxy) -> Engines {
    let shared = Cassandra::new().await;
    let keyspace = shared.url.rsplit('/').next().unwrap();
    let mut setting = Cassandra::at(format!("cassandra://{}/{keyspace}", proxy.address));
    setting.tuning.cassandra.request_timeout_ms = 500;
    setting.tuning.cassandra.give_up_ms = 1_500;
    setting.open().await
}

fn write(id: ConversationId, seq: u64) -> Vec<Effect> {
    vec![Effect::Record(id, text(id, seq, Timestamp(1_800_000_000_000), message("text")))]
}

/// Bounded: within a few times its patience. (The bound is not a speed: nothing else ends the wait.)
async fn refused<T: std::fmt::Debug>(asked: impl Future<Output = Result<T, StoreError>>) {
    let asked = tokio::time::timeout(Duration::from_secs(10), asked).await;
    let answer = asked.expect("an answer, while the server is away");
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_unavailable_until_it_is_back() {
    let proxy = Proxy::new().await;
    let engines = behind(&proxy).await;
    let (store, id) = (&*engines.store, conversation());
    store.write(7, write(id, 1), 1).await.unwrap();
    for mood in [Mood::Down, Mood::Frozen] {
        proxy.set(mood);
        refused(store.write(7, write(id, 2), 2)).await;
        refused(store.records(id, 0, 9, 9, false)).await;
        refused(store.heads(&[id])).await;
        refused(store.written_to(7)).await;
        refused(store.stored_marks(&[(id, user())])).await;
        refused(store.user_by_name("nobody")).await;
        proxy.set(Mood::Up);
        until("the server", async || store.write(7, write(id, 2), 2).await.ok()).await;
        let records = until("records", async || store.records(id, 0, 9, 9, false).await.ok()).await;
        assert_eq!(records.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_is_not_known_is_found_out() {
    let proxy = Proxy::new().await;
    let engines = behind(&proxy).await;
    let store = engines.store.clone();
    let session = session_of(user());
    store.create_session(&session).await.unwrap();
    let after = Session { generation: 2, ..session.clone() };
    let ada = ada();

    proxy.set(Mood::Mute);
    let swapping = {
        let (store, session, after) = (store.clone(), session.clone(), after.clone());
        tokio::spawn(async move { store.swap_session(&session, &after).await })
    };
    // The server does it, and the answer is lost; asked again, it tells that it was this swap.
    let direct = Cassandra::new().await.open().await;
    until("the swap at the server", async || {
        let row = direct.store.sessions(&[session.session_id]).await.unwrap().remove(0);
        (row.as_ref() == Some(&after)).then_some(())
    })
    .await;
    proxy.set(Mood::Up);
    match soon("the swap", swapping).await.unwrap() {
        Ok(swapped) => assert!(swapped, "it was this swap"),
        Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error}"),
    }

    until("the way back", async || store.written_to(7).await.ok()).await;
    proxy.set(Mood::Mute);
    let creating = {
        let (store, ada) = (store.clone(), ada.clone());
        tokio::spawn(async move { store.create_user(&ada).await })
    };
    // The first step is a read: it is repeated when answers come again.
    refused(async { creating.await.unwrap() }).await;
    proxy.set(Mood::Up);
    let made = until("the way back", async || store.create_user(&ada).await.ok()).await;
    assert!(made, "a retry finds its own name");
    assert_eq!(direct.store.user_by_name(&ada.username).await.unwrap(), Some(ada));
}

fn ada() -> User {
    let email = Some("ada@example.org".into());
    User { email, ..named(&format!("ada_{}", fresh().simple())) }
}

//! What is decided by lightweight transactions, raced from several clients.

use crate::{
    conformance::{
        Setting as _,
        store::accounts::{named, session_of},
        words::{fresh, user},
    },
    setting::Cassandra,
};
use parlor_engines::{
    Engines,
    store::{Session, StoreError, User},
};
use parlor_schemas::{SessionId, Timestamp};

/// Two gateways.
async fn two() -> [Engines; 2] {
    let setting = Cassandra::new().await;
    let other = Cassandra::new().await;
    [setting.open().await, other.open().await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_who_want_a_name_one_gets_it() {
    let gateways = two().await;
    for round in 0..5 {
        let name = format!("name_{round}_{}", fresh().simple());
        let tries = (0..20).map(|n| {
            let (store, user) = (gateways[n % 2].store.clone(), named(&name));
            tokio::spawn(async move { (store.create_user(&user).await.unwrap(), user) })
        });
        let (mut winners, mut losers) = (Vec::new(), Vec::new());
        for tried in tries.collect::<Vec<_>>() {
            let (made, user) = tried.await.unwrap();
            if made { winners.push(user) } else { losers.push(user.user_id) }
        }
        assert_eq!(winners.len(), 1);
        assert_eq!(gateways[1].store.user_by_name(&name).await.unwrap(), winners.pop());
        let rows = gateways[0].store.users(&losers).await.unwrap();
        assert!(rows.iter().all(Option::is_none), "nothing of the others stays");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_neither_undoes_a_change_nor_takes_a_second_name() {
    let [engines, _] = two().await;
    let store = &*engines.store;
    let ada = named(&format!("ada_{}", fresh().simple()));
    assert!(store.create_user(&ada).await.unwrap());
    let renamed =
        User { display_name: "Countess".into(), email: Some("a@example.org".into()), ..ada.clone() };
    store.put_user(&renamed).await.unwrap();
    assert!(store.create_user(&ada).await.unwrap(), "a retry");
    assert_eq!(store.user_by_name(&ada.username).await.unwrap(), Some(renamed.clone()));
    let plain = User { email: None, ..renamed };
    store.put_user(&plain).await.unwrap();
    assert_eq!(store.users(&[ada.user_id]).await.unwrap(), [Some(plain.clone())], "what was set can go");
    let second = User { username: format!("second_{}", fresh().simple()), ..ada };
    assert!(matches!(store.create_user(&second).await, Err(StoreError::Failed(_))));
    assert_eq!(store.users(&[second.user_id]).await.unwrap(), [Some(plain)]);
    assert_eq!(store.user_by_name(&second.username).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_swaps_one_is_made_in_every_round() {
    let gateways = two().await;
    let mut session = session_of(user());
    gateways[0].store.create_session(&session).await.unwrap();
    for round in 1..=5 {
        let swaps = (0..20_u8).map(|n| {
            let (store, before) = (gateways[usize::from(n) % 2].store.clone(), session.clone());
            tokio::spawn(async move {
                let after = Session {
                    generation: before.generation + 1,
                    rotated_at: Timestamp(i64::from(n)),
                    secret: [n; 32],
                    ended_at: (round == 5).then_some(Timestamp(i64::from(n))),
                    ..before.clone()
                };
                store.swap_session(&before, &after).await.unwrap().then_some(after)
            })
        });
        let mut winners = Vec::new();
        for swap in swaps.collect::<Vec<_>>() {
            winners.extend(swap.await.unwrap());
        }
        assert_eq!(winners.len(), 1, "round {round}");
        session = winners.remove(0);
        for gateway in &gateways {
            gateway.store.create_session(&Session { generation: 1, ..session.clone() }).await.unwrap();
            let row = gateway.store.sessions(&[session.session_id]).await.unwrap().remove(0);
            assert_eq!(row.as_ref(), Some(&session), "round {round}");
        }
    }
    assert_eq!(gateways[0].store.sessions_of(session.user_id).await.unwrap(), []);
    let stranger = Session { session_id: SessionId(fresh()), ..session.clone() };
    assert!(!gateways[0].store.swap_session(&stranger, &stranger).await.unwrap(), "no such session");
}

//! Users, devices, sessions.

use crate::conformance::{
    Setting,
    words::{fresh, user},
};
use parlor_engines::store::{Device, Session, User};
use parlor_schemas::{DeviceId, SessionId, Timestamp, UserId};

/// A name that no other test has: engines that outlive a test may be shared by several.
pub fn name_of(word: &str) -> String {
    format!("{word}_{:x}", fresh().as_u128() & 0xFFFF_FFFF)
}

pub fn named(username: &str) -> User {
    User {
        user_id: user(),
        username: username.into(),
        display_name: "Ada".into(),
        email: None,
        avatar_media_id: None,
        password_hash: "hash".into(),
        created_at: Timestamp(1),
    }
}

pub fn session_of(user_id: UserId) -> Session {
    Session {
        session_id: SessionId(fresh()),
        user_id,
        device_id: DeviceId(fresh()),
        created_at: Timestamp(1),
        ended_at: None,
        generation: 1,
        rotated_at: Timestamp(1),
        generation_used: false,
        secret: [9; 32],
    }
}

pub async fn a_name_is_given_once(at: &impl Setting) {
    let engines = at.open().await;
    let (ada, other) = (name_of("ada"), name_of("ad"));
    let tries = (0..50).map(|_| {
        let (store, name) = (engines.store.clone(), ada.clone());
        tokio::spawn(async move {
            let user = named(&name);
            store.create_user(&user).await.unwrap().then_some(user)
        })
    });
    let mut winners = Vec::new();
    for user in tries.collect::<Vec<_>>() {
        winners.extend(user.await.unwrap());
    }
    assert_eq!(winners.len(), 1);
    assert!(engines.store.create_user(&winners[0]).await.unwrap(), "a retry of the one that succeeded");
    assert_eq!(engines.store.user_by_name(&ada).await.unwrap().as_ref(), winners.first());
    for unknown in [&*other, ""] {
        assert_eq!(engines.store.user_by_name(unknown).await.unwrap(), None);
    }
    engines.close().await;
    let engines = at.open().await;
    assert!(!engines.store.create_user(&named(&ada)).await.unwrap());
    let users = engines.store.users(&[user(), winners[0].user_id]).await.unwrap();
    assert_eq!(users, [None, winners.pop()]);
}

pub async fn a_row_is_replaced_but_not_its_name(at: &impl Setting) {
    let engines = at.open().await;
    let (ada, eve) = (named(&name_of("ada")), name_of("eve"));
    engines.store.create_user(&ada).await.unwrap();
    let renamed = User { username: eve.clone(), display_name: "Countess".into(), ..ada.clone() };
    engines.store.put_user(&renamed).await.unwrap();
    let expected = User { username: ada.username.clone(), ..renamed };
    assert_eq!(engines.store.user_by_name(&ada.username).await.unwrap(), Some(expected));
    assert_eq!(engines.store.user_by_name(&eve).await.unwrap(), None);
}

pub async fn devices_come_and_go(at: &impl Setting) {
    let engines = at.open().await;
    let (ada, eve) = (user(), user());
    let device = |user_id, name: &str| Device {
        user_id,
        device_id: DeviceId(fresh()),
        kind: "web".into(),
        name: name.into(),
        created_at: Timestamp(1),
        last_used_at: Timestamp(2),
    };
    let devices = [device(ada, "one"), device(ada, "two"), device(eve, "three")];
    for device in &devices {
        engines.store.put_device(device).await.unwrap();
    }
    let used = Device { last_used_at: Timestamp(9), ..devices[1].clone() };
    engines.store.put_device(&used).await.unwrap();
    engines.store.delete_device(ada, devices[0].device_id).await.unwrap();
    engines.store.delete_device(ada, devices[2].device_id).await.unwrap();
    assert_eq!(engines.store.devices(ada).await.unwrap(), [used]);
    assert_eq!(engines.store.devices(eve).await.unwrap(), devices[2..]);
}

pub async fn a_session_is_swapped_only_from_what_it_is(at: &impl Setting) {
    let engines = at.open().await;
    let first = session_of(user());
    engines.store.create_session(&first).await.unwrap();
    let swaps = (0..20).map(|n| {
        let (store, before) = (engines.store.clone(), first.clone());
        tokio::spawn(async move {
            let after = Session { generation: 2, rotated_at: Timestamp(n), ..before.clone() };
            store.swap_session(&before, &after).await.unwrap().then_some(after)
        })
    });
    let mut winners = Vec::new();
    for swap in swaps.collect::<Vec<_>>() {
        winners.extend(swap.await.unwrap());
    }
    assert_eq!(winners.len(), 1);
    engines.store.create_session(&first).await.unwrap();
    let now = engines.store.sessions(&[SessionId(fresh()), first.session_id]).await.unwrap();
    assert_eq!(now, [None, winners.pop()], "making it again does not put it back");
}

pub async fn an_ended_session_never_comes_back(at: &impl Setting) {
    let engines = at.open().await;
    let (first, second) = (session_of(user()), session_of(user()));
    let second = Session { user_id: first.user_id, ..second };
    for session in [&first, &second] {
        engines.store.create_session(session).await.unwrap();
    }
    assert_eq!(engines.store.sessions_of(first.user_id).await.unwrap().len(), 2);
    let ended = Session { ended_at: Some(Timestamp(5)), ..first.clone() };
    assert!(engines.store.swap_session(&first, &ended).await.unwrap());
    assert!(!engines.store.swap_session(&ended, &first).await.unwrap());
    engines.store.create_session(&first).await.unwrap();
    assert_eq!(engines.store.sessions(&[first.session_id]).await.unwrap(), [Some(ended)]);
    assert_eq!(engines.store.sessions_of(first.user_id).await.unwrap(), [second]);
}

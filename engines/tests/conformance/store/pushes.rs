//! Push tokens, and how far users were notified.

use crate::conformance::{
    Setting,
    words::{conversation, fresh, user},
};
use parlor_engines::store::{PushToken, Pushed};
use parlor_schemas::DeviceId;

pub async fn a_device_has_one_token_and_a_dead_one_takes_no_other_away(at: &impl Setting) {
    let engines = at.open().await;
    let store = &*engines.store;
    let (ann, phone, tablet) = (user(), DeviceId(fresh()), DeviceId(fresh()));
    let token = |device_id, token: &str| PushToken {
        user_id: ann,
        device_id,
        platform: "fcm".into(),
        token: token.into(),
    };
    for one in [token(phone, "old"), token(tablet, "other"), token(phone, "new")] {
        store.put_token(&one).await.unwrap();
    }
    let mut both = vec![token(phone, "new"), token(tablet, "other")];
    both.sort_by_key(|token| token.device_id);
    let of = async || {
        let mut tokens = store.tokens(&[user(), ann]).await.unwrap();
        assert_eq!(tokens[0], []);
        tokens.pop().unwrap()
    };
    assert_eq!(of().await, both);
    store.drop_token(&token(phone, "old")).await.unwrap();
    assert_eq!(of().await, both, "another one is dead");
    store.drop_token(&token(phone, "new")).await.unwrap();
    assert_eq!(of().await, [token(tablet, "other")]);
    store.put_token(&token(phone, "new")).await.unwrap();
    assert_eq!(of().await, both, "given again");
    store.delete_tokens(ann, phone).await.unwrap();
    store.delete_tokens(ann, tablet).await.unwrap();
    assert_eq!(of().await, []);
}

pub async fn how_far_users_were_notified_only_rises(at: &impl Setting) {
    let engines = at.open().await;
    let store = &*engines.store;
    let (ann, id, other) = (user(), conversation(), conversation());
    let pushed = |notified_seq, cancelled_seq| Pushed { notified_seq, cancelled_seq };
    for one in [pushed(7, 0), pushed(0, 5), pushed(3, 2)] {
        store.raise_pushed(vec![(ann, id, one)]).await.unwrap();
    }
    let now = store.pushed(&[(ann, other), (ann, id), (user(), id)]).await.unwrap();
    assert_eq!(now, [pushed(0, 0), pushed(7, 5), pushed(0, 0)]);
    assert!(now[1].is_cancelled_by(7) && !now[1].is_cancelled_by(6) && !now[0].is_cancelled_by(9));
}

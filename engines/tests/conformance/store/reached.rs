//! When marks were made.

use crate::conformance::{
    Setting,
    words::{conversation, receipt, user},
};
use parlor_engines::store::Reached;
use parlor_schemas::{Receipt, Timestamp};

pub async fn who_reached_a_record_and_when(at: &impl Setting) {
    let engines = at.open().await;
    let store = &*engines.store;
    let (id, ann, bob, cid) = (conversation(), user(), user(), user());
    let mark =
        |user, delivered, read, time| Receipt { at: Timestamp(time), ..receipt(id, user, delivered, read) };
    let all = vec![
        mark(ann, 17, 0, 100),
        mark(ann, 30, 30, 300),
        // From another device, late, and the same as before once more.
        mark(ann, 25, 20, 400),
        mark(ann, 17, 0, 500),
        mark(bob, 16, 16, 100),
        mark(cid, 0, 40, 900),
    ];
    for receipts in [all.clone(), all] {
        store.raise(receipts).await.unwrap();
    }
    let (reached, at) =
        (store.reached(id, 17, &[ann, bob, user(), cid]).await.unwrap(), |ms| Some(Timestamp(ms)));
    let of_ann = Reached { delivered_at: at(100), read_at: at(300) };
    let of_cid = Reached { delivered_at: at(900), read_at: at(900) };
    assert_eq!(reached, [of_ann, Reached::default(), Reached::default(), of_cid]);
    let exactly = store.reached(id, 16, &[bob]).await.unwrap();
    assert_eq!(exactly, [Reached { delivered_at: at(100), read_at: at(100) }]);
    assert_eq!(store.reached(id, 41, &[ann, cid]).await.unwrap(), [Reached::default(); 2]);
}

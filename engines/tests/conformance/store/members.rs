//! Conversations and who is in them.

use crate::conformance::{
    Setting,
    words::{conversation, membership, user},
};
use parlor_engines::store::Effect;
use parlor_schemas::Membership;

pub async fn the_larger_seq_wins(at: &impl Setting) {
    let engines = at.open().await;
    let store = &*engines.store;
    let (id, member) = (conversation(), user());
    let left = Membership { left_seq: Some(7), ..membership(id, member, 7) };
    for effect in [membership(id, member, 3), left, membership(id, member, 5)] {
        store.write(0, vec![Effect::Membership(effect)], 1).await.unwrap();
    }
    let of = [(id, member), (id, user())];
    assert_eq!(store.memberships(&of).await.unwrap(), [Some(left), None]);
    assert_eq!(store.of_user(member, None, 9).await.unwrap(), [left]);
    assert_eq!(store.of_conversation(id, None, 9).await.unwrap(), [left]);
    assert_eq!(store.infos(&[id]).await.unwrap(), [None]);
    assert_eq!(store.heads(&[id]).await.unwrap(), [None]);
}

pub async fn pages_of_a_user_go_down_and_those_of_a_conversation_up(at: &impl Setting) {
    let engines = at.open().await;
    let store = &*engines.store;
    let mut ids: Vec<_> = (0..7).map(|_| conversation()).collect();
    let mut users: Vec<_> = (0..7).map(|_| user()).collect();
    let all =
        ids.iter().flat_map(|id| users.iter().map(|user| Effect::Membership(membership(*id, *user, 1))));
    store.write(0, all.collect(), 1).await.unwrap();
    ids.sort_by(|a, b| b.cmp(a));
    users.sort();
    let (mut pages, mut before) = (Vec::new(), None);
    while let page = store.of_user(users[3], before, 3).await.unwrap()
        && let Some(last) = page.last()
    {
        assert!(page.iter().all(|membership| membership.user_id == users[3]));
        before = Some(last.conversation_id);
        pages.extend(page.iter().map(|membership| membership.conversation_id));
    }
    assert_eq!(pages, ids);
    let (mut pages, mut after) = (Vec::new(), None);
    while let page = store.of_conversation(ids[3], after, 3).await.unwrap()
        && let Some(last) = page.last()
    {
        after = Some(last.user_id);
        pages.extend(page.iter().map(|membership| membership.user_id));
    }
    assert_eq!(pages, users);
}

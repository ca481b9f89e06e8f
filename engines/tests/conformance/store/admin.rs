//! Account states, the audit book, names that change hands, media rows.

use super::accounts::{name_of, named};
use crate::conformance::{
    Setting,
    words::{conversation, fresh, user},
};
use parlor_engines::{
    Clock,
    store::{AccountState, AuditEntry, Effect, MediaRow, Reference, StateChange},
};
use parlor_schemas::{AuditId, ConversationId, MediaId, Timestamp};
use std::collections::BTreeSet;
use uuid::{Builder, Uuid};

pub async fn states_change_part_by_part(at: &impl Setting) {
    let engines = at.open().await;
    let (ada, eve) = (user(), user());
    for change in [
        StateChange::Admin(true),
        StateChange::Banned(Some(Timestamp(5))),
        StateChange::Deleted(Timestamp(7)),
        StateChange::Admin(false),
        StateChange::Banned(None),
        StateChange::Banned(Some(Timestamp(9))),
    ] {
        engines.store.change_state(ada, change).await.unwrap();
    }
    let expected =
        AccountState { is_admin: false, banned_at: Some(Timestamp(9)), deleted_at: Some(Timestamp(7)) };
    let states = engines.store.account_states(&[eve, ada]).await.unwrap();
    assert_eq!(states, [AccountState::default(), expected]);
    engines.store.change_state(ada, StateChange::Banned(None)).await.unwrap();
    let states = engines.store.account_states(&[ada]).await.unwrap();
    assert_eq!(states, [AccountState { banned_at: None, ..expected }]);
}

pub async fn the_audit_book_is_read_backwards(at: &impl Setting) {
    let engines = at.open().await;
    let now = at.clock().now().0;
    let actor = user();
    let mut entries = Vec::new();
    // Over three years.
    for n in 0..9_i64 {
        let at = now - n * 8_000_000_000;
        let id =
            Builder::from_unix_timestamp_millis(at as u64, &fresh().into_bytes()[6..].try_into().unwrap());
        let entry = AuditEntry {
            audit_id: AuditId(id.into_uuid()),
            at: Timestamp(at),
            actor_id: (n % 2 == 0).then_some(actor),
            action: "banned".into(),
            target: actor.to_string(),
        };
        for _ in 0..2 {
            engines.store.put_audit(&entry).await.unwrap();
        }
        entries.push(entry);
    }
    let own = |page: Vec<AuditEntry>| -> Vec<AuditEntry> {
        page.into_iter().filter(|entry| entry.target == actor.to_string()).collect()
    };
    assert_eq!(own(engines.store.audits(None, 1_000).await.unwrap()), entries);
    let rest = engines.store.audits(Some(entries[3].audit_id), 1_000).await.unwrap();
    assert_eq!(own(rest), entries[4..]);
    assert_eq!(engines.store.audits(None, 2).await.unwrap().len(), 2);
}

pub async fn all_users_are_listed_once(at: &impl Setting) {
    let engines = at.open().await;
    let mut made = BTreeSet::new();
    for _ in 0..7 {
        let user = named(&name_of("list"));
        engines.store.create_user(&user).await.unwrap();
        made.insert(user.user_id);
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = engines.store.users_after(after, 3).await.unwrap();
        seen.extend(page.into_iter().map(|user| user.user_id).filter(|id| made.contains(id)));
        if next.is_none() {
            break;
        }
        after = next;
    }
    assert_eq!(seen.len(), made.len());
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), made);
}

pub async fn a_name_changes_hands_once(at: &impl Setting) {
    let engines = at.open().await;
    let old = named(&name_of("old"));
    engines.store.create_user(&old).await.unwrap();
    let tries = (0..20).map(|_| {
        let (store, old) = (engines.store.clone(), old.clone());
        tokio::spawn(async move {
            let user = named(&old.username);
            store.replace_user(old.user_id, &user).await.unwrap().then_some(user)
        })
    });
    let mut winners = Vec::new();
    for made in tries.collect::<Vec<_>>() {
        winners.extend(made.await.unwrap());
    }
    assert_eq!(winners.len(), 1);
    assert!(engines.store.replace_user(old.user_id, &winners[0]).await.unwrap(), "a retry of the winner");
    assert_eq!(engines.store.user_by_name(&old.username).await.unwrap().as_ref(), winners.first());
    assert_eq!(engines.store.users(&[old.user_id]).await.unwrap(), [Some(old)], "its row stays");
    assert!(!engines.store.replace_user(user(), &named(&winners[0].username)).await.unwrap());
}

pub async fn media_rows_and_references_stay(at: &impl Setting) {
    let engines = at.open().await;
    let row = MediaRow {
        media_id: MediaId(fresh()),
        owner_id: user(),
        name: "a \"näme\"".into(),
        content_type: "image/png".into(),
        size: 1 << 40,
        sha256: [7; 32],
        created_at: Timestamp(5),
    };
    engines.store.put_media(&row).await.unwrap();
    let media = engines.store.media(&[MediaId(fresh()), row.media_id]).await.unwrap();
    assert_eq!(media, [None, Some(row.clone())]);
    // Ids that no engine's own order of UUIDs would sort like their bytes.
    let low = ConversationId(Uuid::from_u128(0x1000_0000_0000_5000_8000_0000_0000_0000));
    let high = ConversationId(Uuid::from_u128(0xF000_0000_0000_1000_8000_0000_0000_0000));
    let reference = |conversation_id, seq| Reference { conversation_id, seq };
    let expected = [reference(low, 0), reference(low, 3), reference(low, 20), reference(high, 1)];
    for n in [3, 0] {
        engines.store.put_reference(row.media_id, expected[n]).await.unwrap();
    }
    let partition = (fresh().as_u128() % 1_000_000) as u32 + 1_000;
    for _ in 0..2 {
        let effects = [2, 1]
            .map(|n: usize| Effect::Reference(row.media_id, expected[n].conversation_id, expected[n].seq));
        engines.store.write(partition, effects.to_vec(), 1).await.unwrap();
    }
    assert_eq!(engines.store.references(row.media_id, None, 10).await.unwrap(), expected);
    let page = engines.store.references(row.media_id, Some(expected[0]), 2).await.unwrap();
    assert_eq!(page, expected[1..3]);
    let other = engines.store.references(MediaId(fresh()), Some(reference(conversation(), 1)), 2).await;
    assert_eq!(other.unwrap(), []);
}

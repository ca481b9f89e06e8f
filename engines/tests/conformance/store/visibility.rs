//! Privacy and last seen.

use crate::conformance::{Setting, words::user};
use parlor_schemas::{LastSeenTo, Privacy, PrivacyChange, Timestamp};

pub async fn privacy_has_defaults_and_changes_by_part(at: &impl Setting) {
    let engines = at.open().await;
    let (ada, eve) = (user(), user());
    let default = Privacy { last_seen_to: LastSeenTo::Contacts, read_receipts: true };
    assert_eq!(engines.store.privacies(&[ada, eve]).await.unwrap(), [default, default]);
    let quiet = PrivacyChange { read_receipts: Some(false), ..PrivacyChange::default() };
    let hidden = PrivacyChange { last_seen_to: Some(LastSeenTo::Nobody), ..PrivacyChange::default() };
    // Two devices at once do not undo each other's.
    let (one, other) =
        tokio::join!(engines.store.change_privacy(ada, quiet), engines.store.change_privacy(ada, hidden));
    one.unwrap();
    other.unwrap();
    let both = Privacy { last_seen_to: LastSeenTo::Nobody, read_receipts: false };
    assert_eq!(engines.store.privacies(&[eve, ada]).await.unwrap(), [default, both]);
    let open = PrivacyChange { last_seen_to: Some(LastSeenTo::Everyone), read_receipts: Some(true) };
    engines.store.change_privacy(ada, open).await.unwrap();
    engines.store.change_privacy(ada, PrivacyChange::default()).await.unwrap();
    engines.close().await;
    let engines = at.open().await;
    let open = Privacy { last_seen_to: LastSeenTo::Everyone, read_receipts: true };
    assert_eq!(engines.store.privacies(&[ada]).await.unwrap(), [open]);
}

pub async fn last_seen_only_rises(at: &impl Setting) {
    let engines = at.open().await;
    let (ada, eve) = (user(), user());
    let seen = [(ada, Timestamp(1_800_000_000_000)), (eve, Timestamp(1_800_000_000_001))];
    engines.store.raise_seen(&seen).await.unwrap();
    engines.store.raise_seen(&[(ada, Timestamp(1_700_000_000_000))]).await.unwrap();
    engines.store.raise_seen(&[(eve, Timestamp(1_800_000_000_777))]).await.unwrap();
    engines.close().await;
    let engines = at.open().await;
    assert_eq!(
        engines.store.last_seen(&[eve, user(), ada]).await.unwrap(),
        [Some(Timestamp(1_800_000_000_777)), None, Some(Timestamp(1_800_000_000_000))]
    );
}

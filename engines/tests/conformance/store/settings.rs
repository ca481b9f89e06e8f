//! Users' own settings.

use crate::conformance::{
    Setting,
    words::{conversation, user},
};
use parlor_engines::store::{OwnSettings, SettingsChange};
use parlor_schemas::Timestamp;

pub async fn a_setting_changes_alone_and_can_be_cleared(at: &impl Setting) {
    let engines = at.open().await;
    let store = &*engines.store;
    let (ann, bob, id) = (user(), user(), conversation());
    let set = |change: SettingsChange| async move { store.change_settings(ann, id, &change).await.unwrap() };
    set(SettingsChange {
        muted_until: Some(Timestamp(77)),
        draft: Some("hello".into()),
        ..SettingsChange::default()
    })
    .await;
    set(SettingsChange { archived: Some(true), pinned: Some(true), ..SettingsChange::default() }).await;
    set(SettingsChange { pinned: Some(false), marked_unread: Some(true), ..SettingsChange::default() }).await;
    let all = OwnSettings {
        muted_until: Some(Timestamp(77)),
        archived: true,
        pinned: false,
        draft: Some("hello".into()),
        marked_unread: true,
    };
    let of = [(bob, id), (ann, id), (ann, conversation())];
    let none = OwnSettings::default;
    assert_eq!(store.settings(&of).await.unwrap(), [none(), all.clone(), none()]);
    let cleared = SettingsChange {
        muted_until: Some(Timestamp(0)),
        draft: Some(String::new()),
        ..SettingsChange::default()
    };
    set(cleared).await;
    engines.close().await;
    let engines = at.open().await;
    let kept = OwnSettings { muted_until: None, draft: None, ..all };
    assert_eq!(engines.store.settings(&[(ann, id)]).await.unwrap(), [kept], "after a restart");
}

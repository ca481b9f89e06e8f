//! Users' own settings.

use super::{EmbeddedStore, encode, pending_row};
use crate::{
    embedded::{keys, queue::OVERHEAD, tables::Table},
    store::{OwnSettings, SettingsChange, StoreError, UserSettings},
};
use async_trait::async_trait;
use parlor_schemas::{ConversationId, UserId};

#[async_trait]
impl UserSettings for EmbeddedStore {
    async fn change_settings(
        &self,
        user: UserId,
        conversation: ConversationId,
        change: &SettingsChange,
    ) -> Result<(), StoreError> {
        let (key, change) = (keys::by_user(user, conversation), change.clone());
        let weight = OVERHEAD + change.draft.as_ref().map_or(0, String::len);
        self.change(weight, move |pending| {
            let mut row: OwnSettings = pending_row(pending, Table::UserSettings, &key)?.unwrap_or_default();
            if let Some(until) = change.muted_until {
                row.muted_until = Some(until).filter(|until| until.0 > 0);
            }
            if let Some(draft) = change.draft {
                row.draft = Some(draft).filter(|draft| !draft.is_empty());
            }
            row.archived = change.archived.unwrap_or(row.archived);
            row.pinned = change.pinned.unwrap_or(row.pinned);
            row.marked_unread = change.marked_unread.unwrap_or(row.marked_unread);
            pending.put(Table::UserSettings, key, encode(&row));
            Ok(())
        })
        .await
    }

    async fn settings(&self, of: &[(UserId, ConversationId)]) -> Result<Vec<OwnSettings>, StoreError> {
        let of = of.to_vec();
        self.read(move |view| {
            let keys = of.iter().map(|(user, conversation)| keys::by_user(*user, *conversation));
            let rows = view.pick::<OwnSettings>(Table::UserSettings, keys)?;
            Ok(rows.into_iter().map(Option::unwrap_or_default).collect())
        })
        .await
    }
}

//! Users' own settings. Each field is a column with a write time of its own, so that changes of
//! different fields never meet.

use super::{CassandraStore, rows};
use crate::store::{OwnSettings, SettingsChange, StoreError, UserSettings};
use async_trait::async_trait;
use parlor_schemas::{ConversationId, Timestamp, UserId};
use scylla::{
    DeserializeRow,
    value::{CqlTimestamp, MaybeUnset},
};

#[async_trait]
impl UserSettings for CassandraStore {
    async fn change_settings(
        &self,
        user: UserId,
        conversation: ConversationId,
        change: &SettingsChange,
    ) -> Result<(), StoreError> {
        let values = (
            user.0,
            conversation.0,
            MaybeUnset::from_option(change.muted_until.map(rows::time)),
            MaybeUnset::from_option(change.archived),
            MaybeUnset::from_option(change.pinned),
            MaybeUnset::from_option(change.draft.as_deref()),
            MaybeUnset::from_option(change.marked_unread),
            self.stamps.next(),
        );
        self.put("put settings", &self.statements.put_settings, values).await
    }

    async fn settings(&self, of: &[(UserId, ConversationId)]) -> Result<Vec<OwnSettings>, StoreError> {
        let one = async |(user, conversation): &(UserId, ConversationId)| {
            let values = (user.0, conversation.0);
            let row = self.requests.row::<SettingsRow>("read settings", &self.statements.settings, values);
            Ok(row.await?.map_or_else(OwnSettings::default, SettingsRow::settings))
        };
        self.requests.each(of, one).await
    }
}

/// `user_settings`, without the key.
#[derive(DeserializeRow)]
struct SettingsRow {
    muted_until: Option<CqlTimestamp>,
    archived: Option<bool>,
    pinned: Option<bool>,
    draft: Option<String>,
    marked_unread: Option<bool>,
}

impl SettingsRow {
    fn settings(self) -> OwnSettings {
        OwnSettings {
            muted_until: self.muted_until.map(|at| Timestamp(at.0)).filter(|at| at.0 > 0),
            archived: self.archived.unwrap_or_default(),
            pinned: self.pinned.unwrap_or_default(),
            draft: self.draft.filter(|draft| !draft.is_empty()),
            marked_unread: self.marked_unread.unwrap_or_default(),
        }
    }
}

//! What users set for themselves in their conversations: written by the gateway.

use super::StoreError;
use async_trait::async_trait;
use parlor_schemas::{ConversationId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// One user's own settings of one conversation (PROTOCOL §4).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct OwnSettings {
    /// No push before it, but for mentions.
    pub muted_until: Option<Timestamp>,
    pub archived: bool,
    pub pinned: bool,
    /// An unsent text.
    pub draft: Option<String>,
    /// The user wants to see it as unread; marks never go back (PROTOCOL §3).
    pub marked_unread: bool,
}

/// A change of them: `None` stays, time 0 and the empty text clear.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct SettingsChange {
    pub muted_until: Option<Timestamp>,
    pub archived: Option<bool>,
    pub pinned: Option<bool>,
    pub draft: Option<String>,
    pub marked_unread: Option<bool>,
}

/// Users' own settings.
#[async_trait]
pub trait UserSettings: Send + Sync + 'static {
    /// Changes the given fields, each on its own: of two changes of the same field the later call's
    /// stays, changes of others do not meet.
    async fn change_settings(
        &self,
        user: UserId,
        conversation: ConversationId,
        change: &SettingsChange,
    ) -> Result<(), StoreError>;

    /// Settings, in the order asked; the defaults where none were set.
    async fn settings(&self, of: &[(UserId, ConversationId)]) -> Result<Vec<OwnSettings>, StoreError>;
}

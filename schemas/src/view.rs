//! A conversation as its member sees it (PROTOCOL §4): the body of REST's answers and of the
//! `conversation` frame.

use crate::{
    ids::{ConversationId, MediaId},
    record::{ConversationKind, HistoryRule, Role},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The view.
#[allow(clippy::struct_excessive_bools, reason = "the wire has them")]
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[allow(missing_docs)]
pub struct ConversationView {
    pub conversation_id: ConversationId,
    pub kind: ConversationKind,
    pub title: Option<String>,
    pub avatar_media_id: Option<MediaId>,
    pub history: HistoryRule,
    pub role: Role,
    pub members_count: u64,
    pub head_seq: u64,
    pub head_ord: u64,
    pub read_seq: u64,
    pub unread: u64,
    pub floor: u64,
    pub epoch: String,
    /// The newest message, folded.
    #[schema(value_type = Option<Object>)]
    pub last_message: Option<Box<RawValue>>,
    /// Of the head.
    pub at: Timestamp,
    /// The own settings from here on.
    pub muted_until: Option<Timestamp>,
    pub archived: bool,
    pub pinned: bool,
    pub draft: Option<String>,
    pub marked_unread: bool,
    pub left: bool,
}

/// What a `conversation` frame tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationChange {
    /// The receiver is in it now.
    Joined,
    /// The receiver is no longer in it.
    Left,
    /// What is shared changed, or the receiver's role.
    Changed,
    /// The receiver's own settings changed, on another device.
    Settings,
}

/// The `conversation` of a frame: the view, or the id alone for "left".
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum ConversationShown<'a> {
    /// As it is now.
    View(&'a ConversationView),
    /// What is left of it.
    Gone {
        /// Which one.
        conversation_id: ConversationId,
    },
}

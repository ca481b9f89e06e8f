//! Push jobs: `chat.push.v1`, keyed by user.

use crate::{
    ids::{ConversationId, UserId},
    time::Timestamp,
};
use uuid::Uuid;

/// What a push job asks the provider to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushAction {
    /// Show a notification; a later one of the same conversation replaces it.
    Notify,
    /// Take it away: the user read it.
    Cancel,
}

/// One job for one user.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct PushJob {
    /// UUIDv5 of (user, conversation, seq, action): the same job planned twice has the same id.
    pub job_id: Uuid,
    pub user_id: UserId,
    /// Also the collapse key: one notification per conversation.
    pub conversation_id: ConversationId,
    pub action: PushAction,
    /// The record that called for it, or the read mark that cancels it.
    pub seq: u64,
    /// The message's sender; the cancelling user itself for `Cancel`.
    pub sender_id: UserId,
    pub at: Timestamp,
    /// A message since the last acknowledged one mentions the user.
    pub mention: bool,
}

impl PushJob {
    /// The job's id.
    pub fn id(user: UserId, conversation: ConversationId, seq: u64, action: PushAction) -> Uuid {
        let mut name = [0; 41];
        name[..16].copy_from_slice(user.as_bytes());
        name[16..32].copy_from_slice(conversation.as_bytes());
        name[32..40].copy_from_slice(&seq.to_be_bytes());
        name[40] = action as u8;
        Uuid::new_v5(&Uuid::NAMESPACE_OID, &name)
    }
}

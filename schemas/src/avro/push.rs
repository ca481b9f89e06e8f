//! `chat.push.v1`, field by field.

use crate::{
    ids::{ConversationId, UserId},
    push::{PushAction, PushJob},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A push job, flat.
#[derive(Serialize, Deserialize)]
#[serde(rename = "PushJob")]
pub(super) struct Flat {
    job_id: Uuid,
    user_id: UserId,
    conversation_id: ConversationId,
    action: PushAction,
    seq: i64,
    sender_id: UserId,
    at: i64,
    mention: bool,
}

impl From<&PushJob> for Flat {
    fn from(job: &PushJob) -> Self {
        Self {
            job_id: job.job_id,
            user_id: job.user_id,
            conversation_id: job.conversation_id,
            action: job.action,
            seq: job.seq as i64,
            sender_id: job.sender_id,
            at: job.at.0,
            mention: job.mention,
        }
    }
}

impl From<Flat> for PushJob {
    fn from(flat: Flat) -> Self {
        Self {
            job_id: flat.job_id,
            user_id: flat.user_id,
            conversation_id: flat.conversation_id,
            action: flat.action,
            seq: flat.seq as u64,
            sender_id: flat.sender_id,
            at: Timestamp(flat.at),
            mention: flat.mention,
        }
    }
}

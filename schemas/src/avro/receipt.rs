//! `chat.receipts.v1`, field by field.

use crate::{
    ids::{ConversationId, DeviceId, UserId},
    receipt::Receipt,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A receipt, flat.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Receipt")]
pub(super) struct Flat {
    conversation_id: ConversationId,
    user_id: UserId,
    device_id: DeviceId,
    delivered_seq: i64,
    read_seq: i64,
    read_ord: i64,
    at: i64,
}

impl From<&Receipt> for Flat {
    fn from(receipt: &Receipt) -> Self {
        Self {
            conversation_id: receipt.conversation_id,
            user_id: receipt.user_id,
            device_id: receipt.device_id,
            delivered_seq: receipt.delivered_seq as i64,
            read_seq: receipt.read_seq as i64,
            read_ord: receipt.read_ord as i64,
            at: receipt.at.0,
        }
    }
}

impl From<Flat> for Receipt {
    fn from(flat: Flat) -> Self {
        Self {
            conversation_id: flat.conversation_id,
            user_id: flat.user_id,
            device_id: flat.device_id,
            delivered_seq: flat.delivered_seq as u64,
            read_seq: flat.read_seq as u64,
            read_ord: flat.read_ord as u64,
            at: Timestamp(flat.at),
        }
    }
}

//! Where pushes go, and how far each user was notified: written by the gateway (tokens) and by the
//! pusher.

use super::StoreError;
use async_trait::async_trait;
use parlor_schemas::{ConversationId, DeviceId, UserId};
use serde::{Deserialize, Serialize};

/// What a device is reached by, as its platform gave it out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PushToken {
    pub user_id: UserId,
    pub device_id: DeviceId,
    /// The client's word ("fcm", "apns", "web"), passed on to the provider.
    pub platform: String,
    pub token: String,
}

/// How far a user was notified of a conversation; each keeps its maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Pushed {
    /// The newest record that a notification was sent for.
    pub notified_seq: u64,
    /// Notifications up to here were taken away again.
    pub cancelled_seq: u64,
}

impl Pushed {
    /// The larger of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            notified_seq: self.notified_seq.max(other.notified_seq),
            cancelled_seq: self.cancelled_seq.max(other.cancelled_seq),
        }
    }

    /// Whether a notification is shown that a read mark up to `seq` takes away.
    pub fn is_cancelled_by(&self, seq: u64) -> bool {
        self.notified_seq > self.cancelled_seq && seq >= self.notified_seq
    }
}

/// Push tokens and notifications.
#[async_trait]
pub trait Pushes: Send + Sync + 'static {
    /// Gives a device its token in place of any before it.
    async fn put_token(&self, token: &PushToken) -> Result<(), StoreError>;

    /// Takes a device's tokens away.
    async fn delete_tokens(&self, user: UserId, device: DeviceId) -> Result<(), StoreError>;

    /// Takes this very token away (it is dead); one that the device was given since stays.
    async fn drop_token(&self, token: &PushToken) -> Result<(), StoreError>;

    /// The tokens of each user's devices, in the order asked.
    async fn tokens(&self, of: &[UserId]) -> Result<Vec<Vec<PushToken>>, StoreError>;

    /// Raises how far users were notified.
    async fn raise_pushed(&self, of: Vec<(UserId, ConversationId, Pushed)>) -> Result<(), StoreError>;

    /// How far users were notified, in the order asked.
    async fn pushed(&self, of: &[(UserId, ConversationId)]) -> Result<Vec<Pushed>, StoreError>;
}

//! What others see of a user: the own choices, and when the user was last seen. Written by the
//! gateway.

use super::StoreError;
use async_trait::async_trait;
use parlor_schemas::{Privacy, PrivacyChange, Timestamp, UserId};

/// Privacy and last seen.
#[async_trait]
pub trait Visibility: Send + Sync + 'static {
    /// Changes a user's choices; parts that are `None` stay as they are.
    async fn change_privacy(&self, user: UserId, change: PrivacyChange) -> Result<(), StoreError>;

    /// Choices, in the order asked; the defaults where nothing was ever chosen.
    async fn privacies(&self, of: &[UserId]) -> Result<Vec<Privacy>, StoreError>;

    /// Writes when users were last seen; the latest time stays.
    async fn raise_seen(&self, seen: &[(UserId, Timestamp)]) -> Result<(), StoreError>;

    /// When users were last seen, in the order asked; `None`: never. Kept for ever.
    async fn last_seen(&self, of: &[UserId]) -> Result<Vec<Option<Timestamp>>, StoreError>;
}

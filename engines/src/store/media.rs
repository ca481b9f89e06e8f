//! What media are, and which messages refer to them.

use super::StoreError;
use async_trait::async_trait;
use parlor_schemas::{ConversationId, MediaId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// An object as its owner announced it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct MediaRow {
    pub media_id: MediaId,
    pub owner_id: UserId,
    pub name: String,
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    pub sha256: [u8; 32],
    pub created_at: Timestamp,
}

/// Which record refers to an object. `seq` 0: somebody was about to send it to this conversation,
/// and the record may have come meanwhile without being here yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Reference {
    pub conversation_id: ConversationId,
    pub seq: u64,
}

/// Media rows: written by gateways, references also by the persister.
#[async_trait]
pub trait MediaRows: Send + Sync + 'static {
    /// Announces an object; its row never changes.
    async fn put_media(&self, row: &MediaRow) -> Result<(), StoreError>;

    /// Rows, in the order asked.
    async fn media(&self, of: &[MediaId]) -> Result<Vec<Option<MediaRow>>, StoreError>;

    /// Notes that an object is about to be referred to in a conversation.
    async fn put_reference(&self, media: MediaId, reference: Reference) -> Result<(), StoreError>;

    /// References to an object, ascending, above `after`.
    async fn references(
        &self,
        media: MediaId,
        after: Option<Reference>,
        limit: usize,
    ) -> Result<Vec<Reference>, StoreError>;
}

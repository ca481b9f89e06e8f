//! Media rows and references.

use super::{
    CassandraStore,
    batches::{Place, Write},
    failure::Failure,
    rows,
};
use crate::store::{MediaRow, MediaRows, Reference, StoreError};
use async_trait::async_trait;
use parlor_schemas::{ConversationId, MediaId, Timestamp, UserId};
use scylla::{DeserializeRow, value::CqlTimestamp};
use uuid::Uuid;

#[async_trait]
impl MediaRows for CassandraStore {
    async fn put_media(&self, row: &MediaRow) -> Result<(), StoreError> {
        let values = (
            row.media_id.0,
            row.owner_id.0,
            &row.name,
            &row.content_type,
            row.size as i64,
            row.sha256.as_slice(),
            rows::time(row.created_at),
            row.created_at.0.saturating_mul(1_000),
        );
        self.put("put media", &self.statements.put_media, values).await
    }

    async fn media(&self, of: &[MediaId]) -> Result<Vec<Option<MediaRow>>, StoreError> {
        let one = async |id: &MediaId| {
            let row = self.requests.row::<Row>("read media", &self.statements.media, (id.0,)).await?;
            row.map(|row| Ok(row.media(*id)?)).transpose()
        };
        self.requests.each(of, one).await
    }

    async fn put_reference(&self, media: MediaId, reference: Reference) -> Result<(), StoreError> {
        let values = (media.0, &reference.conversation_id.as_bytes()[..], reference.seq as i64, 1_i64);
        self.put("put reference", &self.statements.put_reference, values).await
    }

    async fn references(
        &self,
        media: MediaId,
        after: Option<Reference>,
        limit: usize,
    ) -> Result<Vec<Reference>, StoreError> {
        let (conversation, seq): (&[u8], i64) = match &after {
            Some(after) => (after.conversation_id.as_bytes(), after.seq as i64),
            // Below every id.
            None => (&[], 0),
        };
        let values = (media.0, conversation, seq, i32::try_from(limit).unwrap_or(i32::MAX));
        let found: Vec<(Vec<u8>, i64)> =
            self.requests.rows("read references", &self.statements.references, values).await?;
        let one = |(id, seq): (Vec<u8>, i64)| {
            let conversation_id = ConversationId(rows::of_bytes(&id)?);
            Ok(Reference { conversation_id, seq: seq as u64 })
        };
        found.into_iter().map(one).collect()
    }
}

impl CassandraStore {
    /// A reference as one of the persister's writes.
    pub(super) fn reference(&self, media: MediaId, reference: Reference) -> Write<'_> {
        let values = (media.0, reference.conversation_id.as_bytes().to_vec(), reference.seq as i64, 1_i64);
        Write::new(Place::References(media.0), &self.statements.put_reference, values)
    }
}

/// `media`
#[derive(DeserializeRow)]
struct Row {
    owner_id: Uuid,
    name: String,
    content_type: String,
    size: i64,
    sha256: Vec<u8>,
    created_at: CqlTimestamp,
}

impl Row {
    fn media(self, media_id: MediaId) -> Result<MediaRow, Failure> {
        Ok(MediaRow {
            media_id,
            owner_id: UserId(self.owner_id),
            name: self.name,
            content_type: self.content_type,
            size: self.size as u64,
            sha256: self.sha256.as_slice().try_into().map_err(Failure::unreadable)?,
            created_at: Timestamp(self.created_at.0),
        })
    }
}

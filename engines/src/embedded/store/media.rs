//! Media rows and references.

use super::{EmbeddedStore, encode, values};
use crate::{
    embedded::{keys, pending::Pending, queue::OVERHEAD, tables::Table},
    store::{MediaRow, MediaRows, Reference, StoreError},
};
use async_trait::async_trait;
use parlor_schemas::MediaId;
use std::ops::Bound;

#[async_trait]
impl MediaRows for EmbeddedStore {
    async fn put_media(&self, row: &MediaRow) -> Result<(), StoreError> {
        let (key, row) = (row.media_id.as_bytes().to_vec(), encode(row));
        self.change(OVERHEAD + row.len(), move |pending| {
            pending.put(Table::Media, key, row);
            Ok(())
        })
        .await
    }

    async fn media(&self, of: &[MediaId]) -> Result<Vec<Option<MediaRow>>, StoreError> {
        let of = of.to_vec();
        self.read(move |view| view.pick(Table::Media, of.iter().map(|id| id.as_bytes().to_vec()))).await
    }

    async fn put_reference(&self, media: MediaId, reference: Reference) -> Result<(), StoreError> {
        self.change(OVERHEAD, move |pending| {
            put_reference(pending, media, reference);
            Ok(())
        })
        .await
    }

    async fn references(
        &self,
        media: MediaId,
        after: Option<Reference>,
        limit: usize,
    ) -> Result<Vec<Reference>, StoreError> {
        let low = match after {
            Some(after) => Bound::Excluded(keys::media_reference(media, after.conversation_id, after.seq)),
            None => Bound::Included(media.as_bytes().to_vec()),
        };
        let high = Bound::Included([&media.as_bytes()[..], &[0xFF; 24]].concat());
        self.read(move |view| values(view.tables.range(Table::MediaReferences, (low, high)).take(limit)))
            .await
    }
}

/// Once there it stays.
pub(super) fn put_reference(pending: &mut Pending, media: MediaId, reference: Reference) {
    let key = keys::media_reference(media, reference.conversation_id, reference.seq);
    pending.put(Table::MediaReferences, key, encode(&reference));
}

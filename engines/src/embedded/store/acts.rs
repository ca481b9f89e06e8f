//! Edits, pins and reactions by what they act on.

use super::{EmbeddedStore, values};
use crate::{
    embedded::{keys, tables::Table},
    store::{ActRows, Acts, Edited, StoreError},
};
use async_trait::async_trait;
use parlor_schemas::ConversationId;

#[async_trait]
impl ActRows for EmbeddedStore {
    async fn acts(&self, conversation: ConversationId, first: u64, last: u64) -> Result<Acts, StoreError> {
        if first > last {
            return Ok(Acts::default());
        }
        self.read(move |view| {
            // Every key here begins with the target's.
            let of = |table| {
                let end = keys::message(conversation, last.saturating_add(1));
                view.tables.range(table, keys::message(conversation, first)..end)
            };
            let mut edits = Vec::new();
            for row in of(Table::MessageEdits) {
                edits.extend(keys::edit_of(&row?.0).map(|(target, seq)| Edited { target, seq }));
            }
            Ok(Acts { edits, pins: values(of(Table::Pins))?, reactions: values(of(Table::Reactions))? })
        })
        .await
    }
}

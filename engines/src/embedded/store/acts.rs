//! Edits, pins and reactions by what they act on.

use super::{EmbeddedStore, encode, pending_row, values};
use crate::{
    embedded::{failure::Failure, keys, pending::Pending, tables::Table},
    store::{ActRows, Acts, Edited, Pinned, Reacted, StoreError},
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

/// The later record's word stays.
pub(super) fn pin(
    pending: &mut Pending,
    conversation: ConversationId,
    pinned: &Pinned,
) -> Result<(), Failure> {
    let key = keys::message(conversation, pinned.target);
    let old: Option<Pinned> = pending_row(pending, Table::Pins, &key)?;
    if old.is_none_or(|old| old.seq < pinned.seq) {
        pending.put(Table::Pins, key, encode(pinned));
    }
    Ok(())
}

/// The later record's word stays.
pub(super) fn react(
    pending: &mut Pending,
    conversation: ConversationId,
    reacted: &Reacted,
) -> Result<(), Failure> {
    let key = keys::reaction(conversation, reacted.target, reacted.user_id, &reacted.emoji);
    let old: Option<Reacted> = pending_row(pending, Table::Reactions, &key)?;
    if old.is_none_or(|old| old.seq < reacted.seq) {
        pending.put(Table::Reactions, key, encode(reacted));
    }
    Ok(())
}

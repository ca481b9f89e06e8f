//! Delivered and read marks, and when each was made.

use super::{EmbeddedStore, View, effects};
use crate::{
    embedded::{failure::Failure, keys, pending::Pending, queue::OVERHEAD, tables::Table},
    store::{MarkStore, REACHED_LOOK, Reached, StoreError},
};
use async_trait::async_trait;
use parlor_schemas::{ConversationId, Receipt, Timestamp, UserId, receipt::Marks};

const DELIVERED: u8 = 0;
const READ: u8 = 1;

#[async_trait]
impl MarkStore for EmbeddedStore {
    async fn raise(&self, receipts: Vec<Receipt>) -> Result<(), StoreError> {
        let weight = OVERHEAD + receipts.len() * 3 * size_of::<Receipt>();
        self.change(weight, move |pending| {
            receipts.iter().try_for_each(|receipt| {
                log(pending, receipt)?;
                effects::raise(pending, receipt.conversation_id, receipt.user_id, Marks::of(receipt))
            })
        })
        .await
    }

    async fn stored_marks(&self, of: &[(ConversationId, UserId)]) -> Result<Vec<Marks>, StoreError> {
        let of = of.to_vec();
        self.read(move |view| {
            let keys = of.iter().map(|(conversation, user)| keys::participant(*conversation, *user));
            let marks = view.pick(Table::Receipts, keys)?;
            Ok(marks.into_iter().map(Option::unwrap_or_default).collect())
        })
        .await
    }

    async fn reached(
        &self,
        conversation: ConversationId,
        seq: u64,
        of: &[UserId],
    ) -> Result<Vec<Reached>, StoreError> {
        let of = of.to_vec();
        self.read(move |view| {
            let one = |user: &UserId| {
                let delivered_at = first_at(view, conversation, *user, DELIVERED, seq)?;
                let read_at = first_at(view, conversation, *user, READ, seq)?;
                let delivered_at = delivered_at.into_iter().chain(read_at).min();
                Ok(Reached { delivered_at, read_at })
            };
            of.iter().map(one).collect()
        })
        .await
    }
}

/// The earliest time of each mark stays.
fn log(pending: &mut Pending, receipt: &Receipt) -> Result<(), Failure> {
    let at = receipt.at.0 as u64;
    for (status, upto) in [(DELIVERED, receipt.delivered_seq), (READ, receipt.read_seq)] {
        let key = keys::mark(receipt.conversation_id, receipt.user_id, status, upto);
        let old = pending.get(Table::ReceiptLog, &key)?.as_deref().and_then(keys::number);
        if upto > 0 && old.is_none_or(|old| at < old) {
            pending.put(Table::ReceiptLog, key, at.to_be_bytes().to_vec());
        }
    }
    Ok(())
}

/// The earliest time of the marks at or above a record.
fn first_at(
    view: &View,
    conversation: ConversationId,
    user: UserId,
    status: u8,
    seq: u64,
) -> Result<Option<Timestamp>, Failure> {
    let key = |upto| keys::mark(conversation, user, status, upto);
    let mut first = None;
    for row in view.tables.range(Table::ReceiptLog, key(seq)..=key(u64::MAX)).take(REACHED_LOOK) {
        let at = keys::number(&row?.1).map(|at| Timestamp(at as i64));
        first = first.into_iter().chain(at).min();
    }
    Ok(first)
}

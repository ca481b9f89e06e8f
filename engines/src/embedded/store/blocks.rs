//! Blocks: by the pair, with the rank that says which is the newest.

use super::{EmbeddedStore, decode, encode, pending_row};
use crate::{
    embedded::{keys, queue::OVERHEAD, tables::Table},
    store::{Block, Blocks, StoreError},
};
use async_trait::async_trait;
use parlor_schemas::{UserId, topics::Offset};
use std::ops::Bound;

/// The rank, and whether it is on.
type Row = (Offset, bool);

#[async_trait]
impl Blocks for EmbeddedStore {
    async fn put_blocks(&self, blocks: Vec<Block>) -> Result<(), StoreError> {
        self.change(OVERHEAD + blocks.len() * size_of::<Block>(), move |pending| {
            for block in blocks {
                let key = keys::block(block.by, block.user_id);
                let old: Option<Row> = pending_row(pending, Table::Blocks, &key)?;
                if old.is_none_or(|(rank, _)| rank < block.rank) {
                    pending.put(Table::Blocks, key, encode(&(block.rank, block.on)));
                }
            }
            Ok(())
        })
        .await
    }

    async fn blocked(&self, of: &[(UserId, UserId)]) -> Result<Vec<bool>, StoreError> {
        let of = of.to_vec();
        self.read(move |view| {
            let rows =
                view.pick::<Row>(Table::Blocks, of.iter().map(|(by, user)| keys::block(*by, *user)))?;
            Ok(rows.into_iter().map(|row| row.is_some_and(|(_, on)| on)).collect())
        })
        .await
    }

    async fn blocks_of(
        &self,
        by: UserId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        self.read(move |view| {
            let low = match after {
                Some(after) => Bound::Excluded(keys::block(by, after)),
                None => Bound::Included(by.as_bytes().to_vec()),
            };
            let high = Bound::Included(keys::block(by, UserId(uuid::Uuid::max())));
            let mut users = Vec::new();
            for row in view.tables.range(Table::Blocks, (low, high)) {
                let (key, value) = row?;
                let (_, on): Row = decode(&value)?;
                if on && users.len() < limit {
                    users.extend(keys::last_user(&key));
                }
                if users.len() >= limit {
                    break;
                }
            }
            Ok(users)
        })
        .await
    }
}

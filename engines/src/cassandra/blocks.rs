//! Blocks. The write time is the rank, so that the newest of a pair stays.

use super::{
    CassandraStore,
    batches::{self, Place, Write},
    rows,
};
use crate::store::{Block, Blocks, StoreError};
use async_trait::async_trait;
use parlor_schemas::UserId;

#[async_trait]
impl Blocks for CassandraStore {
    async fn put_blocks(&self, blocks: Vec<Block>) -> Result<(), StoreError> {
        let write = |block: &Block| {
            // Rank 0 would be a write time that stands for "none".
            let stamp = block.rank as i64 + 1;
            let values = (block.by.0, block.user_id.as_bytes().to_vec(), block.on, stamp);
            Write::new(Place::Blocks(block.by.0), &self.statements.put_block, values)
        };
        batches::write(&self.requests, "put blocks", blocks.iter().map(write).collect()).await
    }

    async fn blocked(&self, of: &[(UserId, UserId)]) -> Result<Vec<bool>, StoreError> {
        let one = async |(by, user): &(UserId, UserId)| {
            let values = (by.0, &user.as_bytes()[..]);
            let row = self.requests.row::<(bool,)>("read block", &self.statements.block, values).await?;
            Ok(row.is_some_and(|(on,)| on))
        };
        self.requests.each(of, one).await
    }

    async fn blocks_of(
        &self,
        by: UserId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let after = after.as_ref().map_or(&[][..], |id| &id.as_bytes()[..]);
        let values = (by.0, after, i32::try_from(limit).unwrap_or(i32::MAX));
        let statement = &self.statements.blocks_of;
        let rows = self.requests.rows::<(Vec<u8>,)>("read blocks_of", statement, values).await?;
        rows.into_iter().map(|(id,)| Ok(UserId(rows::of_bytes(&id)?))).collect()
    }
}

//! Who blocks whom: folded from the members rows by the persister.

use super::StoreError;
use async_trait::async_trait;
use parlor_schemas::{UserId, topics::Offset};

/// Whether one user blocks another, as of a members row.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Block {
    pub by: UserId,
    pub user_id: UserId,
    pub on: bool,
    /// The row's offset in `chat.conversations.v1`: of two of the same pair the larger is true.
    pub rank: Offset,
}

/// Blocks.
#[async_trait]
pub trait Blocks: Send + Sync + 'static {
    /// Writes blocks and their ends; of the same pair the one with the larger rank stays.
    async fn put_blocks(&self, blocks: Vec<Block>) -> Result<(), StoreError>;

    /// Whether the first blocks the second, in the order asked.
    async fn blocked(&self, of: &[(UserId, UserId)]) -> Result<Vec<bool>, StoreError>;

    /// Whom a user blocks, by id ascending, above `after`.
    async fn blocks_of(
        &self,
        by: UserId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError>;
}

//! Whom a user blocks, a few seconds old.

use super::{ReadError, Reader};
use parlor_schemas::{ConversationId, UserId};
use std::{collections::HashSet, sync::Arc};

/// Blocks read at once.
const PAGE: usize = 1000;

impl Reader {
    /// Whom a user blocks, as of at most `edge.profile_cache_ms` ago.
    pub async fn blocks_of(&self, user: UserId) -> Result<Arc<HashSet<UserId>>, ReadError> {
        if let Some(known) = self.blocks.get(&user) {
            return Ok(known);
        }
        let (mut all, mut after) = (HashSet::new(), None);
        loop {
            let page = self.engines.store.blocks_of(user, after, PAGE).await?;
            all.extend(&page);
            after = page.last().copied();
            if page.len() < PAGE {
                break;
            }
        }
        let all = Arc::new(all);
        self.blocks.insert(user, all.clone());
        Ok(all)
    }

    /// The other side of a direct conversation if the user blocks it: its marks are not told
    /// (PROTOCOL §1).
    pub async fn blocked_peer(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Option<UserId>, ReadError> {
        let shape = self.shapes(&[conversation]).await?.pop();
        let Some(peer) = shape.and_then(|shape| shape.peer_of(user)) else { return Ok(None) };
        Ok(self.blocks_of(user).await?.contains(&peer).then_some(peer))
    }

    /// The user has blocked somebody, or no longer.
    pub fn forget_blocks(&self, user: UserId) {
        self.blocks.invalidate(&user);
    }
}

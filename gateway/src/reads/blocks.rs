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

    /// The order has it that the user blocks the other one, or no longer: waits until the store has it
    /// too, so that whoever is answered then finds it everywhere. After `edge.reads_retry_ms` it is left
    /// to come late, as it does at other gateways: it holds already where order decides.
    pub async fn follow_block(&self, by: UserId, user: UserId, on: bool) {
        let look = || async {
            let stored = self.engines.store.blocked(&[(by, user)]).await?;
            if stored == [on] { Ok(()) } else { Err(ReadError::NotYet) }
        };
        if let Err(problem) = self.patiently(look).await {
            tracing::debug!(why = %problem.detail, "a block is not stored yet");
        }
        self.blocks.invalidate(&by);
    }
}

//! What a list of conversations shows of each beside its head.

use super::{ReadError, Reader};
use parlor_engines::store::{Head, Info};
use parlor_schemas::{ConversationId, Membership, Timestamp, UserId, frames::INTEGER_MAX};

/// Members read at once.
const MEMBERS_PAGE: usize = 1024;

impl Reader {
    /// Shared settings, in the order asked; from the first record where the persister is behind.
    pub async fn infos(&self, of: &[ConversationId]) -> Result<Vec<Info>, ReadError> {
        let mut infos = Vec::with_capacity(of.len());
        for (id, info) in of.iter().zip(self.engines.store.infos(of).await?) {
            infos.push(match info {
                Some(info) => info,
                None => self.created(*id).await?.ok_or(ReadError::NotYet)?.1,
            });
        }
        Ok(infos)
    }

    /// Standings of a conversation (left ones too), by user id ascending, above `after`, as of at most
    /// `edge.stale_ms` ago: [`ReadError::NotYet`] where the persister is further behind.
    pub async fn members(
        &self,
        id: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Membership>, ReadError> {
        // Looked at before the list is read: the list has at least that.
        let stored = self.engines.store.heads(&[id]).await?.pop().flatten();
        let members = self.engines.store.of_conversation(id, after, limit).await?;
        if self.is_stale(id, stored).await? { Err(ReadError::NotYet) } else { Ok(members) }
    }

    /// Whether something that is not stored happened more than `edge.stale_ms` ago.
    async fn is_stale(&self, id: ConversationId, stored: Option<Head>) -> Result<bool, ReadError> {
        let is_old = |at: Timestamp| at.0 < self.engines.clock.now().0 - self.stale_ms;
        if stored.is_some_and(|head| !is_old(head.at)) {
            return Ok(false);
        }
        let seq = stored.map_or(0, |head| head.seq);
        let tail = self.engines.live.tail(id, seq, INTEGER_MAX, 1, false).await?;
        let first = tail.records.first().filter(|record| record.seq == seq + 1);
        Ok(tail.head.is_some_and(|head| head.seq > seq) && first.is_none_or(|record| is_old(record.at)))
    }

    /// Present members; a few seconds old.
    pub async fn members_count(&self, id: ConversationId) -> Result<u64, ReadError> {
        if let Some(count) = self.counts.get(&id) {
            return Ok(count);
        }
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.engines.store.of_conversation(id, after, MEMBERS_PAGE).await?;
            count += page.iter().filter(|member| member.left_seq.is_none()).count() as u64;
            after = page.last().map(|member| member.user_id);
            if page.len() < MEMBERS_PAGE {
                break;
            }
        }
        if count == 0 {
            // Not written yet, or everybody has left.
            let created = self.created(id).await?;
            return Ok(created.map_or(0, |(created, _)| created.members.len() as u64));
        }
        self.counts.insert(id, count);
        Ok(count)
    }
}

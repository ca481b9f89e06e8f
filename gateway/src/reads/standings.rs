//! Who is what in a conversation: the newer of the live and the stored standing.

use super::{ReadError, Reader};
use crate::problem::Problem;
use parlor_engines::live::{LiveMembership, Version};
use parlor_schemas::{Code, ConversationId, Membership, UserId};
use std::collections::{BTreeMap, HashMap};

/// A user's standing with the version at which it last changed, where it did of late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// The newer of the two.
    pub membership: Membership,
    /// 0: not live.
    pub version: Version,
}

impl Reader {
    /// A user's standing in a conversation; `None`: a stranger.
    pub async fn standing(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Option<Membership>, Problem> {
        self.patiently(|| self.standing_once(user, conversation, true)).await
    }

    /// The standing of a present member; strangers get `not_found`, former members `not_a_member`.
    pub async fn member(&self, user: UserId, conversation: ConversationId) -> Result<Membership, Problem> {
        match self.standing(user, conversation).await? {
            None => Err(Problem::not_found("conversation")),
            Some(standing) if standing.left_seq.is_some() => {
                Err(Problem::new(Code::NotAMember, "you are no longer in this conversation"))
            }
            Some(standing) => Ok(standing),
        }
    }

    /// Without the store where a live standing is there and only the tail was read: fanout writes
    /// both, in order.
    pub(super) async fn standing_once(
        &self,
        user: UserId,
        conversation: ConversationId,
        with_store: bool,
    ) -> Result<Option<Membership>, ReadError> {
        let (_, recent) = self.engines.live.recent(user).await?;
        let live = recent.into_iter().map(|r| r.membership).find(|m| m.conversation_id == conversation);
        if live.is_some() && !with_store {
            return Ok(live);
        }
        let stored = self.engines.store.memberships(&[(conversation, user)]).await?.pop().flatten();
        Ok(Membership::newer(live, stored))
    }

    /// Many standings at once, in the order asked.
    pub async fn standings(
        &self,
        of: &[(ConversationId, UserId)],
    ) -> Result<Vec<Option<Membership>>, ReadError> {
        let mut live: HashMap<(ConversationId, UserId), Membership> = HashMap::new();
        let mut users: Vec<UserId> = of.iter().map(|(_, user)| *user).collect();
        users.sort_unstable();
        users.dedup();
        for user in users {
            let (_, recent) = self.engines.live.recent(user).await?;
            live.extend(recent.into_iter().map(|r| ((r.membership.conversation_id, user), r.membership)));
        }
        let stored = self.engines.store.memberships(of).await?;
        Ok(of
            .iter()
            .zip(stored)
            .map(|(key, stored)| Membership::newer(live.get(key).copied(), stored))
            .collect())
    }

    /// One page of a user's conversations (left ones too), newest id first, and where the next one
    /// begins. A conversation that the persister has not written yet is in it.
    pub async fn conversations_of(
        &self,
        user: UserId,
        recent: &[LiveMembership],
        before: Option<ConversationId>,
        limit: usize,
    ) -> Result<(Vec<Standing>, Option<ConversationId>), ReadError> {
        let stored = self.engines.store.of_user(user, before, limit).await?;
        let next = (stored.len() >= limit).then(|| stored.last().map(|m| m.conversation_id)).flatten();
        Ok((merged(&stored, recent, before, next), next))
    }
}

/// The stored standings of a window of ids (below `before`, down to `last`) with the live ones.
fn merged(
    stored: &[Membership],
    recent: &[LiveMembership],
    before: Option<ConversationId>,
    last: Option<ConversationId>,
) -> Vec<Standing> {
    let mut by_id: BTreeMap<ConversationId, Standing> = stored
        .iter()
        .map(|membership| (membership.conversation_id, Standing { membership: *membership, version: 0 }))
        .collect();
    for live in recent {
        let id = live.membership.conversation_id;
        let in_window = before.is_none_or(|before| id < before) && last.is_none_or(|last| id >= last);
        if in_window {
            let newest = Standing { membership: live.membership, version: live.version };
            by_id
                .entry(id)
                .and_modify(|known| {
                    known.version = live.version;
                    if live.membership.seq > known.membership.seq {
                        known.membership = live.membership;
                    }
                })
                .or_insert(newest);
        }
    }
    by_id.into_values().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reads::page::tests::standing;
    use uuid::Uuid;

    fn of(id: u128, seq: u64) -> Membership {
        Membership { conversation_id: ConversationId(Uuid::from_u128(id)), seq, ..standing(0, None) }
    }

    fn live(id: u128, seq: u64) -> LiveMembership {
        LiveMembership { membership: of(id, seq), version: 7 }
    }

    #[test]
    fn live_ones_are_merged_into_their_window() {
        let ids = |merged: Vec<Standing>| -> Vec<(u128, u64)> {
            merged.iter().map(|s| (s.membership.conversation_id.0.as_u128(), s.membership.seq)).collect()
        };
        let stored = [of(9, 1), of(5, 4)];
        let recent = [live(7, 1), live(5, 3), live(9, 2), live(3, 1), live(12, 1)];
        let id = |n| Some(ConversationId(Uuid::from_u128(n)));
        assert_eq!(ids(merged(&stored, &recent, id(10), id(5))), [(9, 2), (7, 1), (5, 4)]);
        assert_eq!(ids(merged(&[], &recent, id(5), None)), [(3, 1)], "the rest of the list");
    }
}

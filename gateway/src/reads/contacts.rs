//! Who may know of whose presence (PROTOCOL §4, `last_seen_to`): the one rule for all answers that
//! tell it.

use super::{ReadError, Reader};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use parlor_schemas::{ConversationId, LastSeenTo, Membership, UserId};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Circles read at the same time for one question.
const AT_ONCE: usize = 16;
/// Standings of one page.
const PAGE: usize = 1_000;

/// The conversations that a user is in.
type Circle = Arc<HashSet<ConversationId>>;

/// A user's stored standings, by conversation: the seq, and whether the user is a member.
pub(super) type Stored = Arc<HashMap<ConversationId, (u64, bool)>>;

impl Reader {
    /// For each (viewer, user): whether the viewer may know the user's status and last seen, in the
    /// order asked.
    pub async fn visible(&self, pairs: &[(UserId, UserId)]) -> Result<Vec<bool>, ReadError> {
        let users: Vec<UserId> = pairs.iter().map(|(_, user)| *user).collect();
        let choices = self.privacies.of(&users).await?;
        let asks_contacts = |((viewer, user), to): &(&(UserId, UserId), LastSeenTo)| {
            viewer != user && *to == LastSeenTo::Contacts
        };
        let tells = choices.into_iter().map(|privacy| privacy.last_seen_to);
        let tells: Vec<LastSeenTo> = tells.collect();
        let asked: Vec<(UserId, UserId)> =
            pairs.iter().zip(tells.iter().copied()).filter(asks_contacts).map(|(pair, _)| *pair).collect();
        let contacts = self.contacts(&asked).await?;
        let blocked = self.blocked(pairs).await?;
        Ok(pairs
            .iter()
            .zip(tells)
            .map(|((viewer, user), to)| match to {
                _ if viewer == user => true,
                _ if blocked.contains(&(*viewer, *user)) => false,
                LastSeenTo::Everyone => true,
                LastSeenTo::Contacts => contacts.contains(&(*viewer, *user)),
                LastSeenTo::Nobody => false,
            })
            .collect())
    }

    /// Those of the pairs of whom one blocks the other: presence is hidden both ways (PROTOCOL §1).
    async fn blocked(&self, pairs: &[(UserId, UserId)]) -> Result<HashSet<(UserId, UserId)>, ReadError> {
        if pairs.is_empty() {
            return Ok(HashSet::new());
        }
        let both_ways: Vec<(UserId, UserId)> = pairs.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]).collect();
        let blocked = self.engines.store.blocked(&both_ways).await?;
        let is_blocked = |(pair, ways): (&(UserId, UserId), &[bool])| ways.contains(&true).then_some(*pair);
        Ok(pairs.iter().zip(blocked.chunks(2)).filter_map(is_blocked).collect())
    }

    /// Those of the pairs who share a conversation.
    async fn contacts(&self, pairs: &[(UserId, UserId)]) -> Result<HashSet<(UserId, UserId)>, ReadError> {
        // Many pairs have one side in common, whose circle answers for those with a direct
        // conversation: neither side ever leaves one.
        let mut counts: HashMap<UserId, usize> = HashMap::new();
        for (a, b) in pairs {
            *counts.entry(*a).or_default() += 1;
            *counts.entry(*b).or_default() += 1;
        }
        let common = |(a, b): &(UserId, UserId)| if counts[a] >= counts[b] { (*a, *b) } else { (*b, *a) };
        let mut circles: HashMap<UserId, Circle> = HashMap::new();
        self.gather(pairs.iter().map(|pair| common(pair).0), &mut circles).await?;
        let has_direct = |pair: &(UserId, UserId)| {
            circles[&common(pair).0].contains(&ConversationId::direct(pair.0, pair.1))
        };
        let (direct, rest): (Vec<_>, Vec<_>) = pairs.iter().copied().partition(has_direct);
        self.gather(rest.iter().map(|pair| common(pair).1), &mut circles).await?;
        let meet = |(a, b): &(UserId, UserId)| !circles[a].is_disjoint(&circles[b]);
        Ok(direct.into_iter().chain(rest.into_iter().filter(meet)).collect())
    }

    /// Adds the circles of these users.
    async fn gather(
        &self,
        of: impl Iterator<Item = UserId>,
        into: &mut HashMap<UserId, Circle>,
    ) -> Result<(), ReadError> {
        let missing: HashSet<UserId> = of.filter(|user| !into.contains_key(user)).collect();
        let reading: Vec<_> = missing
            .into_iter()
            .map(async |user| Ok::<_, ReadError>((user, self.circle(user).await?)))
            .collect();
        let read: Vec<(UserId, Circle)> =
            stream::iter(reading).buffer_unordered(AT_ONCE).try_collect().await?;
        into.extend(read);
        Ok(())
    }

    /// The conversations that a user is in: what is stored (a moment old, at most) and what changed of
    /// late, whichever is newer. A live engine that begins a new life knows only what was not stored by
    /// then: what was read of the store in the life before is not enough beside it.
    async fn circle(&self, user: UserId) -> Result<Circle, ReadError> {
        let (_, recent) = self.engines.live.recent(user).await?;
        let life = self.engines.live.epoch().await?;
        let stored = self.stored_circle(user, life.into()).await?;
        let mut all: HashSet<ConversationId> =
            stored.iter().filter(|(_, (_, is_in))| *is_in).map(|(id, _)| *id).collect();
        for Membership { conversation_id, seq, left_seq, .. } in recent.into_iter().map(|r| r.membership) {
            if stored.get(&conversation_id).is_none_or(|(known, _)| *known <= seq) {
                if left_seq.is_none() {
                    all.insert(conversation_id);
                } else {
                    all.remove(&conversation_id);
                }
            }
        }
        Ok(Arc::new(all))
    }

    async fn stored_circle(&self, user: UserId, life: Arc<str>) -> Result<Stored, ReadError> {
        let key = (user, life);
        if let Some(known) = self.circles.get(&key) {
            return Ok(known);
        }
        let (mut all, mut before) = (HashMap::new(), None);
        loop {
            let page = self.engines.store.of_user(user, before, PAGE).await?;
            before = page.last().map(|standing| standing.conversation_id);
            let is_last = page.len() < PAGE;
            all.extend(page.into_iter().map(|m| (m.conversation_id, (m.seq, m.left_seq.is_none()))));
            if is_last {
                break;
            }
        }
        let stored = Arc::new(all);
        self.circles.insert(key, stored.clone());
        Ok(stored)
    }
}

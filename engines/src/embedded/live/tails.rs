//! Tails, heads, standings and marks of all conversations, by partition.

use super::{EmbeddedLive, conversation::Conversation};
use crate::live::{LiveError, LiveHead, LiveMarks, LiveMembership, TailRead, TailWrite, Tails, Version};
use async_trait::async_trait;
use dashmap::DashMap;
use parking_lot::Mutex;
use parlor_schemas::{
    ConversationId, Limits, Membership, Receipt, Timestamp, UserId,
    receipt::Marks,
    topics::{Offset, Partition, of_conversation},
};
use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

pub(super) struct Live {
    partitions: Vec<Part>,
    standings: DashMap<UserId, HashMap<ConversationId, Standing>>,
    /// The number of the last write. Taken under the lock of what is written, so that a reader who
    /// saw a number finds all that was written up to it.
    version: AtomicU64,
    limits: Limits,
}

#[derive(Default)]
struct Part {
    whole: AtomicBool,
    marks_whole: AtomicBool,
    /// How far the persister is.
    written_to: AtomicU64,
    conversations: Mutex<HashMap<ConversationId, Conversation>>,
}

struct Standing {
    live: LiveMembership,
    partition: Partition,
    offset: Offset,
    /// When it was written, by our clock.
    at: Timestamp,
}

impl Live {
    pub(super) fn new(partitions: u32, limits: &Limits) -> Self {
        Self {
            partitions: (0..partitions).map(|_| Part::default()).collect(),
            standings: DashMap::new(),
            version: AtomicU64::new(0),
            limits: limits.clone(),
        }
    }

    fn part(&self, conversation: ConversationId) -> &Part {
        &self.partitions[of_conversation(conversation, self.partitions.len() as u32) as usize]
    }

    /// The part of a conversation, if it may be read.
    fn whole(&self, conversation: ConversationId) -> Result<&Part, LiveError> {
        let part = self.part(conversation);
        if part.whole.load(Ordering::Acquire) { Ok(part) } else { Err(LiveError::Rebuilding) }
    }

    fn given(&self, partition: Partition) -> Result<&Part, LiveError> {
        let missing = || LiveError::Unavailable(format!("there is no partition {partition}"));
        self.partitions.get(partition as usize).ok_or_else(missing)
    }

    fn next_version(&self) -> Version {
        self.version.fetch_add(1, Ordering::AcqRel) + 1
    }

    fn write(&self, partition: Partition, part: &Part, write: TailWrite, now: Timestamp) {
        let TailWrite { conversation_id, offset, text, memberships } = write;
        let own = text
            .kind
            .is_countable()
            .then(|| (text.sender_id, Marks { own_seq: text.seq, own_ord: text.ord, ..Marks::default() }));
        let mut conversations = part.conversations.lock();
        let conversation = conversations.entry(conversation_id).or_default();
        conversation.write(offset, text, now, || self.next_version());
        if let Some((sender, marks)) = own {
            conversation.raise(sender, marks, || self.next_version());
        }
        for membership in memberships {
            self.stand(membership, partition, offset, now);
        }
        conversation.trim(&self.limits, part.written_to.load(Ordering::Acquire), now);
    }

    fn stand(&self, membership: Membership, partition: Partition, offset: Offset, at: Timestamp) {
        let mut standings = self.standings.entry(membership.user_id).or_default();
        let known = standings.get(&membership.conversation_id);
        if known.is_none_or(|known| known.live.membership.seq < membership.seq) {
            let live = LiveMembership { membership, version: self.next_version() };
            standings.insert(membership.conversation_id, Standing { live, partition, offset, at });
        }
    }

    /// Trims idle tails, and forgets standings that the store has.
    pub(super) fn sweep(&self, now: Timestamp) {
        for part in &self.partitions {
            let written_to = part.written_to.load(Ordering::Acquire);
            let mut conversations = part.conversations.lock();
            conversations.values_mut().for_each(|known| known.trim(&self.limits, written_to, now));
        }
        self.standings.retain(|_, standings| {
            standings.retain(|_, standing| {
                let written_to =
                    self.partitions[standing.partition as usize].written_to.load(Ordering::Acquire);
                standing.offset >= written_to || standing.at.plus_millis(self.limits.tail_ms) >= now
            });
            !standings.is_empty()
        });
    }
}

#[async_trait]
impl Tails for EmbeddedLive {
    async fn write_tails(
        &self,
        partition: Partition,
        writes: Vec<TailWrite>,
        epoch: &str,
    ) -> Result<bool, LiveError> {
        let part = self.live.given(partition)?;
        if epoch != self.epoch {
            return Ok(false);
        }
        let now = self.clock.now();
        for write in writes {
            self.live.write(partition, part, write, now);
        }
        Ok(true)
    }

    async fn tail(
        &self,
        conversation: ConversationId,
        after: u64,
        before: u64,
        limit: usize,
        last: bool,
    ) -> Result<TailRead, LiveError> {
        let conversations = self.live.whole(conversation)?.conversations.lock();
        let known = conversations.get(&conversation);
        Ok(known.map(|known| known.read(after, before, limit, last)).unwrap_or_default())
    }

    async fn live_heads(&self, of: &[ConversationId]) -> Result<Vec<Option<LiveHead>>, LiveError> {
        let head = |id: &ConversationId| {
            Ok(self.live.whole(*id)?.conversations.lock().get(id).and_then(|known| known.head))
        };
        of.iter().map(head).collect()
    }

    async fn recent(&self, user: UserId) -> Result<(Version, Vec<LiveMembership>), LiveError> {
        if !self.live.partitions.iter().all(|part| part.whole.load(Ordering::Acquire)) {
            return Err(LiveError::Rebuilding);
        }
        // The number first: what is written from here on has a larger one, seen below or not.
        let version = self.live.version.load(Ordering::Acquire);
        let standings = self.live.standings.get(&user);
        let recent = standings.iter().flat_map(|standings| standings.values().map(|standing| standing.live));
        Ok((version, recent.collect()))
    }

    async fn raise_live(
        &self,
        partition: Partition,
        receipts: &[Receipt],
        epoch: &str,
    ) -> Result<Option<Vec<(usize, Marks)>>, LiveError> {
        let part = self.live.given(partition)?;
        if epoch != self.epoch {
            return Ok(None);
        }
        let raise = |(index, receipt): (usize, &Receipt)| {
            let mut conversations = part.conversations.lock();
            let known = conversations.entry(receipt.conversation_id).or_default();
            let moved = known.raise(receipt.user_id, Marks::of(receipt), || self.live.next_version());
            moved.map(|marks| (index, marks))
        };
        Ok(Some(receipts.iter().enumerate().filter_map(raise).collect()))
    }

    async fn set_marks_whole(
        &self,
        partition: Partition,
        whole: bool,
        epoch: &str,
    ) -> Result<bool, LiveError> {
        let part = self.live.given(partition)?;
        let is_present = epoch == self.epoch;
        if is_present {
            part.marks_whole.store(whole, Ordering::Release);
        }
        Ok(is_present)
    }

    async fn live_marks(&self, of: &[(ConversationId, UserId)]) -> Result<Vec<LiveMarks>, LiveError> {
        let marks = |(conversation, user): &(ConversationId, UserId)| {
            let part = self.live.whole(*conversation)?;
            if !part.marks_whole.load(Ordering::Acquire) {
                return Err(LiveError::Rebuilding);
            }
            let conversations = part.conversations.lock();
            Ok(conversations.get(conversation).map(|known| known.marks(*user)).unwrap_or_default())
        };
        of.iter().map(marks).collect()
    }

    async fn moved(&self, partition: Partition, millis: i64) -> Result<Vec<ConversationId>, LiveError> {
        let part = self.live.given(partition)?;
        if !part.whole.load(Ordering::Acquire) {
            return Err(LiveError::Rebuilding);
        }
        let since = self.clock.now().plus_millis(-millis);
        let conversations = part.conversations.lock();
        let moved = conversations.iter().filter(|(_, known)| known.head.is_some() && known.moved_at >= since);
        Ok(moved.map(|(id, _)| *id).collect())
    }

    async fn set_whole(
        &self,
        partition: Partition,
        whole: bool,
        written_to: Offset,
        epoch: &str,
    ) -> Result<bool, LiveError> {
        let part = self.live.given(partition)?;
        if epoch != self.epoch {
            return Ok(false);
        }
        part.written_to.fetch_max(written_to, Ordering::AcqRel);
        part.whole.store(whole, Ordering::Release);
        Ok(true)
    }
}

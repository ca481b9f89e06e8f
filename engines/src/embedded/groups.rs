//! Who of a group has which partition. Members are in this process; a partition moves only when
//! its holder has released it.

use super::keys::group_code;
use crate::log::{LogError, StoredOffset};
use parking_lot::Mutex;
use parlor_schemas::topics::{Group, Partition};
use std::collections::BTreeMap;
use tokio::sync::Notify;

/// A member's number; rises, never used again.
pub(super) type MemberId = u64;

/// All groups.
pub(super) struct Groups {
    groups: Vec<Mutex<State>>,
    /// Told when something changed for a member of the group.
    changed: Vec<Notify>,
}

struct State {
    members: Vec<MemberId>,
    last_member: MemberId,
    slots: Vec<Slot>,
}

/// One partition of the group's topic.
#[derive(Clone, Debug, Default)]
struct Slot {
    stored: Option<StoredOffset>,
    /// Who has it.
    holder: Option<MemberId>,
    /// Who should have it.
    target: Option<MemberId>,
    told: Told,
}

/// What the holder knows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Told {
    #[default]
    Nothing,
    Assigned,
    Revoked,
}

/// What a member has to be told.
pub(super) enum News {
    Assigned(Vec<(Partition, Option<StoredOffset>)>),
    Revoked(Vec<Partition>),
}

impl Groups {
    /// `stored`: by group and partition.
    pub(super) fn new(partitions: u32, stored: Vec<Vec<Option<StoredOffset>>>) -> Self {
        debug_assert!(stored.iter().all(|group| group.len() == partitions as usize));
        let state = |stored: Vec<Option<StoredOffset>>| {
            let slots = stored.into_iter().map(|stored| Slot { stored, ..Slot::default() }).collect();
            Mutex::new(State { members: Vec::new(), last_member: 0, slots })
        };
        let changed = stored.iter().map(|_| Notify::new()).collect();
        Self { groups: stored.into_iter().map(state).collect(), changed }
    }

    /// Told when something changed for a member of the group.
    pub(super) fn changed(&self, group: Group) -> &Notify {
        &self.changed[group_code(group)]
    }

    pub(super) fn join(&self, group: Group) -> MemberId {
        let mut state = self.groups[group_code(group)].lock();
        state.last_member += 1;
        let member = state.last_member;
        state.members.push(member);
        state.balance();
        self.changed(group).notify_waiters();
        member
    }

    /// The member's partitions are free at once. Leaving twice does nothing.
    pub(super) fn leave(&self, group: Group, member: MemberId) {
        let mut state = self.groups[group_code(group)].lock();
        state.members.retain(|known| *known != member);
        for slot in state.slots.iter_mut().filter(|slot| slot.holder == Some(member)) {
            slot.holder = None;
        }
        state.balance();
        self.changed(group).notify_waiters();
    }

    /// What the member has to be told next.
    pub(super) fn news(&self, group: Group, member: MemberId) -> Option<News> {
        let mut state = self.groups[group_code(group)].lock();
        let mut tell = |from: Told, to: Told, moving: bool| -> Vec<_> {
            let mine = state.slots.iter_mut().zip(0..).filter(|(slot, _)| {
                slot.holder == Some(member) && slot.told == from && (slot.target != Some(member)) == moving
            });
            let told = mine.map(|(slot, partition)| {
                slot.told = to;
                (partition, slot.stored.clone())
            });
            told.collect()
        };
        // One kind at a time: what is told as assigned now may be revoked with the next news.
        let assigned = tell(Told::Nothing, Told::Assigned, false);
        if !assigned.is_empty() {
            return Some(News::Assigned(assigned));
        }
        let revoked = tell(Told::Assigned, Told::Revoked, true);
        let partitions = revoked.into_iter().map(|(partition, _)| partition).collect::<Vec<_>>();
        (!partitions.is_empty()).then_some(News::Revoked(partitions))
    }

    /// Whether the member has the partition (it may be asked to release it).
    pub(super) fn holds(&self, group: Group, member: MemberId, partition: Partition) -> bool {
        let state = self.groups[group_code(group)].lock();
        state.slots.get(partition as usize).is_some_and(|slot| slot.holder == Some(member))
    }

    /// Gives a partition up.
    pub(super) fn release(
        &self,
        group: Group,
        member: MemberId,
        partition: Partition,
    ) -> Result<(), LogError> {
        let mut state = self.groups[group_code(group)].lock();
        match state.slots.get_mut(partition as usize) {
            Some(slot) if slot.holder == Some(member) => slot.holder = None,
            _ => return Err(LogError::Fenced),
        }
        state.hand_out();
        self.changed(group).notify_waiters();
        Ok(())
    }

    /// Keeps offsets, all or (if one of the partitions is not the member's) none.
    pub(super) fn store(
        &self,
        group: Group,
        member: MemberId,
        offsets: &[(Partition, StoredOffset)],
    ) -> Result<(), LogError> {
        let mut state = self.groups[group_code(group)].lock();
        for (partition, _) in offsets {
            match state.slots.get(*partition as usize) {
                Some(slot) if slot.holder == Some(member) => {}
                _ => return Err(LogError::Fenced),
            }
        }
        for (partition, offset) in offsets {
            state.slots[*partition as usize].stored = Some(offset.clone());
        }
        Ok(())
    }

    pub(super) fn stored(&self, group: Group) -> Vec<Option<StoredOffset>> {
        self.groups[group_code(group)].lock().slots.iter().map(|slot| slot.stored.clone()).collect()
    }

    /// Sets an offset of a group that nobody is in.
    pub(super) fn rewind(
        &self,
        group: Group,
        partition: Partition,
        to: StoredOffset,
    ) -> Result<(), LogError> {
        let mut state = self.groups[group_code(group)].lock();
        if !state.members.is_empty() {
            let (name, members) = (group.name(), state.members.len());
            let reason = format!("the group {name} has {members} members: stop them before a rewind");
            return Err(LogError::Failed(reason));
        }
        state.slots[partition as usize].stored = Some(to);
        Ok(())
    }
}

impl State {
    /// Says who should have which partition: each member as many as any other (give or take one),
    /// and who has one keeps it if that is possible.
    fn balance(&mut self) {
        let partitions = self.slots.len();
        let Some(least) = partitions.checked_div(self.members.len()) else {
            self.slots.iter_mut().for_each(|slot| slot.target = None);
            return;
        };
        let mut above = partitions % self.members.len();
        let mut room: BTreeMap<MemberId, usize> =
            self.members.iter().map(|member| (*member, least)).collect();
        let mut open = Vec::new();
        for slot in &mut self.slots {
            // Who is giving it up already does not keep it.
            let keeps = slot.holder.filter(|_| slot.told != Told::Revoked);
            let wants = keeps.or(slot.target);
            slot.target = wants.filter(|member| match room.get_mut(member) {
                Some(0) if above > 0 => {
                    above -= 1;
                    // One above the least is all that a member may have.
                    room.remove(member);
                    true
                }
                Some(0) | None => false,
                Some(left) => {
                    *left -= 1;
                    true
                }
            });
            if slot.target.is_none() {
                open.push(slot);
            }
        }
        // Whoever has fewer than the least first; then one more for those that have just that.
        let one_more: Vec<MemberId> = room.keys().rev().copied().collect();
        let takers = room.into_iter().flat_map(|(member, left)| std::iter::repeat_n(member, left));
        for (slot, taker) in open.into_iter().zip(takers.chain(one_more)) {
            slot.target = Some(taker);
        }
        self.hand_out();
    }

    /// Gives free partitions, and those whose holder was not told yet, to whom they should go.
    fn hand_out(&mut self) {
        for slot in &mut self.slots {
            let free = slot.holder.is_none() || slot.told == Told::Nothing;
            if free {
                slot.holder = slot.target;
                slot.told = Told::Nothing;
            }
        }
    }
}

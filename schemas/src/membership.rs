//! One user's standing in one conversation, as the store and the live engine keep it for reads.

use crate::{
    ids::{ConversationId, UserId},
    record::{Body, Record, Role},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// One user's standing in one conversation as of `seq`. Of two, the one with the larger `seq` is
/// true: engines keep the maximum and drop the rest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Membership {
    pub conversation_id: ConversationId,
    pub user_id: UserId,
    /// The seq of the record that made it so.
    pub seq: u64,
    pub role: Role,
    pub floor: u64,
    pub joined_seq: u64,
    pub joined_at: Timestamp,
    /// The last seq this user may see; `None` while a member.
    pub left_seq: Option<u64>,
}

impl Membership {
    /// Whether the user may read `seq`: floor < seq ≤ left (DESIGN §4).
    pub fn may_read(&self, seq: u64) -> bool {
        self.floor < seq && self.left_seq.is_none_or(|left| seq <= left)
    }

    /// The standing with the larger `seq`.
    pub fn newer(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if b.seq > a.seq { b } else { a }),
            (a, b) => a.or(b),
        }
    }
}

/// A change of one user's standing that a record makes: everything that a fold needs, without a
/// look at any other row but that user's own.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum MembershipChange {
    Joined(Membership),
    /// The rest of the standing stays.
    Left {
        user_id: UserId,
        seq: u64,
    },
    /// The rest of the standing stays.
    Role {
        user_id: UserId,
        seq: u64,
        role: Role,
    },
}

impl MembershipChange {
    /// The user concerned.
    pub fn user_id(&self) -> UserId {
        match self {
            Self::Joined(membership) => membership.user_id,
            Self::Left { user_id, .. } | Self::Role { user_id, .. } => *user_id,
        }
    }

    /// The standing after the change, given the one before. A leave or role without a standing
    /// before it changes nothing; a change at or below the standing's seq is a replay.
    pub fn apply(&self, before: Option<Membership>) -> Option<Membership> {
        match (*self, before) {
            (Self::Joined(new), _) => Membership::newer(before, Some(new)),
            (Self::Left { seq, .. }, Some(old)) if seq > old.seq => {
                Some(Membership { seq, left_seq: Some(seq), ..old })
            }
            (Self::Role { seq, role, .. }, Some(old)) if seq > old.seq => {
                Some(Membership { seq, role, ..old })
            }
            (_, before) => before,
        }
    }

    /// The changes that a record makes, in order.
    pub fn of(record: &Record) -> Vec<Self> {
        let joined = |user_id, role, floor| {
            Self::Joined(Membership {
                conversation_id: record.conversation_id,
                user_id,
                seq: record.seq,
                role,
                floor,
                joined_seq: record.seq,
                joined_at: record.at,
                left_seq: None,
            })
        };
        let role = |user_id, role| Self::Role { user_id, seq: record.seq, role };
        let mut changes = Vec::new();
        match &record.body {
            Body::Created(body) => changes.extend(body.members.iter().map(|m| joined(m.user_id, m.role, 0))),
            Body::MembersAdded(body) => {
                changes.extend(body.members.iter().map(|m| joined(m.user_id, m.role, body.floor)));
            }
            Body::MemberRemoved(body) | Body::MemberLeft(body) => {
                changes.push(Self::Left { user_id: body.user_id, seq: record.seq });
                changes.extend(body.owner_id.map(|owner| role(owner, Role::Owner)));
            }
            Body::RoleChanged(body) => {
                changes.push(role(body.user_id, body.role));
                if body.owner_id.is_some() {
                    changes.push(role(body.by, Role::Admin));
                }
            }
            _ => {}
        }
        changes
    }
}

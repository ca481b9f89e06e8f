//! Rows of `chat.conversations.v1`: what ingest knows, compacted, always committed with the records
//! it describes (DESIGN §3). Internal to ingest and to the consumers that need members.

use crate::{
    ids::{ConversationId, MediaId, UserId},
    membership::Membership,
    record::{ConversationKind, HistoryRule, Role},
    time::Timestamp,
    topics::{Offset, Partition},
};

/// One row; its key is [`Row::key`].
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Row {
    Members(MembersRow),
    Head(HeadRow),
    Position(PositionRow),
}

impl Row {
    /// `<conversation_id>/members`, `<conversation_id>/head` or `position/<partition>`.
    pub fn key(&self) -> String {
        match self {
            Self::Members(row) => format!("{}/members", row.conversation_id),
            Self::Head(row) => format!("{}/head", row.conversation_id),
            Self::Position(row) => format!("position/{}", row.partition),
        }
    }
}

/// Who is in a conversation, and its shared settings; written at each change.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct MembersRow {
    pub conversation_id: ConversationId,
    pub conversation_kind: ConversationKind,
    pub title: Option<String>,
    pub avatar_media_id: Option<MediaId>,
    pub history: HistoryRule,
    /// The seq of the last membership change in it.
    pub members_seq: u64,
    /// Present members, and former ones for 24 h (at most 1 024), in order of joining.
    pub members: Vec<Member>,
    /// Who blocks the other side (direct conversations only).
    pub blocked_by: Vec<UserId>,
    /// The two of a direct conversation in which one has blocked the other at some time (it may
    /// have no members yet); else empty.
    pub sides: Vec<UserId>,
}

/// A member, present or former.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Member {
    pub user_id: UserId,
    pub role: Role,
    /// Sees `floor < seq`.
    pub floor: u64,
    pub joined_seq: u64,
    pub joined_at: Timestamp,
    /// The record of the removal is the last one seen; `None` while present.
    pub left_seq: Option<u64>,
    pub left_at: Option<Timestamp>,
}

impl Member {
    /// Whether the member is to be sent the record `seq`: joined ≤ seq ≤ left.
    pub fn receives(&self, seq: u64) -> bool {
        self.joined_seq <= seq && self.left_seq.is_none_or(|left| seq <= left)
    }
}

impl MembersRow {
    /// The present member with this id.
    pub fn present(&self, user: UserId) -> Option<&Member> {
        self.members.iter().find(|m| m.user_id == user && m.left_seq.is_none())
    }

    /// A user's whole standing as a record concerns it: as of `seq`, or as of this row where the
    /// row is newer (nothing that the user may no longer read is opened by that).
    pub fn standing(&self, user: UserId, seq: u64) -> Option<Membership> {
        let member = self.members.iter().find(|m| m.user_id == user)?;
        Some(Membership {
            conversation_id: self.conversation_id,
            user_id: user,
            seq,
            role: member.role,
            floor: member.floor,
            joined_seq: member.joined_seq,
            joined_at: member.joined_at,
            left_seq: member.left_seq,
        })
    }

    /// Whether the other side of a direct conversation blocks `user`.
    pub fn is_blocked(&self, user: UserId) -> bool {
        self.blocked_by.iter().any(|by| *by != user)
    }

    /// The present members.
    pub fn all_present(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|m| m.left_seq.is_none())
    }
}

/// Where a conversation's log ends. Follows within 5 s of a move.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct HeadRow {
    pub conversation_id: ConversationId,
    pub seq: u64,
    pub ord: u64,
    /// UUIDv1 ticks of the last record's `message_id`.
    pub ticks: u64,
}

/// How far ingest is with a partition; in every commit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PositionRow {
    /// Of all topics keyed by conversation.
    pub partition: Partition,
    /// The next command to decide.
    pub next_command: Offset,
    /// Running maximum of the commands' append times, ms.
    pub log_time: Timestamp,
    /// All of `chat.messages.v1` before this offset is in rows.
    pub covered: Offset,
    /// Where the memory of deduplication starts in `chat.messages.v1`.
    pub remembered: Offset,
    /// The newest record outside that memory: its offset; `None` if nothing was forgotten yet.
    pub forgotten: Option<Offset>,
    /// Its log time.
    pub forgotten_at: Timestamp,
}

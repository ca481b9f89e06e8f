//! `chat.conversations.v1`, field by field.

use super::{AvroError, content::need};
use crate::{
    ids::{ConversationId, MediaId, UserId},
    record::{ConversationKind, HistoryRule, Role},
    rows::{HeadRow, Member, MembersRow, PositionRow, Row},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RowKind {
    #[default]
    Members,
    Head,
    Position,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Member")]
struct FlatMember {
    user_id: UserId,
    role: Role,
    floor: i64,
    joined_seq: i64,
    joined_at: i64,
    left_seq: Option<i64>,
    left_at: Option<i64>,
}

/// A row, flat.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename = "Row")]
pub(super) struct Flat {
    row: RowKind,
    conversation_id: Option<ConversationId>,
    conversation_kind: Option<ConversationKind>,
    title: Option<String>,
    avatar_media_id: Option<MediaId>,
    history: Option<HistoryRule>,
    members_seq: Option<i64>,
    members: Vec<FlatMember>,
    blocked_by: Vec<UserId>,
    sides: Vec<UserId>,
    seq: Option<i64>,
    ord: Option<i64>,
    ticks: Option<i64>,
    partition: Option<i32>,
    next_command: Option<i64>,
    log_time: Option<i64>,
    covered: Option<i64>,
    remembered: Option<i64>,
    forgotten: Option<i64>,
    forgotten_at: Option<i64>,
}

impl From<&Row> for Flat {
    fn from(row: &Row) -> Self {
        match row {
            Row::Members(row) => Self {
                row: RowKind::Members,
                conversation_id: Some(row.conversation_id),
                conversation_kind: Some(row.conversation_kind),
                title: row.title.clone(),
                avatar_media_id: row.avatar_media_id,
                history: Some(row.history),
                members_seq: Some(row.members_seq as i64),
                members: row.members.iter().map(FlatMember::from).collect(),
                blocked_by: row.blocked_by.clone(),
                sides: row.sides.clone(),
                ..Self::default()
            },
            Row::Head(row) => Self {
                row: RowKind::Head,
                conversation_id: Some(row.conversation_id),
                seq: Some(row.seq as i64),
                ord: Some(row.ord as i64),
                ticks: Some(row.ticks as i64),
                ..Self::default()
            },
            Row::Position(row) => Self {
                row: RowKind::Position,
                partition: Some(row.partition as i32),
                next_command: Some(row.next_command as i64),
                log_time: Some(row.log_time.0),
                covered: Some(row.covered as i64),
                remembered: Some(row.remembered as i64),
                forgotten: row.forgotten.map(|offset| offset as i64),
                forgotten_at: Some(row.forgotten_at.0),
                ..Self::default()
            },
        }
    }
}

impl From<&Member> for FlatMember {
    fn from(member: &Member) -> Self {
        Self {
            user_id: member.user_id,
            role: member.role,
            floor: member.floor as i64,
            joined_seq: member.joined_seq as i64,
            joined_at: member.joined_at.0,
            left_seq: member.left_seq.map(|seq| seq as i64),
            left_at: member.left_at.map(|at| at.0),
        }
    }
}

impl From<FlatMember> for Member {
    fn from(flat: FlatMember) -> Self {
        Self {
            user_id: flat.user_id,
            role: flat.role,
            floor: flat.floor as u64,
            joined_seq: flat.joined_seq as u64,
            joined_at: Timestamp(flat.joined_at),
            left_seq: flat.left_seq.map(|seq| seq as u64),
            left_at: flat.left_at.map(Timestamp),
        }
    }
}

impl TryFrom<Flat> for Row {
    type Error = AvroError;

    fn try_from(flat: Flat) -> Result<Self, AvroError> {
        let number = |field: Option<i64>, name| need(field, name).map(|value| value as u64);
        Ok(match flat.row {
            RowKind::Members => Self::Members(MembersRow {
                conversation_id: need(flat.conversation_id, "conversation_id")?,
                conversation_kind: need(flat.conversation_kind, "conversation_kind")?,
                title: flat.title,
                avatar_media_id: flat.avatar_media_id,
                history: need(flat.history, "history")?,
                members_seq: number(flat.members_seq, "members_seq")?,
                members: flat.members.into_iter().map(Member::from).collect(),
                blocked_by: flat.blocked_by,
                sides: flat.sides,
            }),
            RowKind::Head => Self::Head(HeadRow {
                conversation_id: need(flat.conversation_id, "conversation_id")?,
                seq: number(flat.seq, "seq")?,
                ord: number(flat.ord, "ord")?,
                ticks: number(flat.ticks, "ticks")?,
            }),
            RowKind::Position => Self::Position(PositionRow {
                partition: need(flat.partition, "partition")? as u32,
                next_command: number(flat.next_command, "next_command")?,
                log_time: need(flat.log_time, "log_time").map(Timestamp)?,
                covered: number(flat.covered, "covered")?,
                remembered: number(flat.remembered, "remembered")?,
                forgotten: flat.forgotten.map(|offset| offset as u64),
                forgotten_at: need(flat.forgotten_at, "forgotten_at").map(Timestamp)?,
            }),
        })
    }
}

//! The record: the one thing that is ordered (PROTOCOL §1).

use crate::{
    command::Origin,
    error::Code,
    ids::{ClientMsgId, ConversationId, DeviceId, MediaId, MessageId, UserId},
    strict,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// One entry of a conversation's log, as `chat.messages.v1` carries it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The conversation whose log this is.
    pub conversation_id: ConversationId,
    /// 1, 2, 3 … without holes.
    pub seq: u64,
    /// Countable records so far, this one included: unread is arithmetic on it.
    pub ord: u64,
    /// The seq of the last membership change up to this record (its own, if it is one).
    pub members_seq: u64,
    /// TIMEUUID; its time rises with `seq`.
    pub message_id: MessageId,
    /// From the log's append time; never a client's or gateway's clock.
    pub at: Timestamp,
    /// Who acted.
    pub sender_id: UserId,
    /// On which device.
    pub device_id: DeviceId,
    /// The client's id of the command.
    pub client_msg_id: ClientMsgId,
    /// What happened.
    pub body: Body,
    /// Who asked, and where the command stands in `chat.commands.v1`: internal, not on the wire.
    pub origin: Origin,
    /// The offset of the command (its partition is the record's own).
    pub source_offset: u64,
}

/// The kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Kind {
    Message,
    Edit,
    Delete,
    Reaction,
    Pin,
    Created,
    MembersAdded,
    MemberRemoved,
    MemberLeft,
    RoleChanged,
    ConversationChanged,
}

impl Kind {
    /// All kinds, in the order of their codes ([`Kind::code`]).
    pub const ALL: [Kind; 11] = [
        Self::Message,
        Self::Edit,
        Self::Delete,
        Self::Reaction,
        Self::Pin,
        Self::Created,
        Self::MembersAdded,
        Self::MemberRemoved,
        Self::MemberLeft,
        Self::RoleChanged,
        Self::ConversationChanged,
    ];

    /// The kind as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Reaction => "reaction",
            Self::Pin => "pin",
            Self::Created => "created",
            Self::MembersAdded => "members_added",
            Self::MemberRemoved => "member_removed",
            Self::MemberLeft => "member_left",
            Self::RoleChanged => "role_changed",
            Self::ConversationChanged => "conversation_changed",
        }
    }

    /// A small number for headers; fixed for ever.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The kind of a code.
    pub fn of_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Whether it counts as unread (`ord` + 1).
    pub fn is_countable(self) -> bool {
        self == Self::Message
    }

    /// Whether it changes who is a member, or as what.
    pub fn changes_members(self) -> bool {
        matches!(
            self,
            Self::Created | Self::MembersAdded | Self::MemberRemoved | Self::MemberLeft | Self::RoleChanged
        )
    }
}

/// What a record says; its shape on the wire is the `body` object of its kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum Body {
    Message(Message),
    Edit(Edit),
    Delete(Target),
    Reaction(Reaction),
    Pin(Pin),
    Created(Created),
    MembersAdded(MembersAdded),
    MemberRemoved(MemberGone),
    MemberLeft(MemberGone),
    RoleChanged(RoleChanged),
    ConversationChanged(ConversationChanged),
}

/// A message's content. Text is kept as sent, never trimmed or normalised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[allow(missing_docs)]
pub struct Message {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "strict::objects")]
    pub media: Vec<MediaRef>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "strict::maybe_object")]
    pub forwarded_from: Option<ForwardedFrom>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
}

/// A reference to a stored object.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[allow(missing_docs)]
pub struct MediaRef {
    pub media_id: MediaId,
}

/// Where a forwarded message came from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[allow(missing_docs)]
pub struct ForwardedFrom {
    pub conversation_id: ConversationId,
    pub seq: u64,
}

/// An edit replaces text, mentions and media as a whole; the rest of the target stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Edit {
    pub target: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<MediaRef>,
}

/// The record acted on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Target {
    pub target: u64,
}

/// Adding to or taking from a set (of reactions, of pins).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Op {
    Add,
    Remove,
}

/// A reaction set or taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Reaction {
    pub target: u64,
    pub emoji: String,
    pub op: Op,
}

/// A pin set or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Pin {
    pub target: u64,
    pub op: Op,
}

/// Direct (two people, never changes) or group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ConversationKind {
    Direct,
    Group,
}

/// What later joiners may read: everything, or from their own join on (the default).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum HistoryRule {
    #[default]
    Joined,
    All,
}

/// A member's standing. Direct conversations know `member` only.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Role {
    #[default]
    Member,
    Admin,
    Owner,
}

/// A member as a record names it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[allow(missing_docs)]
pub struct MemberRef {
    pub user_id: UserId,
    pub role: Role,
}

/// Someone who could not be added, and why. In the record and the adder's ack, never told to others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[allow(missing_docs)]
pub struct Skipped {
    pub user_id: UserId,
    pub code: Code,
}

/// The first record of every conversation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Created {
    pub conversation_kind: ConversationKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub history: HistoryRule,
    pub members: Vec<MemberRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<UserId>,
    #[serde(skip)]
    pub skipped: Vec<Skipped>,
}

/// People who came in; empty when all were in already.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct MembersAdded {
    pub members: Vec<MemberRef>,
    pub by: UserId,
    /// What the added ones may read from: their `floor` (internal; each gets it in `heads`).
    #[serde(skip)]
    pub floor: u64,
    #[serde(skip)]
    pub skipped: Vec<Skipped>,
}

/// A member removed, or gone by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct MemberGone {
    pub user_id: UserId,
    pub by: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<UserId>,
}

/// A role given. Giving `owner` away leaves an admin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct RoleChanged {
    pub user_id: UserId,
    pub role: Role,
    pub by: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<UserId>,
}

/// Shared settings changed; absent fields stayed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct ConversationChanged {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_media_id: Option<MediaId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<HistoryRule>,
    pub by: UserId,
}

impl Body {
    /// The kind of this body.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Message(_) => Kind::Message,
            Self::Edit(_) => Kind::Edit,
            Self::Delete(_) => Kind::Delete,
            Self::Reaction(_) => Kind::Reaction,
            Self::Pin(_) => Kind::Pin,
            Self::Created(_) => Kind::Created,
            Self::MembersAdded(_) => Kind::MembersAdded,
            Self::MemberRemoved(_) => Kind::MemberRemoved,
            Self::MemberLeft(_) => Kind::MemberLeft,
            Self::RoleChanged(_) => Kind::RoleChanged,
            Self::ConversationChanged(_) => Kind::ConversationChanged,
        }
    }

    /// The seq of the record acted on.
    pub fn target(&self) -> Option<u64> {
        match self {
            Self::Edit(body) => Some(body.target),
            Self::Delete(body) => Some(body.target),
            Self::Reaction(body) => Some(body.target),
            Self::Pin(body) => Some(body.target),
            _ => None,
        }
    }

    /// The owner after this record, where it changed.
    pub fn owner_id(&self) -> Option<UserId> {
        match self {
            Self::Created(body) => body.owner_id,
            Self::MemberRemoved(body) | Self::MemberLeft(body) => body.owner_id,
            Self::RoleChanged(body) => body.owner_id,
            _ => None,
        }
    }

    /// The objects it refers to.
    pub fn media(&self) -> Vec<MediaId> {
        let all = |refs: &[MediaRef]| refs.iter().map(|media| media.media_id).collect();
        match self {
            Self::Message(body) => all(&body.media),
            Self::Edit(body) => all(&body.media),
            Self::ConversationChanged(body) => body.avatar_media_id.into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Those who could not be added.
    pub fn skipped(&self) -> &[Skipped] {
        match self {
            Self::Created(body) => &body.skipped,
            Self::MembersAdded(body) => &body.skipped,
            _ => &[],
        }
    }
}

impl Record {
    /// The kind of its body.
    pub fn kind(&self) -> Kind {
        self.body.kind()
    }

    /// When an expiring message ends.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match &self.body {
            Body::Message(message) => message.ttl_ms.map(|ttl| self.at.plus_millis(ttl as i64)),
            _ => None,
        }
    }
}

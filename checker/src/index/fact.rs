//! What a record says, in as few bytes as rules need.

use super::{Conv, Ids, User};
use crate::history::{Content, Seen, canaries};
use parlor_schemas::{
    ClientMsgId, ConversationId, MessageId, Timestamp, UserId,
    record::{HistoryRule, Kind, MemberRef, Role},
};
use serde::Deserialize;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A content at a place; two facts at one place are two contents.
#[derive(Debug)]
pub(crate) struct Fact {
    /// Where it stands in full.
    pub line: u64,
    pub conv: Conv,
    pub seq: u64,
    pub ord: u64,
    pub message_id: MessageId,
    pub kind: Kind,
    pub at: Timestamp,
    pub sender: User,
    pub client_msg_id: ClientMsgId,
    /// A hash of the body.
    pub body: u64,
    /// A hash of its text.
    pub text: Option<u64>,
    pub redacted: bool,
    /// A body that ends by itself.
    pub expires: bool,
    /// The record acted on; 0: none.
    pub target: u64,
    /// A conversation whose canary it carries and that is not its own.
    pub foreign: Option<Conv>,
    pub change: Option<Box<Change>>,
}

/// What a record changes of who is a member, and of what joiners see.
#[derive(Debug)]
pub(crate) enum Change {
    Created { members: Vec<(User, Role)>, history: HistoryRule },
    Added(Vec<(User, Role)>),
    Gone { user: User, owner: Option<User> },
    Role { user: User, role: Role, owner: Option<User> },
    History(HistoryRule),
}

/// A text as a number.
pub(super) fn hashed(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// All bodies that matter here, flat.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Read {
    target: u64,
    text: Option<String>,
    members: Vec<MemberRef>,
    user_id: Option<UserId>,
    owner_id: Option<UserId>,
    role: Role,
    history: Option<HistoryRule>,
    ttl_ms: Option<u64>,
}

impl Fact {
    /// Of a line that carries a content; why not, if its body is none.
    pub fn of(
        line: u64,
        seen: &Seen,
        content: &Content,
        users: &mut Ids<UserId>,
        conversations: &mut Ids<ConversationId>,
    ) -> Result<Self, String> {
        let read = Read::deserialize(&content.body).map_err(|why| format!("a body: {why}"))?;
        let text = content.body.to_string();
        let conv = conversations.number(&seen.conversation_id);
        let foreign = canaries(&text).find(|id| *id != seen.conversation_id);
        let foreign = foreign.map(|id| conversations.number(&id));
        Ok(Self {
            line,
            conv,
            seq: seen.seq,
            ord: content.ord,
            message_id: content.message_id,
            kind: content.kind,
            at: content.at,
            sender: users.number(&content.sender_id),
            client_msg_id: content.client_msg_id,
            body: hashed(&text),
            text: read.text.as_deref().map(hashed),
            redacted: content.redacted,
            expires: read.ttl_ms.is_some(),
            target: read.target,
            foreign,
            change: change(content.kind, &read, users).map(Box::new),
        })
    }

    /// Whether both are the same record, one of them perhaps without its body.
    pub fn is_same(&self, other: &Self) -> bool {
        let id =
            |fact: &Self| (fact.message_id, fact.sender, fact.client_msg_id, fact.kind, fact.ord, fact.at);
        id(self) == id(other) && (self.redacted || other.redacted || self.body == other.body)
    }
}

fn change(kind: Kind, read: &Read, users: &mut Ids<UserId>) -> Option<Change> {
    let members = |users: &mut Ids<UserId>| {
        read.members.iter().map(|member| (users.number(&member.user_id), member.role)).collect()
    };
    let owner = read.owner_id.map(|id| users.number(&id));
    Some(match kind {
        Kind::Created => {
            Change::Created { members: members(users), history: read.history.unwrap_or_default() }
        }
        Kind::MembersAdded => Change::Added(members(users)),
        Kind::MemberRemoved | Kind::MemberLeft => Change::Gone { user: users.number(&read.user_id?), owner },
        Kind::RoleChanged => Change::Role { user: users.number(&read.user_id?), role: read.role, owner },
        Kind::ConversationChanged => Change::History(read.history?),
        _ => return None,
    })
}

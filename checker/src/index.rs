//! A history in memory: ids as small numbers, contents once, everything with the number of its line.

mod fact;
mod filling;
mod ids;

pub(crate) use fact::{Change, Fact};
pub(crate) use ids::Ids;

use crate::{
    history::{Ack, Head, Member, OpKind, Phase, Source},
    reader::{Damaged, read},
};
use parlor_schemas::{ClientMsgId, ConversationId, UserId, presence::Status};
use std::{
    collections::{BTreeMap, HashMap},
    io::BufRead,
    sync::Arc,
};

/// Small numbers instead of ids.
pub(crate) type User = u32;
pub(crate) type Conv = u32;
pub(crate) type Who = u32;

/// Everything that rules look at.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub lines: u64,
    /// The last moment.
    pub end_us: u64,
    pub who: Ids<Arc<str>>,
    /// The user of each device.
    pub devices: BTreeMap<Who, User>,
    pub users: Ids<UserId>,
    pub names: HashMap<User, String>,
    pub conversations: Ids<ConversationId>,
    pub ops: Vec<Op>,
    pub by_key: HashMap<Key, u32>,
    pub facts: Vec<Fact>,
    /// In the order of the history.
    pub sightings: Vec<Sighting>,
    pub cursors: Vec<Set>,
    /// A device's cursor at the very end.
    pub ends: HashMap<(Who, Conv), Noted<u64>>,
    pub receipts: Vec<ReceiptSeen>,
    pub heads: Vec<HeadSeen>,
    pub presences: Vec<PresenceSeen>,
    pub excerpts: Vec<Excerpt>,
    pub members: Vec<MembersSeen>,
    /// By device, oldest first.
    pub connections: BTreeMap<Who, Vec<Connection>>,
    /// When faults began and were healed, oldest first.
    pub faults: Vec<Noted<Option<String>>>,
    pub phases: Vec<Noted<Phase>>,
    /// What was read to its end.
    pub complete: HashMap<(Who, Source, Option<Conv>), u64>,
}

/// The key of deduplication.
pub(crate) type Key = (Conv, User, ClientMsgId);

/// Something with its moment and line.
#[derive(Clone, Debug)]
pub(crate) struct Noted<T> {
    pub at_us: u64,
    pub line: u64,
    pub what: T,
}

#[derive(Debug)]
pub(crate) struct Op {
    pub line: u64,
    pub at_us: u64,
    pub by: Who,
    pub user: User,
    pub kind: OpKind,
    pub conv: Option<Conv>,
    pub client_msg_id: Option<ClientMsgId>,
    pub seq: Option<u64>,
    /// A hash of what is written.
    pub text: Option<u64>,
    pub attempts: Vec<Noted<Option<u32>>>,
    pub acks: Vec<Noted<Option<Ack>>>,
    pub fails: Vec<u64>,
    /// Where `accepted` stands first.
    pub accepted: Option<u64>,
    /// It was put off at least once.
    pub was_put_off: bool,
    pub unknown: Option<u64>,
    /// The first answer that ends it.
    pub finished_us: Option<u64>,
}

impl Op {
    /// The first ack that names a place.
    pub fn ack(&self) -> Option<(&Noted<Option<Ack>>, Ack)> {
        self.acks.iter().find_map(|noted| noted.what.map(|ack| (noted, ack)))
    }

    /// Every attempt was definitely refused.
    pub fn is_refused(&self) -> bool {
        !self.fails.is_empty() && self.acks.is_empty() && self.fails.len() >= self.attempts.len()
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Sighting {
    pub at_us: u64,
    pub line: u64,
    pub fact: u32,
    pub who: Who,
    pub source: Source,
    /// In the final phase.
    pub is_final: bool,
    /// A device's cursor afterwards.
    pub cursor: Option<u64>,
}

/// A cursor that was set.
#[derive(Debug)]
pub(crate) struct Set {
    pub line: u64,
    pub who: Who,
    pub conv: Conv,
    pub cursor: u64,
    pub is_epoch: bool,
}

#[derive(Debug)]
pub(crate) struct ReceiptSeen {
    pub line: u64,
    pub who: Who,
    pub conv: Conv,
    pub user: User,
    pub delivered: u64,
    pub read: u64,
}

#[derive(Debug)]
pub(crate) struct HeadSeen {
    pub line: u64,
    pub who: Who,
    pub conv: Conv,
    pub is_final: bool,
    pub head: Head,
}

#[derive(Debug)]
pub(crate) struct PresenceSeen {
    pub at_us: u64,
    pub line: u64,
    pub who: Who,
    pub user: User,
    pub status: Status,
}

#[derive(Debug)]
pub(crate) struct Excerpt {
    pub line: u64,
    pub who: Who,
    pub conv: Conv,
    /// The conversations whose canaries it carries.
    pub canaries: Vec<Conv>,
}

#[derive(Debug)]
pub(crate) struct MembersSeen {
    pub line: u64,
    pub who: Who,
    pub conv: Conv,
    pub is_final: bool,
    pub items: Vec<(User, Member)>,
}

/// From the first word to the last.
#[derive(Debug)]
pub(crate) struct Connection {
    pub number: u32,
    pub from_us: u64,
    pub line: u64,
    pub ready_us: Option<u64>,
    /// None: until the end.
    pub gone_us: Option<u64>,
    pub gone_line: u64,
    pub by_choice: bool,
}

impl Index {
    /// Reads a whole history.
    pub fn of(from: impl BufRead) -> Result<Self, Damaged> {
        let mut filling = filling::Filling::default();
        let lines = read(from, |line, entry| filling.take(line, entry))?;
        filling.finish(lines)
    }

    /// The user behind a device.
    pub fn user_of(&self, who: Who) -> Option<User> {
        self.devices.get(&who).copied()
    }

    pub fn is_final(&self) -> bool {
        self.phases.iter().any(|noted| noted.what == Phase::Final)
    }

    /// Whether a dump (of the log, of the store) stands in the history.
    pub fn has_dump(&self, source: Source) -> bool {
        self.complete.keys().any(|(_, of, _)| *of == source)
    }

    /// A user, for people.
    pub fn name(&self, user: User) -> String {
        let id = || self.users.get(user).map(ToString::to_string).unwrap_or_default();
        self.names.get(&user).cloned().unwrap_or_else(id)
    }

    /// A device, for people.
    pub fn device(&self, who: Who) -> String {
        let label = self.who.get(who).map(ToString::to_string).unwrap_or_default();
        self.user_of(who).map_or(label.clone(), |user| format!("{}'s device {label}", self.name(user)))
    }

    /// A conversation, for people: as much of its id as tells it from others.
    pub fn place(&self, conv: Conv, seq: u64) -> String {
        format!("{}/{seq}", self.conversation(conv))
    }

    pub fn conversation(&self, conv: Conv) -> String {
        self.conversations.get(conv).map(|id| id.to_string()[..8].to_owned()).unwrap_or_default()
    }

    pub fn fact(&self, sighting: &Sighting) -> &Fact {
        &self.facts[sighting.fact as usize]
    }
}

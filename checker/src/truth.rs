//! What must be true, from the log alone: the records of every conversation, and who is a member of
//! it from where to where. Without a dump of the log the records are those that anybody saw.

use crate::{
    history::Source,
    index::{Change, Conv, Fact, Index, User},
};
use parlor_schemas::record::{HistoryRule, Kind, Role};
use std::collections::{BTreeMap, HashSet};

/// By number of the conversation.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    conversations: Vec<Conversation>,
}

/// One conversation's log.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    /// The fact at each place, from seq 1; none: nobody ever saw it.
    pub records: Vec<Option<u32>>,
    pub members: BTreeMap<User, Standing>,
    pub deleted: HashSet<u64>,
    /// Messages that end by themselves.
    pub expiring: HashSet<u64>,
    history: HistoryRule,
}

/// One who is or was a member.
#[derive(Debug)]
pub(crate) struct Standing {
    pub role: Role,
    /// Times as a member, oldest first; the last one counts.
    pub spans: Vec<Span>,
}

/// A time as a member: `floor` < seq ≤ `left` is seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub floor: u64,
    pub joined: u64,
    pub left: Option<u64>,
}

impl Standing {
    pub fn span(&self) -> Span {
        *self.spans.last().expect("who stands here has joined")
    }

    pub fn is_present(&self) -> bool {
        self.span().left.is_none()
    }

    /// Whether a record may ever have been shown to this user.
    pub fn may_see(&self, seq: u64) -> bool {
        self.spans.iter().any(|span| span.floor < seq && span.left.is_none_or(|left| seq <= left))
    }
}

impl Truth {
    pub fn of(index: &Index) -> Self {
        let mut conversations: Vec<Conversation> = Vec::new();
        conversations.resize_with(index.conversations.len(), Conversation::default);
        let (of_log, others): (Vec<_>, Vec<_>) =
            index.sightings.iter().partition(|sighting| sighting.source == Source::Log);
        for sighting in of_log.into_iter().chain(others) {
            let fact = index.fact(sighting);
            conversations[fact.conv as usize].place(sighting.fact, fact, &index.facts);
        }
        for conversation in &mut conversations {
            conversation.fold(&index.facts);
        }
        Self { conversations }
    }

    pub fn get(&self, conv: Conv) -> &Conversation {
        &self.conversations[conv as usize]
    }

    /// The conversations that have records.
    pub fn all(&self) -> impl Iterator<Item = (Conv, &Conversation)> {
        (0..).zip(&self.conversations).filter(|(_, conversation)| !conversation.records.is_empty())
    }
}

impl Conversation {
    fn place(&mut self, number: u32, fact: &Fact, facts: &[Fact]) {
        let at = fact.seq as usize - 1;
        if self.records.len() <= at {
            self.records.resize(at + 1, None);
        }
        // The log's stands; of what others saw the one that still has its body.
        let is_better = |known: u32| facts[known as usize].redacted && !fact.redacted;
        if self.records[at].is_none_or(is_better) {
            self.records[at] = Some(number);
        }
    }

    fn fold(&mut self, facts: &[Fact]) {
        for number in self.records.clone().into_iter().flatten() {
            let fact = &facts[number as usize];
            match fact.kind {
                Kind::Delete => drop(self.deleted.insert(fact.target)),
                _ if fact.expires => drop(self.expiring.insert(fact.seq)),
                _ => {}
            }
            if let Some(change) = &fact.change {
                self.change(fact.seq, change);
            }
        }
    }

    fn change(&mut self, seq: u64, change: &Change) {
        match change {
            Change::Created { members, history } => {
                self.history = *history;
                for (user, role) in members {
                    self.join(*user, *role, seq, 0);
                }
            }
            Change::Added(members) => {
                let floor = if self.history == HistoryRule::All { 0 } else { seq - 1 };
                for (user, role) in members {
                    self.join(*user, *role, seq, floor);
                }
            }
            Change::Gone { user, owner } => {
                let span = self.members.get_mut(user).and_then(|standing| standing.spans.last_mut());
                if let Some(span) = span {
                    span.left.get_or_insert(seq);
                }
                self.hand_over(*owner);
            }
            Change::Role { user, role, owner } => {
                if let Some(standing) = self.members.get_mut(user) {
                    standing.role = *role;
                }
                self.hand_over(*owner);
            }
            Change::History(history) => self.history = *history,
        }
    }

    fn join(&mut self, user: User, role: Role, joined: u64, floor: u64) {
        let standing = self.members.entry(user).or_insert(Standing { role, spans: Vec::new() });
        standing.role = role;
        standing.spans.push(Span { floor, joined, left: None });
    }

    /// Giving `owner` away leaves an admin (PROTOCOL §1).
    fn hand_over(&mut self, owner: Option<User>) {
        let Some(owner) = owner else { return };
        for (user, standing) in &mut self.members {
            if *user == owner {
                standing.role = Role::Owner;
            } else if standing.role == Role::Owner {
                standing.role = Role::Admin;
            }
        }
    }

    /// The last record.
    pub fn end(&self) -> u64 {
        self.records.len() as u64
    }

    /// The last record that a standing shows.
    pub fn head(&self, standing: &Standing) -> u64 {
        standing.span().left.unwrap_or(self.end())
    }

    pub fn at(&self, seq: u64) -> Option<u32> {
        self.records.get((seq as usize).checked_sub(1)?).copied().flatten()
    }

    /// Countable records up to a seq; none: nobody saw it.
    pub fn ord(&self, seq: u64, facts: &[Fact]) -> Option<u64> {
        if seq == 0 { Some(0) } else { self.at(seq).map(|number| facts[number as usize].ord) }
    }

    /// Whether a record may be shown without its body.
    pub fn may_be_redacted(&self, fact: &Fact) -> bool {
        let is_gone = |seq: &u64| self.deleted.contains(seq) || self.expiring.contains(seq);
        is_gone(&fact.seq) || fact.kind == Kind::Edit && is_gone(&fact.target)
    }
}

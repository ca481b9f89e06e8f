//! What is decided: state + command + facts → records, rows, answers. State moves only when the
//! batch has been committed ([`Core::apply`]); a draft that was not is dropped and leaves no trace.

mod draft;
mod groups;
mod memory;
mod messages;
#[cfg(test)]
mod tests;

pub use draft::{Change, Decided, Draft, Duplicate, Input, is_certainly_new};
pub use memory::{Memory, Remembered};

use parlor_schemas::{
    ConversationId, Limits, RecordText, Timestamp,
    header::Header,
    rows::{HeadRow, MembersRow, PositionRow, Row},
    topics::{Offset, Partition},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// A conversation as ingest knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// Members and shared settings.
    pub members: Arc<MembersRow>,
    /// The last seq, 0 before the first record.
    pub seq: u64,
    /// Countable records.
    pub ord: u64,
    /// UUIDv1 ticks of the last record.
    pub ticks: u64,
}

/// What the store and the tails said about a command, read before it is decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The dedup index's answer; `None`: not asked, or could not be had.
    pub index: Option<IndexFact>,
    /// The record acted on; `None`: not asked, or could not be had, or found nowhere.
    pub target: Option<TargetFact>,
}

/// The answer of the store's dedup index.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexFact {
    /// How far the persister was, read *before* the index.
    pub written_to: Offset,
    /// The first one's ack.
    pub ack: Option<parlor_engines::store::StoredAck>,
}

/// The record acted on.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetFact {
    /// The record, redacted if it was deleted.
    pub text: RecordText,
    /// A delete of it was seen.
    pub deleted: bool,
}

/// Why a rebuild can't go on: the log contradicts itself.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("{conversation}: record {found} follows {last}")]
pub struct Gap {
    conversation: ConversationId,
    last: u64,
    found: u64,
}

/// The state of one partition's sequencer.
#[derive(Clone, Debug)]
pub struct Core {
    partition: Partition,
    limits: Limits,
    conversations: HashMap<ConversationId, Conversation>,
    memory: Memory,
    log_time: Timestamp,
    next_command: Offset,
    /// All of `chat.messages.v1` before it is in rows.
    covered: Offset,
    /// One past the last committed record.
    messages_end: Offset,
    /// Conversations whose head is ahead of their head row.
    dirty: HashSet<ConversationId>,
}

impl Core {
    /// The state that a position row describes, before rows and records are folded in. `None`: a
    /// new partition.
    pub fn new(partition: Partition, limits: Limits, position: Option<PositionRow>) -> Self {
        let position = position.unwrap_or_default();
        Self {
            partition,
            limits,
            conversations: HashMap::new(),
            memory: Memory::new(position.remembered, position.forgotten, position.forgotten_at),
            log_time: position.log_time,
            next_command: position.next_command,
            covered: position.covered,
            messages_end: position.covered.max(position.remembered),
            dirty: HashSet::new(),
        }
    }

    /// The next command to decide.
    pub fn next_command(&self) -> Offset {
        self.next_command
    }

    /// The running maximum of the commands' append times.
    pub fn log_time(&self) -> Timestamp {
        self.log_time
    }

    /// The memory of deduplication.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Where the fold of `chat.messages.v1` starts.
    pub fn fold_from(&self) -> Offset {
        self.covered.min(self.memory.remembered())
    }

    /// Takes a members or head row in (rows come before records).
    pub fn load(&mut self, row: Row) {
        match row {
            Row::Members(row) => {
                let id = row.conversation_id;
                self.conversation_mut(id, Some(Arc::new(row)));
            }
            Row::Head(HeadRow { conversation_id, seq, ord, ticks }) => {
                let conversation = self.conversation_mut(conversation_id, None);
                (conversation.seq, conversation.ord, conversation.ticks) = (seq, ord, ticks);
            }
            Row::Position(_) => {}
        }
    }

    fn conversation_mut(
        &mut self,
        id: ConversationId,
        members: Option<Arc<MembersRow>>,
    ) -> &mut Conversation {
        let conversation = self.conversations.entry(id).or_insert_with(|| Conversation {
            members: Arc::new(draft::no_members(id)),
            seq: 0,
            ord: 0,
            ticks: 0,
        });
        if let Some(members) = members {
            conversation.members = members;
        }
        conversation
    }

    /// Folds a committed record in, by its header. A record whose predecessor is missing is an
    /// alarm.
    pub fn fold(&mut self, offset: Offset, header: &Header) -> Result<(), Gap> {
        let conversation = self.conversation_mut(header.conversation_id, None);
        if header.seq > conversation.seq + 1 {
            let (last, found) = (conversation.seq, header.seq);
            return Err(Gap { conversation: header.conversation_id, last, found });
        }
        if header.seq == conversation.seq + 1 {
            conversation.seq = header.seq;
            conversation.ord = header.ord;
            conversation.ticks = parlor_schemas::time::message_ticks(header.message_id);
            self.dirty.insert(header.conversation_id);
        }
        if offset >= self.memory.remembered() {
            self.memory.remember(Remembered::of(offset, header));
        }
        self.messages_end = self.messages_end.max(offset + 1);
        Ok(())
    }

    /// Starts to decide a batch.
    pub fn draft(&self) -> Draft<'_> {
        Draft::new(self)
    }

    /// Whether head rows or `covered` are behind.
    pub fn is_behind_in_rows(&self) -> bool {
        !self.dirty.is_empty() || self.covered < self.messages_end
    }

    /// Moves the state by what was committed; `offsets` are those of the records, in order.
    pub fn apply(&mut self, change: Change, offsets: &[Offset]) {
        self.log_time = change.position.log_time;
        self.next_command = change.position.next_command;
        self.covered = change.position.covered;
        if change.wrote_heads {
            self.dirty.clear();
        }
        self.memory.forget_before(change.forget_before, self.limits.dedup_max);
        for (header, offset) in change.headers.iter().zip(offsets) {
            self.dirty.insert(header.conversation_id);
            self.messages_end = offset + 1;
            self.memory.remember(Remembered::of(*offset, header));
        }
        self.conversations.extend(change.conversations);
    }
}

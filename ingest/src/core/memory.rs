//! The memory of deduplication: a suffix of the partition's records, forgotten strictly in log
//! order and by log time alone.

use parlor_schemas::{
    ConversationId, MessageId, Timestamp, command::Hash, header::Header, record::Kind, topics::Offset,
};
use std::collections::{HashMap, VecDeque};

/// A record in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Remembered {
    pub offset: Offset,
    pub conversation_id: ConversationId,
    pub key_hash: Hash,
    pub payload_hash: Hash,
    pub message_id: MessageId,
    pub log_time: Timestamp,
    pub seq: u64,
    pub ord: u64,
    pub kind: Kind,
    pub target: Option<u64>,
}

impl Remembered {
    /// What a header says, at an offset.
    pub fn of(offset: Offset, header: &Header) -> Self {
        Self {
            offset,
            conversation_id: header.conversation_id,
            key_hash: header.key_hash,
            payload_hash: header.payload_hash,
            message_id: header.message_id,
            log_time: header.log_time,
            seq: header.seq,
            ord: header.ord,
            kind: header.kind,
            target: header.target,
        }
    }
}

/// The suffix.
#[derive(Clone, Debug)]
pub struct Memory {
    records: VecDeque<Remembered>,
    /// The number of the first of `records`, counted from the start of this memory.
    first: u64,
    by_key: HashMap<Hash, u64>,
    deletes: HashMap<(ConversationId, u64), u32>,
    /// Where the suffix starts if it is empty.
    start: Offset,
    forgotten: Option<Offset>,
    forgotten_at: Timestamp,
}

impl Memory {
    /// An empty memory that starts at `start`; `forgotten` is the newest record outside it.
    pub fn new(start: Offset, forgotten: Option<Offset>, forgotten_at: Timestamp) -> Self {
        Self {
            records: VecDeque::new(),
            first: 0,
            by_key: HashMap::new(),
            deletes: HashMap::new(),
            start,
            forgotten,
            forgotten_at,
        }
    }

    /// The record that was made with this key.
    pub fn find(&self, key: &Hash) -> Option<&Remembered> {
        self.by_key.get(key).map(|number| &self.records[(number - self.first) as usize])
    }

    /// Whether a delete of this record is remembered.
    pub fn is_deleted(&self, conversation: ConversationId, seq: u64) -> bool {
        self.deletes.contains_key(&(conversation, seq))
    }

    /// Adds the newest record.
    pub fn remember(&mut self, record: Remembered) {
        self.by_key.insert(record.key_hash, self.first + self.records.len() as u64);
        if let (Kind::Delete, Some(target)) = (record.kind, record.target) {
            *self.deletes.entry((record.conversation_id, target)).or_default() += 1;
        }
        self.start = self.start.max(record.offset + 1);
        self.records.push_back(record);
    }

    /// How many of the oldest records go if everything of before `time`, and everything above
    /// `max` records, is forgotten.
    pub fn to_forget(&self, time: Timestamp, max: usize) -> usize {
        let old = self.records.iter().take_while(|record| record.log_time < time).count();
        old.max(self.records.len().saturating_sub(max))
    }

    /// Forgets them.
    pub fn forget_before(&mut self, time: Timestamp, max: usize) {
        for _ in 0..self.to_forget(time, max) {
            let Some(record) = self.records.pop_front() else {
                return;
            };
            if self.by_key.get(&record.key_hash) == Some(&self.first) {
                self.by_key.remove(&record.key_hash);
            }
            if let (Kind::Delete, Some(target)) = (record.kind, record.target)
                && let Some(count) = self.deletes.get_mut(&(record.conversation_id, target))
            {
                *count -= 1;
                if *count == 0 {
                    self.deletes.remove(&(record.conversation_id, target));
                }
            }
            self.first += 1;
            self.forgotten = Some(record.offset);
            self.forgotten_at = self.forgotten_at.max(record.log_time);
        }
    }

    /// The offset where the memory starts.
    pub fn remembered(&self) -> Offset {
        self.records.front().map_or(self.start, |record| record.offset)
    }

    /// The newest record outside the memory: offset and log time. `None`: nothing was forgotten.
    pub fn forgotten(&self) -> Option<(Offset, Timestamp)> {
        self.forgotten.map(|offset| (offset, self.forgotten_at))
    }

    /// The same, as it will stand once `count` records more are forgotten, with the start then.
    pub fn after_forgetting(&self, count: usize) -> (Offset, Option<(Offset, Timestamp)>) {
        let last = count.checked_sub(1).and_then(|last| self.records.get(last));
        let start = self.records.get(count).map_or(self.start, |record| record.offset);
        match last {
            Some(record) => (start, Some((record.offset, self.forgotten_at.max(record.log_time)))),
            None => (self.remembered(), self.forgotten()),
        }
    }
}

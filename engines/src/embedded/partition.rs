//! One partition as readers see it: its ends, and a ring of its newest records in memory, so that
//! consumers near the end share the same bytes and never touch the database.

use super::block::Block;
use crate::log::{Ends, LogRecord};
use parking_lot::RwLock;
use parlor_schemas::topics::Offset;
use std::{collections::VecDeque, sync::Arc};
use tokio::sync::Notify;

/// A partition of a topic.
pub(super) struct Partition {
    state: RwLock<State>,
    /// Told after every move of the end.
    pub(super) moved: Notify,
}

struct State {
    first: Offset,
    end: Offset,
    ring: VecDeque<Arc<Chunk>>,
    ring_bytes: usize,
}

struct Chunk {
    first: Offset,
    records: Vec<LogRecord>,
    bytes: usize,
}

/// What a look at an offset gave.
pub(super) enum Look {
    /// At least one record.
    Records(Vec<LogRecord>),
    /// The offset is the end.
    End,
    /// Too old for the ring: the database has it, up to this end.
    Older(Offset),
    /// Outside the log.
    Outside(Ends),
}

/// How much one read may give.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

impl Partition {
    pub(super) fn new(ends: Ends) -> Self {
        let state = State { first: ends.first, end: ends.end, ring: VecDeque::new(), ring_bytes: 0 };
        Self { state: RwLock::new(state), moved: Notify::new() }
    }

    pub(super) fn ends(&self) -> Ends {
        let state = self.state.read();
        Ends { first: state.first, end: state.end }
    }

    /// Makes the records of a durable block readable. `ring_max`: bytes of the ring.
    pub(super) fn publish(&self, block: Block, ring_max: usize) {
        let Block { first, bytes, records } = block;
        let bytes = bytes.len() + records.len() * size_of::<LogRecord>();
        let chunk = Arc::new(Chunk { first, records, bytes });
        let mut state = self.state.write();
        state.end = first + chunk.records.len() as u64;
        state.ring_bytes += bytes;
        state.ring.push_back(chunk);
        while state.ring_bytes > ring_max {
            let Some(oldest) = state.ring.pop_front() else { break };
            state.ring_bytes -= oldest.bytes;
        }
    }

    /// Records before `first` are gone.
    pub(super) fn forget(&self, first: Offset) {
        let mut state = self.state.write();
        state.first = state.first.max(first);
    }

    /// The records from an offset on, if the ring has them.
    pub(super) fn look(&self, from: Offset, room: Room) -> Look {
        let chunks = {
            let state = self.state.read();
            if from < state.first || from > state.end {
                return Look::Outside(Ends { first: state.first, end: state.end });
            }
            if from == state.end {
                return Look::End;
            }
            if state.ring.front().is_none_or(|oldest| oldest.first > from) {
                return Look::Older(state.end);
            }
            state.chunks(from, room)
        };
        // Cloned outside the lock: the committer does not wait for readers.
        let mut records = Vec::new();
        for chunk in chunks {
            let skip = from.saturating_sub(chunk.first) as usize;
            let left = room.records - records.len();
            records.extend(chunk.records.iter().skip(skip).take(left).cloned());
        }
        Look::Records(records)
    }
}

impl State {
    fn chunks(&self, from: Offset, room: Room) -> Vec<Arc<Chunk>> {
        let start = self.ring.partition_point(|chunk| chunk.first <= from) - 1;
        let (mut records, mut bytes) = (0, 0);
        let fits = |chunk: &&Arc<Chunk>| {
            let fits = records < room.records && bytes < room.bytes;
            records += chunk.records.len();
            bytes += chunk.bytes;
            fits
        };
        self.ring.range(start..).take_while(fits).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::block::Builder, *};
    use crate::log::Entry;
    use bytes::Bytes;
    use parlor_schemas::{Timestamp, Topic};

    fn block(first: Offset, count: usize) -> Block {
        let mut builder = Builder::new(first, Timestamp(1), 0);
        for _ in 0..count {
            let value = Some(Bytes::from_static(&[0; 100]));
            let (topic, key) = (Topic::Messages, Bytes::new());
            builder.push(Entry { topic, partition: 0, key, value, headers: vec![] });
        }
        builder.finish()
    }

    #[test]
    fn gives_what_the_ring_has_and_says_what_it_has_not() {
        let partition = Partition::new(Ends { first: 0, end: 10 });
        let room = Room { records: 5, bytes: 1 << 20 };
        assert!(matches!(partition.look(10, room), Look::End));
        assert!(matches!(partition.look(11, room), Look::Outside(_)));
        for first in (10..40).step_by(3) {
            partition.publish(block(first, 3), 4_000);
        }
        assert!(matches!(partition.look(9, room), Look::Older(40)));
        let Look::Records(records) = partition.look(35, room) else { panic!("in the ring") };
        assert_eq!(records.iter().map(|r| r.offset).collect::<Vec<_>>(), [35, 36, 37, 38, 39]);
        assert!(matches!(partition.look(11, room), Look::Older(40)), "the ring is bounded");
        partition.forget(12);
        assert!(matches!(partition.look(11, room), Look::Outside(Ends { first: 12, end: 40 })));
    }
}

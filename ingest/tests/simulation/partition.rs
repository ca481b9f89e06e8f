//! One partition's topics in memory, behind the log port: offsets with holes, one owner, commits whose
//! outcome may be unknown.

use async_trait::async_trait;
use parking_lot::Mutex;
use parlor_engines::{
    Log,
    log::{Consumer, Durable, Ends, Entry, LogError, LogRecord, Owner, Read, Reader, StoredOffset},
};
use parlor_schemas::{
    Outcome, Timestamp, Topic,
    topics::{Group, Offset, Partition},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// One await: the scheduler may do anything meanwhile.
pub async fn pause() {
    struct Once(bool);
    impl Future for Once {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
        }
    }
    Once(false).await;
}

/// What a command came to, as far as its batch knew.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// A record.
    Recorded,
    /// An answer without one.
    Answered(Outcome),
}

/// By the offset of the command.
pub type Verdicts = BTreeMap<Offset, Verdict>;

/// A commit that is on its way.
struct Late {
    epoch: u64,
    entries: Vec<Entry>,
    verdicts: Verdicts,
}

/// Everything that survives a crash, and what the test knows beside it.
pub struct State {
    pub random: StdRng,
    pub commands: Vec<LogRecord>,
    pub messages: Vec<LogRecord>,
    pub rows: Vec<LogRecord>,
    /// Retention has taken the messages before it.
    pub kept_from: Offset,
    /// Commits end without trouble.
    pub is_calm: bool,
    /// Of the newest owner.
    pub epoch: u64,
    late: Vec<Late>,
    /// What the batch that is about to be committed has decided.
    pub deciding: Verdicts,
    pub decided: Verdicts,
    pub fenced: u32,
    pub unclear: u32,
    pub committed_late: u32,
}

impl State {
    /// One past the last record of a topic.
    pub fn end(records: &[LogRecord]) -> Offset {
        records.last().map_or(0, |record| record.offset + 1)
    }

    /// The topic's records.
    pub fn topic(&self, topic: Topic) -> &Vec<LogRecord> {
        match topic {
            Topic::Commands => &self.commands,
            Topic::Messages => &self.messages,
            _ => &self.rows,
        }
    }

    /// Writes a batch; the offsets of its entries.
    fn write(&mut self, entries: Vec<Entry>, verdicts: Verdicts) -> Vec<Offset> {
        let mut offsets = Vec::with_capacity(entries.len());
        for Entry { topic, partition, key, value, headers } in entries {
            let hole = u64::from(self.random.random_bool(0.2));
            let records = if topic == Topic::Messages { &mut self.messages } else { &mut self.rows };
            let offset = Self::end(records) + hole;
            records.push(LogRecord { partition, offset, at: Timestamp(0), key, value, headers });
            offsets.push(offset);
        }
        for (command, verdict) in verdicts {
            let before = self.decided.insert(command, verdict);
            assert_eq!(before, None, "command {command} was decided twice");
        }
        offsets
    }

    /// What was on its way arrives, and is refused if its owner is not the newest.
    pub fn arrive(&mut self) {
        for Late { epoch, entries, verdicts } in std::mem::take(&mut self.late) {
            if epoch == self.epoch {
                self.committed_late += 1;
                self.write(entries, verdicts);
            }
        }
    }
}

/// The log.
#[derive(Clone)]
pub struct Topics(pub Arc<Mutex<State>>);

impl Topics {
    /// Empty.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: StdRng::seed_from_u64(seed),
            commands: Vec::new(),
            messages: Vec::new(),
            rows: Vec::new(),
            kept_from: 0,
            is_calm: false,
            epoch: 0,
            late: Vec::new(),
            deciding: Verdicts::new(),
            decided: Verdicts::new(),
            fenced: 0,
            unclear: 0,
            committed_late: 0,
        })))
    }
}

fn no<T>() -> Result<T, LogError> {
    Err(LogError::Failed("not simulated".into()))
}

#[async_trait]
impl Log for Topics {
    fn partitions(&self, _: Topic) -> u32 {
        1
    }

    async fn append(&self, _: Vec<Entry>) -> Result<Durable, LogError> {
        no()
    }

    async fn claim(&self, _: Partition) -> Result<Box<dyn Owner>, LogError> {
        pause().await;
        let mut state = self.0.lock();
        state.epoch += 1;
        Ok(Box::new(SimulatedOwner { log: self.clone(), epoch: state.epoch }))
    }

    async fn join(&self, _: Group) -> Result<Box<dyn Consumer>, LogError> {
        no()
    }

    async fn read(&self, topic: Topic, _: Partition, from: Offset) -> Result<Box<dyn Reader>, LogError> {
        pause().await;
        let state = self.0.lock();
        let end = State::end(state.topic(topic));
        let first = if topic == Topic::Messages { state.kept_from } else { 0 };
        if from < first {
            return Err(LogError::OutOfRange {
                topic: format!("{topic:?}"),
                partition: 0,
                asked: from,
                first,
                end,
            });
        }
        Ok(Box::new(SimulatedReader { log: self.clone(), topic, next: from }))
    }

    async fn ends(&self, topic: Topic, _: Partition) -> Result<Ends, LogError> {
        pause().await;
        let state = self.0.lock();
        let first = if topic == Topic::Messages { state.kept_from } else { 0 };
        Ok(Ends { first, end: State::end(state.topic(topic)).max(first) })
    }

    async fn stored(&self, _: Group) -> Result<Vec<Option<StoredOffset>>, LogError> {
        no()
    }

    async fn rewind(&self, _: Group, _: Partition, _: StoredOffset) -> Result<(), LogError> {
        no()
    }
}

struct SimulatedOwner {
    log: Topics,
    epoch: u64,
}

#[async_trait]
impl Owner for SimulatedOwner {
    async fn commit(&mut self, entries: Vec<Entry>) -> Result<Vec<Offset>, LogError> {
        let verdicts = std::mem::take(&mut self.log.0.lock().deciding);
        pause().await;
        let outcome = {
            let mut state = self.log.0.lock();
            if self.epoch != state.epoch {
                state.fenced += 1;
                return Err(LogError::Fenced);
            }
            let luck = if state.is_calm { 100 } else { state.random.random_range(0..100) };
            state.unclear += u32::from(luck < 12);
            let unclear = || Err(LogError::Unavailable("no answer".into()));
            match luck {
                0..4 => unclear(),
                4..8 => {
                    state.late.push(Late { epoch: self.epoch, entries, verdicts });
                    unclear()
                }
                8..12 => {
                    state.write(entries, verdicts);
                    unclear()
                }
                _ => Ok(state.write(entries, verdicts)),
            }
        };
        pause().await;
        outcome
    }
}

struct SimulatedReader {
    log: Topics,
    topic: Topic,
    next: Offset,
}

#[async_trait]
impl Reader for SimulatedReader {
    async fn next(&mut self) -> Result<Read, LogError> {
        pause().await;
        let mut state = self.log.0.lock();
        let count = state.random.random_range(1..8);
        let records = state.topic(self.topic);
        let from = records.partition_point(|record| record.offset < self.next);
        let some: Vec<LogRecord> = records[from..].iter().take(count).cloned().collect();
        let Some(last) = some.last() else { return Ok(Read::End(self.next)) };
        self.next = last.offset + 1;
        Ok(Read::Records(some))
    }
}

//! One id is one record: resends, skewed clocks, a memory that forgets, an index that lags.
//!
//! # What of the design is checked (§3, "Dedup is decided before anything else")
//!
//! - "by log time alone", and log time is "the running maximum" of the append times;
//! - "memory is a suffix of the partition's records, the last 30 min of log time (fewer at its size
//!   cap), forgotten strictly in log order; `forgotten` is the offset and log time of the newest record
//!   outside it", also after a rebuild from the position row;
//! - "more than 20 min ahead of log time, or older than 29 days → `invalid_request`; a v7 later than
//!   `forgotten`'s log time + 20 min → certainly new; anything else → the store's index decides, and
//!   only if `written_to` (read *before* the index) is past `forgotten` as it stands when the command is
//!   decided, else `unavailable`. No clock of a client, gateway or broker can make a double".
//!
//! # What is abstracted
//!
//! Time is a small number. An id is the time it was made by the client's clock, or none (no v7); a
//! command may have any append time, so every skew of clients, gateways and brokers is there, also
//! clocks that go back. The first command is decided while memory is empty and everything is new. The
//! index has a record once the persister has written it, and says so (`written_to`) some time later;
//! it may lose a record only when the log is past every id that the record can have, by log time. Facts
//! are read at any time between poll and decision, and several commands may wait; each decision is
//! drafted, a batch commits one or more of them, a crash throws the draft away. Payloads are the same:
//! `conflict` is a comparison of hashes after the same look-up. `unavailable` is always allowed.
//!
//! # What the model shows of the design's limits
//!
//! `invalid_request` for an old id says nothing about its record: a client whose clock is slow by nearly
//! the age bound is refused when it resends after memory has forgotten, though the first one was
//! recorded ("a recorded id is refused for its age" is reachable). It is no double: the same id can
//! never become a second record. And "the index keeps 30 days" has to be by a clock that is never ahead
//! of log time: an index that forgets by another clock doubles.
//!
//! # Bounds
//!
//! Window, "ahead" and age are 1, 1 and 2; one v7 and one id without time, times 0, 2 and 4, four
//! commands of which two wait, one crash: 1,000,000 states. With three ids and four times: 12,700,000.

use stateright::{Model, Property};

#[cfg(test)]
mod tests;

/// The rules; each off is a known way to a double.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each rule is on or off")]
pub struct Rules {
    /// The oldest record in memory goes first, not the oldest id.
    pub forget_in_log_order: bool,
    /// An id is certainly new only if it is later than what was forgotten, and the margin.
    pub margin: bool,
    /// Ids too far ahead of the log are refused.
    pub ahead_is_refused: bool,
    /// `written_to` is read before the index.
    pub written_to_first: bool,
    /// The index's "no" counts only if the index holds all that memory forgot ...
    pub index_must_cover: bool,
    /// ... as it stands when the command is decided, not when the facts were read.
    pub forgotten_when_decided: bool,
    /// The position row keeps `forgotten`.
    pub forgotten_is_kept: bool,
    /// Log time never goes back.
    pub running_maximum: bool,
    /// The index keeps an entry for as long as log time allows its id, whatever another clock says.
    pub index_by_log_time: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            forget_in_log_order: true,
            margin: true,
            ahead_is_refused: true,
            written_to_first: true,
            index_must_cover: true,
            forgotten_when_decided: true,
            forgotten_is_kept: true,
            running_maximum: true,
            index_by_log_time: true,
        }
    }
}

/// The model.
#[derive(Clone, Debug)]
pub struct Dedup {
    /// Which rules hold.
    pub rules: Rules,
    /// When each id was made, by its maker's clock; `None`: no v7.
    pub ids: Vec<Option<i8>>,
    /// Append times.
    pub times: Vec<i8>,
    /// Commands in all.
    pub commands: u8,
    /// Commands that wait at the same time.
    pub waiting: usize,
    /// Restarts.
    pub crashes: u8,
    /// Records in memory at most.
    pub cap: usize,
}

/// Memory's window in log time.
const WINDOW: i8 = 1;
/// How far an id may be ahead of the log.
const AHEAD: i8 = 1;
/// How old an id may be.
const AGE: i8 = 2;

impl Default for Dedup {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            ids: vec![Some(1), None],
            times: vec![0, 2, 4],
            commands: 4,
            waiting: 2,
            crashes: 1,
            cap: 2,
        }
    }
}

/// What the index said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Index {
    /// It was not asked.
    #[default]
    Unread,
    /// It has no such id.
    Empty,
    /// It has, at this offset.
    Found(u8),
}

/// What the store said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    written_to: Option<u8>,
    index: Index,
    /// What was forgotten when the store was asked first.
    forgotten_then: Option<u8>,
}

/// A command that is not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Command {
    id: u8,
    at: i8,
    facts: Facts,
}

/// A record; its offset is its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    id: u8,
    log_time: i8,
}

/// The sequencer's state, and the position row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Core {
    log_time: i8,
    /// Offsets in memory, as bits.
    memory: u8,
    /// The newest record outside memory: offset and log time.
    forgotten: Option<(u8, i8)>,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools, reason = "each is something that has happened")]
pub struct State {
    sent: u8,
    /// Commands in the log that are not committed, in order.
    queue: Vec<Command>,
    /// So many of them are decided in the draft.
    drafted: usize,
    /// Records of the draft.
    draft: Vec<Record>,
    draft_time: i8,
    records: Vec<Record>,
    core: Core,
    row: Core,
    /// The persister has written the records before this offset ...
    written: u8,
    /// ... and says so of those before this one.
    written_to: u8,
    crashes: u8,
    /// A definite answer was wrong.
    lied: bool,
    /// A record's id was refused for its age.
    too_old: bool,
    /// The index told a duplicate.
    told_by_index: bool,
    /// The index's "no" made a record.
    new_by_index: bool,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A command with this id gets this append time.
    Send(u8, i8),
    /// `written_to` is read for a waiting command.
    ReadWrittenTo(usize),
    /// The index is read for a waiting command; an entry past its time is found, or not.
    ReadIndex(usize, bool),
    /// The next command is decided.
    Decide,
    /// The draft is committed.
    Commit,
    /// The persister writes the next record.
    Write,
    /// The persister says how far it is.
    Say,
    /// The sequencer begins anew from the position row.
    Crash,
}

/// What a command comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    New,
    NewByIndex,
    Duplicate(u8),
    DuplicateByIndex(u8),
    /// Of a record in the same draft.
    DuplicateInDraft,
    TooFarAhead,
    TooOld,
    Unavailable,
}

impl Dedup {
    fn made(&self, id: u8) -> Option<i8> {
        self.ids[usize::from(id)]
    }

    fn log_time(&self, before: i8, at: i8) -> i8 {
        if self.rules.running_maximum { before.max(at) } else { at }
    }

    /// The order of the design: memory, the clock, the index.
    fn decide(&self, state: &State, command: Command, log_time: i8) -> Verdict {
        if state.draft.iter().any(|record| record.id == command.id) {
            return Verdict::DuplicateInDraft;
        }
        let remembered = (0..state.records.len() as u8).filter(|offset| state.core.memory & 1 << offset != 0);
        let known = |offset: &u8| state.records[usize::from(*offset)].id == command.id;
        if let Some(offset) = remembered.rev().find(known) {
            return Verdict::Duplicate(offset);
        }
        let made = self.made(command.id);
        if self.rules.ahead_is_refused && made.is_some_and(|made| made > log_time + AHEAD) {
            return Verdict::TooFarAhead;
        }
        if made.is_some_and(|made| made < log_time - AGE) {
            return Verdict::TooOld;
        }
        let Some((forgotten, forgotten_at)) = state.core.forgotten else { return Verdict::New };
        let margin = if self.rules.margin { AHEAD } else { 0 };
        if made.is_some_and(|made| made > forgotten_at + margin) {
            return Verdict::New;
        }
        let Facts { written_to: Some(written_to), index, forgotten_then } = command.facts else {
            return Verdict::Unavailable;
        };
        match index {
            Index::Unread => return Verdict::Unavailable,
            Index::Found(offset) => return Verdict::DuplicateByIndex(offset),
            Index::Empty => {}
        }
        let forgotten = if self.rules.forgotten_when_decided { Some(forgotten) } else { forgotten_then };
        let knows_all = forgotten.is_none_or(|forgotten| written_to > forgotten);
        if knows_all || !self.rules.index_must_cover { Verdict::NewByIndex } else { Verdict::Unavailable }
    }

    fn draft_next(&self, state: &mut State) {
        let command = state.queue[state.drafted];
        let log_time = self.log_time(state.draft_time, command.at);
        let verdict = self.decide(state, command, log_time);
        state.drafted += 1;
        state.draft_time = log_time;
        match verdict {
            Verdict::New | Verdict::NewByIndex => {
                state.new_by_index |= verdict == Verdict::NewByIndex;
                state.draft.push(Record { id: command.id, log_time });
            }
            Verdict::Duplicate(offset) | Verdict::DuplicateByIndex(offset) => {
                state.told_by_index |= matches!(verdict, Verdict::DuplicateByIndex(_));
                state.lied |= state.records[usize::from(offset)].id != command.id;
            }
            Verdict::TooFarAhead => {
                state.lied |= state.records.iter().any(|record| record.id == command.id);
            }
            Verdict::TooOld => {
                state.too_old |= state.records.iter().any(|record| record.id == command.id);
            }
            Verdict::DuplicateInDraft | Verdict::Unavailable => {}
        }
    }

    fn commit(&self, state: &mut State) {
        state.core.log_time = state.draft_time;
        self.forget(&mut state.core, &state.records);
        for record in std::mem::take(&mut state.draft) {
            state.core.memory |= 1 << state.records.len();
            state.records.push(record);
        }
        state.row = state.core;
        state.queue.drain(..state.drafted);
        state.drafted = 0;
    }

    fn forget(&self, core: &mut Core, records: &[Record]) {
        let before = core.log_time - WINDOW;
        loop {
            let remembered = (0..records.len()).filter(|offset| core.memory & 1 << offset != 0);
            let oldest = if self.rules.forget_in_log_order {
                remembered.min()
            } else {
                remembered.min_by_key(|offset| self.made(records[*offset].id))
            };
            let Some(oldest) = oldest else { return };
            let is_over = core.memory.count_ones() as usize > self.cap;
            let record = records[oldest];
            if !is_over && record.log_time >= before {
                return;
            }
            core.memory &= !(1 << oldest);
            let at = core.forgotten.map_or(record.log_time, |(_, at)| {
                if self.rules.running_maximum { at.max(record.log_time) } else { record.log_time }
            });
            core.forgotten = Some((oldest as u8, at));
        }
    }

    fn crash(&self, state: &mut State) {
        state.crashes += 1;
        state.core = state.row;
        if !self.rules.forgotten_is_kept {
            state.core.forgotten = None;
        }
        state.draft.clear();
        state.drafted = 0;
        state.draft_time = state.core.log_time;
        for command in &mut state.queue {
            command.facts = Facts::default();
        }
    }

    /// What the index says now; an entry past its time may be gone.
    fn look_up(&self, state: &State, id: u8, is_kept: bool) -> Index {
        let written = &state.records[..usize::from(state.written)];
        let Some(offset) = written.iter().position(|record| record.id == id) else { return Index::Empty };
        let may_go =
            !self.rules.index_by_log_time || state.core.log_time > written[offset].log_time + AHEAD + AGE;
        if is_kept || !may_go { Index::Found(offset as u8) } else { Index::Empty }
    }

    /// Whether reading now, with `written_to` or without, is the order of this model's rule.
    fn may_read(&self, facts: Facts, index: bool) -> bool {
        let (mine, other) = if index {
            (facts.index != Index::Unread, facts.written_to.is_some())
        } else {
            (facts.written_to.is_some(), facts.index != Index::Unread)
        };
        let is_first = self.rules.written_to_first != index;
        !mine && other != is_first
    }
}

impl Model for Dedup {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let core = Core { log_time: 0, memory: 0, forgotten: None };
        vec![State {
            sent: 0,
            queue: Vec::new(),
            drafted: 0,
            draft: Vec::new(),
            draft_time: 0,
            records: Vec::new(),
            core,
            row: core,
            written: 0,
            written_to: 0,
            crashes: 0,
            lied: false,
            too_old: false,
            told_by_index: false,
            new_by_index: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.sent < self.commands && state.queue.len() < self.waiting {
            for id in 0..self.ids.len() as u8 {
                actions.extend(self.times.iter().map(|at| Action::Send(id, *at)));
            }
        }
        for (at, command) in state.queue.iter().enumerate().skip(state.drafted) {
            if self.may_read(command.facts, false) {
                actions.push(Action::ReadWrittenTo(at));
            }
            if self.may_read(command.facts, true) {
                actions.push(Action::ReadIndex(at, true));
                if self.look_up(state, command.id, true) != self.look_up(state, command.id, false) {
                    actions.push(Action::ReadIndex(at, false));
                }
            }
        }
        if state.drafted < state.queue.len() {
            actions.push(Action::Decide);
        }
        if state.drafted > 0 {
            actions.push(Action::Commit);
        }
        if usize::from(state.written) < state.records.len() {
            actions.push(Action::Write);
        }
        if state.written_to < state.written {
            actions.push(Action::Say);
        }
        if state.crashes < self.crashes {
            actions.push(Action::Crash);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Send(id, at) => {
                state.sent += 1;
                state.queue.push(Command { id, at, facts: Facts::default() });
            }
            Action::ReadWrittenTo(at) => {
                let (written_to, forgotten) = (state.written_to, state.core.forgotten);
                let facts = &mut state.queue[at].facts;
                facts.written_to = Some(written_to);
                if facts.index == Index::Unread {
                    facts.forgotten_then = forgotten.map(|(offset, _)| offset);
                }
            }
            Action::ReadIndex(at, is_kept) => {
                let found = self.look_up(&state, state.queue[at].id, is_kept);
                let forgotten = state.core.forgotten;
                let facts = &mut state.queue[at].facts;
                facts.index = found;
                if facts.written_to.is_none() {
                    facts.forgotten_then = forgotten.map(|(offset, _)| offset);
                }
            }
            Action::Decide => self.draft_next(&mut state),
            Action::Commit => self.commit(&mut state),
            Action::Write => state.written += 1,
            Action::Say => state.written_to = state.written,
            Action::Crash => self.crash(&mut state),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one id is one record", |model: &Self, state: &State| {
                let records = &state.records;
                (0..records.len()).all(|later| {
                    // An id that is no v7 has no age: it is known for as long as the index is.
                    let is_past = |earlier: &Record| {
                        model.made(earlier.id).is_none()
                            && records[later].log_time > earlier.log_time + AHEAD + AGE
                    };
                    records[..later].iter().all(|earlier| earlier.id != records[later].id || is_past(earlier))
                })
            }),
            Property::always("a definite answer is never wrong", |_: &Self, state: &State| !state.lied),
            Property::always("memory is a suffix", |_: &Self, state: &State| {
                let count = state.core.memory.count_ones() as usize;
                let suffix =
                    (state.records.len() - count..state.records.len()).fold(0, |bits, o| bits | 1 << o);
                state.core.memory == suffix
            }),
            Property::sometimes("the index knows a duplicate", |_: &Self, state: &State| state.told_by_index),
            Property::sometimes("the index knows an id to be new", |_: &Self, state: &State| {
                state.new_by_index
            }),
            // A limit of the design, not a defect of the model: see the module's head.
            Property::sometimes("a recorded id is refused for its age", |_: &Self, state: &State| {
                state.too_old
            }),
            Property::sometimes("everything is decided after a crash", |model: &Self, state: &State| {
                state.sent == model.commands && state.queue.is_empty() && state.crashes > 0
            }),
        ]
    }
}

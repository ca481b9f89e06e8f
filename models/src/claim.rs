//! Owners of one partition of the ordered log: claim, commit, crash, zombies, rebuild.
//!
//! # What of the design is checked (§3)
//!
//! - "one owner per partition, fenced; each batch of outputs commits as one unit or not at all";
//! - "after any commit whose first attempt did not simply succeed: a new producer (new epoch); drop
//!   what was not committed, fold on from the offsets the committed state covers; never a retry on the
//!   old one (a delayed EndTxn must not meet the next transaction)";
//! - "fence, take the ends, load the rows, fold from min(`covered`, `remembered`) to the end, go on at
//!   the position. Nothing is decided twice";
//! - "head rows and `covered` follow in a transaction of their own if no command comes";
//! - "no answer leaves before the commit of the batch it was decided in".
//!
//! # What is abstracted
//!
//! One partition with one conversation; the commands stand in the log from the start, some of them with
//! the same id. Memory keeps every id (`remembered` is 0: forgetting is the model `dedup`). The broker is
//! one atomic thing that knows the epoch of the newest producer and what each has open; a claim aborts
//! what the claimed epoch left. Entries of a batch reach it one by one; the request to end a
//! transaction may be on its way for any time, and its answer may be lost. A paused process is one
//! whose next step comes late; a crash forgets everything but what is on its way.
//!
//! # Bounds
//!
//! Two owners, three claims, three commands of which two have the same id, batches of up to two:
//! 585,000 states; 3,700,000 with four claims.

use stateright::{Model, Property};

#[cfg(test)]
mod tests;

/// The rules that the design adds to the obvious; each off is a known way to break the promise.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each rule is on or off")]
pub struct Rules {
    /// The broker refuses what an earlier epoch sends.
    pub fencing: bool,
    /// After an unclear commit a producer is never used again.
    pub new_producer: bool,
    /// A new owner knows only what was committed, not what it thought before.
    pub rebuild: bool,
    /// Records and the position are one unit.
    pub one_unit: bool,
    /// The claim comes before the reading.
    pub fence_first: bool,
    /// The fold begins where memory does, not where the head rows end.
    pub fold_from_remembered: bool,
    /// Answers wait for the commit.
    pub commit_first: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            fencing: true,
            new_producer: true,
            rebuild: true,
            one_unit: true,
            fence_first: true,
            fold_from_remembered: true,
            commit_first: true,
        }
    }
}

/// The model.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Which rules hold.
    pub rules: Rules,
    /// The id of each command; the same one again is a resend.
    pub ids: Vec<u8>,
    /// How many processes want the partition.
    pub owners: usize,
    /// How many claims there are in all.
    pub claims: u8,
}

impl Default for Claim {
    fn default() -> Self {
        Self { rules: Rules::default(), ids: vec![0, 1, 0], owners: 2, claims: 3 }
    }
}

/// What a producer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// A record, with the command that it comes from.
    Record {
        /// Its place in the conversation.
        seq: u8,
        /// The offset of the command.
        command: u8,
    },
    /// The head row, with what is covered by it.
    Head {
        /// The last seq.
        seq: u8,
        /// Every record before this offset is in rows.
        covered: u8,
    },
    /// The position row: the next command.
    Position(u8),
}

/// Rows as they were committed last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rows {
    next: u8,
    seq: u8,
    covered: u8,
}

/// The broker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Broker {
    /// Of the newest producer; also the number of claims.
    epoch: u8,
    /// What each owner's transaction holds.
    open: Vec<Vec<Entry>>,
    /// Committed records: seq and command.
    records: Vec<(u8, u8)>,
    rows: Rows,
    /// A producer of an earlier epoch has changed something.
    changed_by_zombie: bool,
    /// One was refused.
    refused_zombie: bool,
}

/// A sequencer's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Core {
    next: u8,
    seq: u8,
    /// Ids in memory, as bits.
    known: u8,
    covered: u8,
    /// One past the last record.
    end: u8,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Not there.
    Down,
    /// Has claimed (epoch 0: not yet) and read nothing.
    Claimed(u8),
    /// Has read the rows.
    Loaded(u8, Rows),
    /// Decides. Epoch 0: has read all, and claims only now.
    Ready(u8, Core),
    /// Sends a batch: what is still to be sent, and the state after it.
    Writing(u8, Core, Vec<Entry>, Core),
    /// Has asked for the commit.
    Ending(u8, Core, Core),
    /// Found a record whose predecessor is missing.
    Alarmed,
}

/// A request to commit that is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct End {
    owner: usize,
    epoch: u8,
    /// It is the one that the owner waits for.
    awaited: bool,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    broker: Broker,
    owners: Vec<Owner>,
    /// Sorted.
    ends: Vec<End>,
    /// Commands that were answered, as bits.
    answered: u8,
    unclear: bool,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A process begins to serve the partition.
    Start(usize),
    /// It reads the rows, or then the records.
    Read(usize),
    /// It decides so many commands, with the head row or without.
    Decide(usize, u8, bool),
    /// It sends the next entry, or asks for the commit.
    Send(usize),
    /// A request to commit arrives; its answer does, too, or is lost.
    Arrive(usize, bool),
    /// The owner waits no longer.
    TimeOut(usize),
    /// The process is gone.
    Crash(usize),
}

impl Claim {
    /// Folds committed records over rows; `None`: a record's predecessor is missing.
    fn fold(&self, rows: Rows, records: &[(u8, u8)]) -> Option<Core> {
        let mut core = Core { next: rows.next, seq: rows.seq, known: 0, covered: rows.covered, end: 0 };
        let from = if self.rules.fold_from_remembered { 0 } else { rows.covered };
        for (seq, command) in &records[usize::from(from)..] {
            if *seq > core.seq + 1 {
                return None;
            }
            core.seq = core.seq.max(*seq);
            core.known |= 1 << self.ids[usize::from(*command)];
        }
        core.end = records.len() as u8;
        Some(core)
    }

    /// The entries of a batch, and the state after it.
    fn decide(&self, core: Core, size: u8, heads: bool) -> (Vec<Entry>, Core) {
        let (mut entries, mut after) = (Vec::new(), core);
        for command in core.next..core.next + size {
            let id = 1 << self.ids[usize::from(command)];
            if after.known & id == 0 {
                after.known |= id;
                after.seq += 1;
                after.end += 1;
                entries.push(Entry::Record { seq: after.seq, command });
            }
        }
        after.next += size;
        if heads {
            after.covered = core.end;
            entries.push(Entry::Head { seq: after.seq, covered: core.end });
        }
        entries.push(Entry::Position(after.next));
        (entries, after)
    }

    fn commands(&self) -> u8 {
        self.ids.len() as u8
    }

    /// Whether the broker takes what this epoch sends.
    fn takes(&self, state: &State, epoch: u8) -> bool {
        !self.rules.fencing || epoch == state.broker.epoch
    }

    /// A claim: a new epoch, and what was open is aborted.
    fn claim(&self, state: &mut State, owner: usize) -> u8 {
        state.broker.epoch += 1;
        if self.rules.fencing {
            state.broker.open.iter_mut().for_each(Vec::clear);
        } else {
            state.broker.open[owner].clear();
        }
        state.broker.epoch
    }

    fn read(&self, state: &mut State, owner: usize) {
        state.owners[owner] = match state.owners[owner] {
            Owner::Claimed(epoch) => Owner::Loaded(epoch, state.broker.rows),
            Owner::Loaded(epoch, rows) => match self.fold(rows, &state.broker.records) {
                Some(core) => Owner::Ready(epoch, core),
                None => Owner::Alarmed,
            },
            Owner::Ready(0, core) => {
                let epoch = self.claim(state, owner);
                Owner::Ready(epoch, core)
            }
            _ => return,
        };
    }

    fn send(&self, state: &mut State, owner: usize) {
        let Owner::Writing(epoch, before, mut queue, after) = state.owners[owner].clone() else { return };
        if !self.takes(state, epoch) {
            state.owners[owner] = Owner::Down;
            state.broker.refused_zombie = true;
            return;
        }
        if queue.is_empty() {
            state.ends.push(End { owner, epoch, awaited: true });
            state.ends.sort_unstable();
            state.owners[owner] = Owner::Ending(epoch, before, after);
            return;
        }
        let entry = queue.remove(0);
        match entry {
            Entry::Record { seq, command } if !self.rules.one_unit => {
                state.broker.records.push((seq, command));
            }
            _ => state.broker.open[owner].push(entry),
        }
        state.owners[owner] = Owner::Writing(epoch, before, queue, after);
    }

    fn arrive(&self, state: &mut State, at: usize, answered: bool) {
        let End { owner, epoch, awaited } = state.ends.remove(at);
        let taken = self.takes(state, epoch) && !state.broker.open[owner].is_empty();
        if taken {
            state.broker.changed_by_zombie |= epoch != state.broker.epoch;
            for entry in std::mem::take(&mut state.broker.open[owner]) {
                match entry {
                    Entry::Record { seq, command } => state.broker.records.push((seq, command)),
                    Entry::Head { seq, covered } => {
                        (state.broker.rows.seq, state.broker.rows.covered) = (seq, covered);
                    }
                    Entry::Position(next) => state.broker.rows.next = next,
                }
            }
        } else {
            state.broker.refused_zombie = true;
        }
        let Owner::Ending(_, before, after) = state.owners[owner] else { return };
        if !awaited || !answered {
            return;
        }
        state.owners[owner] = if taken {
            state.answered |= commands_between(before.next, after.next);
            Owner::Ready(epoch, after)
        } else {
            Owner::Down
        };
    }

    /// What the owner does about a commit of which it does not know whether it was.
    fn time_out(&self, state: &mut State, owner: usize) {
        let Owner::Ending(epoch, before, after) = state.owners[owner] else { return };
        state.unclear = true;
        for end in state.ends.iter_mut().filter(|end| end.owner == owner) {
            end.awaited = false;
        }
        state.ends.sort_unstable();
        state.owners[owner] = if !self.rules.new_producer {
            // It aborts, and decides the batch again with the same producer.
            if self.takes(state, epoch) {
                state.broker.open[owner].clear();
            }
            Owner::Ready(epoch, before)
        } else if self.rules.rebuild || state.broker.epoch >= self.claims {
            Owner::Down
        } else {
            // It claims anew, and believes that the batch was committed.
            let epoch = self.claim(state, owner);
            Owner::Ready(epoch, after)
        };
    }
}

/// Commands from one up to another, as bits.
fn commands_between(from: u8, to: u8) -> u8 {
    (from..to).fold(0, |bits, command| bits | 1 << command)
}

impl Model for Claim {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let broker = Broker {
            epoch: 0,
            open: vec![Vec::new(); self.owners],
            records: Vec::new(),
            rows: Rows::default(),
            changed_by_zombie: false,
            refused_zombie: false,
        };
        let owners = vec![Owner::Down; self.owners];
        vec![State { broker, owners, ends: Vec::new(), answered: 0, unclear: false }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let may_claim = state.broker.epoch < self.claims;
        for (o, owner) in state.owners.iter().enumerate() {
            match owner {
                Owner::Down if may_claim => actions.push(Action::Start(o)),
                Owner::Down | Owner::Alarmed => {}
                Owner::Ready(0, _) if !may_claim => {}
                Owner::Claimed(_) | Owner::Loaded(..) | Owner::Ready(0, _) => actions.push(Action::Read(o)),
                Owner::Ready(_, core) => {
                    for size in 0..=2.min(self.commands() - core.next) {
                        let is_behind = core.covered < core.end;
                        if size > 0 {
                            actions.push(Action::Decide(o, size, false));
                        }
                        if is_behind {
                            actions.push(Action::Decide(o, size, true));
                        }
                    }
                }
                Owner::Writing(..) => actions.push(Action::Send(o)),
                Owner::Ending(..) => actions.push(Action::TimeOut(o)),
            }
            if !matches!(owner, Owner::Down | Owner::Alarmed) {
                actions.push(Action::Crash(o));
            }
        }
        for at in 0..state.ends.len() {
            actions.extend([Action::Arrive(at, true), Action::Arrive(at, false)]);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Start(o) if self.rules.fence_first => {
                let epoch = self.claim(&mut state, o);
                state.owners[o] = Owner::Claimed(epoch);
            }
            Action::Start(o) => state.owners[o] = Owner::Claimed(0),
            Action::Read(o) => self.read(&mut state, o),
            Action::Decide(o, size, heads) => {
                let Owner::Ready(epoch, core) = state.owners[o] else { return None };
                let (entries, after) = self.decide(core, size, heads);
                if !self.rules.commit_first {
                    state.answered |= commands_between(core.next, after.next);
                }
                state.owners[o] = Owner::Writing(epoch, core, entries, after);
            }
            Action::Send(o) => self.send(&mut state, o),
            Action::Arrive(at, answered) => self.arrive(&mut state, at, answered),
            Action::TimeOut(o) => self.time_out(&mut state, o),
            Action::Crash(o) => {
                state.owners[o] = Owner::Down;
                for end in state.ends.iter_mut().filter(|end| end.owner == o) {
                    end.awaited = false;
                }
                state.ends.sort_unstable();
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no command is decided twice", |model: &Self, state: &State| {
                let records = &state.broker.records;
                let id = |place: usize| model.ids[usize::from(records[place].1)];
                (0..records.len()).all(|later| (0..later).all(|earlier| id(earlier) != id(later)))
            }),
            Property::always("no command is skipped", |model: &Self, state: &State| {
                let Broker { records, rows, .. } = &state.broker;
                let id = |command: u8| model.ids[usize::from(command)];
                (0..rows.next).all(|c| records.iter().any(|(_, by)| *by <= c && id(*by) == id(c)))
                    && records.iter().all(|(_, by)| *by < rows.next)
            }),
            Property::always("the log is one order", |_: &Self, state: &State| {
                let records = &state.broker.records;
                (1..).zip(records).all(|(place, (seq, _))| *seq == place)
                    && records.is_sorted_by_key(|(_, command)| *command)
            }),
            Property::always("a zombie changes nothing", |_: &Self, state: &State| {
                !state.broker.changed_by_zombie
            }),
            Property::always("the owner knows what was committed", |model: &Self, state: &State| {
                let Broker { records, rows, epoch, .. } = &state.broker;
                state.owners.iter().all(|owner| match owner {
                    Owner::Ready(of, core) if of == epoch => model.fold(*rows, records) == Some(*core),
                    _ => true,
                })
            }),
            Property::always("no answer without a commit", |_: &Self, state: &State| {
                state.answered & !commands_between(0, state.broker.rows.next) == 0
            }),
            Property::always("no alarm", |_: &Self, state: &State| !state.owners.contains(&Owner::Alarmed)),
            Property::sometimes("everything is decided", |model: &Self, state: &State| {
                state.broker.rows.next == model.commands()
            }),
            Property::sometimes("a zombie is refused", |_: &Self, state: &State| state.broker.refused_zombie),
            Property::sometimes("an unclear commit has happened", |_: &Self, state: &State| {
                state.unclear && !state.broker.records.is_empty()
            }),
        ]
    }
}

//! From the ordered log to a device's cursor, whatever is lost on the way.
//!
//! # What of the design is checked (§4)
//!
//! - "first the tail, then the routes"; "a device registers before it reads heads";
//! - "every link numbers its publishes and beats. A missing number, a first number that isn't 1, or
//!   silence is a hole: the gateway re-reads the heads of its sockets' conversations that moved";
//! - "a fanout that takes a partition says so and begins at its stored offset, if the live epoch kept
//!   with that offset is still the present one; else, as after any live loss, at min(its offset, the
//!   persister's `written_to`)"; then "tails rebuilt";
//! - "refreshing a route tells whether it was there; if not, that user's heads are re-read after it";
//! - "whole or an error": reads of tails and heads wait until the partition is whole in this epoch;
//! - "tail slot only if absent": what is done again fills the slots that are missing;
//! - "users with joined ≤ seq ≤ left, under a members row whose `members_seq` is at least the
//!   record's"; "read the range first, the membership second".
//!
//! # What is abstracted
//!
//! One partition, one conversation, one gateway, one device. A number on a link is whether something
//! before it was lost, since nothing else is made of it. Offsets are numbers of records. The persister
//! may stop at any time, for ever: what is at rest must not need it. Fanout processes hand the partition
//! over without waiting for each other: the one before is a zombie that may take any further step, only
//! its offsets are refused. The socket between gateway and device is reliable: a broken one is a new
//! device. The tail is not trimmed.
//!
//! "At rest" is a state in which no step but a fault, a new record, a new device or the persister is
//! left, and somebody has the partition.
//!
//! # Bounds
//!
//! One message on its way per link. One fanout with two records, a lost message and a live loss: 471,000
//! states; the same with a member that joins or leaves, three records and no lost message: 304,000 and
//! 523,000. Two fanouts, each of which may crash: a lost message, 279,000; two records, 771,000; a live
//! loss, 1,962,000.

use stateright::{Model, Property};

mod steps;
#[cfg(test)]
mod tests;

/// The rules; each off is a known way to lose or to leak.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each rule is on or off")]
pub struct Rules {
    /// The tail is written before the routes are read.
    pub tail_first: bool,
    /// A device registers before it reads heads.
    pub register_first: bool,
    /// Publishes are numbered, and a gap is a hole.
    pub numbers: bool,
    /// The last number is told again and again.
    pub beats: bool,
    /// Who takes a partition says so.
    pub took: bool,
    /// An offset counts only in the live epoch that is kept with it.
    pub epoch_with_offset: bool,
    /// The live epoch is looked at again and again.
    pub epoch_is_checked: bool,
    /// After a live loss everything from the persister's `written_to` on is done again.
    pub redo_from_written: bool,
    /// Nothing is read from a partition that is not whole.
    pub whole_or_error: bool,
    /// A route that was not there when it was refreshed: heads are read again.
    pub refresh_tells: bool,
    /// What is done again fills the slots of the tail that are missing, also below the head.
    pub slots_are_filled: bool,
    /// Recipients are taken from a members row that is at least as new as the record.
    pub row_at_least: bool,
    /// The range is read before the membership.
    pub range_first: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            tail_first: true,
            register_first: true,
            numbers: true,
            beats: true,
            took: true,
            epoch_with_offset: true,
            epoch_is_checked: true,
            redo_from_written: true,
            whole_or_error: true,
            refresh_tells: true,
            slots_are_filled: true,
            row_at_least: true,
            range_first: true,
        }
    }
}

/// The model.
#[derive(Clone, Debug)]
pub struct Deliver {
    /// Which rules hold.
    pub rules: Rules,
    /// Records in all.
    pub records: u8,
    /// The member comes with this record (1: the first one) ...
    pub joined: u8,
    /// ... and goes with this one.
    pub left: Option<u8>,
    /// Messages that the bus may lose.
    pub losses: u8,
    /// Times that the live engine may forget everything.
    pub live_losses: u8,
    /// Fanout processes; each is started once.
    pub fanouts: usize,
}

impl Default for Deliver {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            records: 2,
            joined: 1,
            left: None,
            losses: 1,
            live_losses: 1,
            fanouts: 2,
        }
    }
}

/// The live engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Live {
    epoch: u8,
    whole: bool,
    head: u8,
    /// Slots of the tail, as bits of seq.
    tail: u8,
    /// Standings that were written, as bits of seq.
    stood: u8,
    route: bool,
}

/// What fanout tells a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// A partition was taken.
    Took,
    /// Tails are rebuilt.
    Rebuilt,
    /// A record for the device.
    Frame(u8),
    /// Nothing but the number.
    Beat,
}

/// Where a fanout is with the next record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Was never started.
    New,
    /// Is gone.
    Down,
    /// Has to find out where to begin.
    Begin,
    /// Between two records.
    Idle,
    /// The tail is written.
    Written,
    /// The routes are read before the tail is written.
    RoutedTooEarly(bool),
    /// The routes are read: the device is there.
    Routed,
    /// Published; the offset is not stored.
    Published,
}

/// An offset with the live epoch in which everything before it was done (0: none).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stored {
    offset: u8,
    epoch: u8,
}

/// A fanout process, with its link to the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fanout {
    phase: Phase,
    epoch: u8,
    next: u8,
    whole_at: Option<u8>,
    stored: Stored,
    /// On their way: whether something before it was lost, and what it says.
    link: Vec<(bool, Item)>,
    /// The newest messages of the link are lost.
    lost: bool,
    /// The gateway has heard of the link.
    known: bool,
}

/// The gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gateway {
    epoch: u8,
    /// Heads of what moved are to be read.
    moved: bool,
    /// All heads are to be read.
    everything: bool,
}

/// How far a device has come with connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Connection {
    /// Not there.
    Away,
    /// Connected; its heads are to be read.
    Asking,
    /// Has read heads before it is registered.
    Unregistered,
    /// Knows its heads.
    Settled,
}

/// The device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    connection: Connection,
    cursor: u8,
    /// It knows that there is something up to here.
    target: u8,
    /// The first half of a read of a range: what was read first.
    reading: Option<u8>,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// Records in the log.
    end: u8,
    /// Records in the store.
    written: u8,
    owner: usize,
    stored: Stored,
    live: Live,
    fanouts: Vec<Fanout>,
    gateway: Gateway,
    device: Device,
    losses: u8,
    live_losses: u8,
    /// A record went to somebody who may not see it.
    leaked: bool,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A record is committed.
    Append,
    /// The persister writes the next record.
    Persist,
    /// The device connects.
    Connect,
    /// The next fanout takes the partition.
    Start(usize),
    /// A fanout is gone.
    Crash(usize),
    /// The live engine forgets everything.
    LiveLoss,
    /// The oldest message of a link is lost.
    Lose(usize),
    /// A step that needs no luck.
    Do(Step),
}

/// A step that is taken sooner or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Step {
    Begin(usize),
    WriteTail(usize),
    /// With an old members row, where that is not forbidden.
    ReadRoutes(usize, bool),
    Publish(usize),
    Finish(usize),
    CheckEpoch(usize),
    SayWhole(usize),
    Beat(usize),
    Hear(usize),
    Silence(usize),
    NoticeEpoch,
    RefreshRoute,
    TellMoved,
    TellEverything,
    ReadHeads,
    Register,
    ReadFirst,
    ReadSecond,
}

impl Deliver {
    /// What the device is to have in the end.
    fn aim(&self, state: &State) -> u8 {
        let floor = self.joined - 1;
        if state.end < self.joined { floor } else { state.end.min(self.left.unwrap_or(u8::MAX)) }
    }

    fn is_at_rest(&self, state: &State) -> bool {
        let has_owner = !matches!(state.fanouts[state.owner].phase, Phase::New | Phase::Down);
        // The cheap looks first.
        let is_between = |fanout: &Fanout| {
            fanout.link.is_empty() && matches!(fanout.phase, Phase::New | Phase::Down | Phase::Idle)
        };
        let is_quiet = || {
            self.steps(state).into_iter().all(|step| {
                let mut next = state.clone();
                self.step(&mut next, step);
                next == *state
            })
        };
        state.end == self.records
            && state.device.connection == Connection::Settled
            && has_owner
            && state.fanouts.iter().all(is_between)
            && is_quiet()
    }
}

impl Model for Deliver {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let fanout = |number| Fanout {
            phase: if number == 0 { Phase::Begin } else { Phase::New },
            epoch: 0,
            next: 0,
            whole_at: None,
            stored: Stored::default(),
            link: Vec::new(),
            lost: false,
            known: false,
        };
        let cursor = self.joined - 1;
        vec![State {
            end: 0,
            written: 0,
            owner: 0,
            stored: Stored::default(),
            live: Live { epoch: 1, whole: false, head: 0, tail: 0, stood: 0, route: false },
            fanouts: (0..self.fanouts).map(fanout).collect(),
            gateway: Gateway { epoch: 1, moved: false, everything: false },
            device: Device { connection: Connection::Away, cursor, target: cursor, reading: None },
            losses: 0,
            live_losses: 0,
            leaked: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.end < self.records {
            actions.push(Action::Append);
        }
        if state.written < state.end {
            actions.push(Action::Persist);
        }
        if state.device.connection == Connection::Away {
            actions.push(Action::Connect);
        }
        if state.live_losses < self.live_losses {
            actions.push(Action::LiveLoss);
        }
        let new = state.fanouts.iter().position(|fanout| fanout.phase == Phase::New);
        actions.extend(new.map(Action::Start));
        for (f, fanout) in state.fanouts.iter().enumerate() {
            if !matches!(fanout.phase, Phase::New | Phase::Down) {
                actions.push(Action::Crash(f));
            }
            if state.losses < self.losses && !fanout.link.is_empty() {
                actions.push(Action::Lose(f));
            }
        }
        actions.extend(self.steps(state).into_iter().map(Action::Do));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Append => state.end += 1,
            Action::Persist => state.written += 1,
            Action::Connect => {
                state.device.connection = Connection::Asking;
                state.live.route = self.rules.register_first;
            }
            Action::Start(f) => {
                state.owner = f;
                state.fanouts[f].phase = Phase::Begin;
                state.fanouts[f].stored = state.stored;
            }
            Action::Crash(f) => {
                let Fanout { link, lost, known, .. } = state.fanouts[f].clone();
                let phase = Phase::Down;
                let (stored, whole_at) = (Stored::default(), None);
                state.fanouts[f] = Fanout { phase, epoch: 0, next: 0, whole_at, stored, link, lost, known };
            }
            Action::LiveLoss => {
                state.live_losses += 1;
                let epoch = state.live.epoch + 1;
                state.live = Live { epoch, whole: false, head: 0, tail: 0, stood: 0, route: false };
            }
            Action::Lose(f) => {
                state.losses += 1;
                let fanout = &mut state.fanouts[f];
                fanout.link.remove(0);
                match fanout.link.first_mut() {
                    Some((gap, _)) => *gap = true,
                    None => fanout.lost = true,
                }
            }
            Action::Do(step) => self.step(&mut state, step),
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("at rest every device is at the head", |model: &Self, state: &State| {
                state.device.cursor == model.aim(state) || !model.is_at_rest(state)
            }),
            Property::always("nobody sees what they may not", |_: &Self, state: &State| !state.leaked),
            Property::sometimes("rest after every fault", |model: &Self, state: &State| {
                state.owner + 1 == model.fanouts
                    && state.losses == model.losses
                    && state.live_losses == model.live_losses
                    && model.is_at_rest(state)
            }),
        ]
    }
}

//! The steps of fanouts, gateway and device.

use super::{Connection, Deliver, Fanout, Item, Phase, State, Step, Stored};

fn bit(seq: u8) -> u8 {
    1 << seq
}

/// With nobody there, nothing is published.
fn routed(found: bool) -> Phase {
    if found { Phase::Routed } else { Phase::Published }
}

impl Fanout {
    fn publish(&mut self, item: Item) {
        let gap = std::mem::take(&mut self.lost);
        self.link.push((gap, item));
    }
}

impl Deliver {
    /// The steps that may be taken.
    pub(super) fn steps(&self, state: &State) -> Vec<Step> {
        let mut steps = vec![
            Step::NoticeEpoch,
            Step::RefreshRoute,
            Step::TellMoved,
            Step::TellEverything,
            Step::ReadHeads,
            Step::Register,
            Step::ReadFirst,
            Step::ReadSecond,
        ];
        for (f, fanout) in state.fanouts.iter().enumerate() {
            let may_publish = fanout.link.is_empty();
            match fanout.phase {
                Phase::Down => steps.push(Step::Silence(f)),
                Phase::Begin if may_publish => steps.push(Step::Begin(f)),
                Phase::Routed if may_publish => steps.push(Step::Publish(f)),
                Phase::Published if may_publish => steps.push(Step::Finish(f)),
                Phase::New | Phase::Begin | Phase::Routed | Phase::Published => {}
                Phase::Idle => {
                    steps.extend([Step::CheckEpoch(f), Step::SayWhole(f), Step::Beat(f)]);
                    if fanout.next < state.end {
                        steps.extend(if self.rules.tail_first {
                            vec![Step::WriteTail(f)]
                        } else {
                            self.reads_of_routes(f)
                        });
                    }
                }
                Phase::Written => steps.extend(self.reads_of_routes(f)),
                Phase::RoutedTooEarly(_) => steps.push(Step::WriteTail(f)),
            }
            if !fanout.link.is_empty() {
                steps.push(Step::Hear(f));
            }
        }
        steps
    }

    fn reads_of_routes(&self, f: usize) -> Vec<Step> {
        let fresh = Step::ReadRoutes(f, false);
        if self.rules.row_at_least { vec![fresh] } else { vec![fresh, Step::ReadRoutes(f, true)] }
    }

    /// Takes a step; one that changes nothing leaves the state as it is.
    pub(super) fn step(&self, state: &mut State, step: Step) {
        match step {
            Step::Begin(f) => self.begin(state, f),
            Step::WriteTail(f) => self.write_tail(state, f),
            Step::ReadRoutes(f, old_row) => self.read_routes(state, f, old_row),
            Step::Publish(f) => {
                let fanout = &mut state.fanouts[f];
                fanout.publish(Item::Frame(fanout.next + 1));
                fanout.phase = Phase::Published;
            }
            Step::Finish(f) => finish(state, f),
            Step::CheckEpoch(f) => {
                let fanout = &mut state.fanouts[f];
                if self.rules.epoch_is_checked && fanout.epoch != state.live.epoch {
                    fanout.stored.epoch = 0;
                    fanout.phase = Phase::Begin;
                }
            }
            Step::SayWhole(f) => {
                let fanout = &state.fanouts[f];
                if fanout.whole_at.is_none() && fanout.epoch == state.live.epoch {
                    state.live.whole = true;
                }
            }
            Step::Beat(f) => {
                let fanout = &mut state.fanouts[f];
                if self.rules.beats && fanout.lost && fanout.link.is_empty() {
                    fanout.publish(Item::Beat);
                }
            }
            Step::Hear(f) => self.hear(state, f),
            Step::Silence(f) => {
                let fanout = &mut state.fanouts[f];
                if fanout.known && fanout.link.is_empty() {
                    fanout.known = false;
                    state.gateway.moved = true;
                }
            }
            _ => self.step_at_the_edge(state, step),
        }
    }

    /// What the gateway does by itself, and the device.
    fn step_at_the_edge(&self, state: &mut State, step: Step) {
        let (is_readable, connection) = (self.is_readable(state), state.device.connection);
        let (live, gateway) = (&mut state.live, &mut state.gateway);
        match step {
            Step::NoticeEpoch if gateway.epoch != live.epoch => {
                gateway.epoch = live.epoch;
                gateway.everything = true;
            }
            Step::RefreshRoute if connection == Connection::Settled && !live.route => {
                live.route = true;
                gateway.everything |= self.rules.refresh_tells;
            }
            Step::TellMoved if gateway.moved && is_readable => {
                gateway.moved = false;
                if live.head > 0 {
                    self.tell_head(state);
                }
            }
            Step::TellEverything if gateway.everything && is_readable => {
                gateway.everything = false;
                self.tell_head(state);
            }
            Step::ReadHeads if connection == Connection::Asking && is_readable => {
                let is_registered = self.rules.register_first;
                state.device.connection =
                    if is_registered { Connection::Settled } else { Connection::Unregistered };
                self.tell_head(state);
            }
            Step::Register if connection == Connection::Unregistered => {
                live.route = true;
                state.device.connection = Connection::Settled;
            }
            Step::ReadFirst => self.read_first(state),
            Step::ReadSecond => self.read_second(state),
            _ => {}
        }
    }

    fn is_readable(&self, state: &State) -> bool {
        state.live.whole || !self.rules.whole_or_error
    }

    fn begin(&self, state: &mut State, f: usize) {
        let (live, end, written) = (&mut state.live, state.end, state.written);
        let fanout = &mut state.fanouts[f];
        fanout.epoch = live.epoch;
        fanout.next = fanout.stored.offset;
        fanout.phase = Phase::Idle;
        let is_present = fanout.stored.epoch == live.epoch
            || !self.rules.epoch_with_offset && fanout.stored != Stored::default();
        if !is_present {
            live.whole = false;
            if self.rules.redo_from_written {
                fanout.next = fanout.next.min(written);
            }
            fanout.whole_at = Some(end);
        }
        if self.rules.took {
            fanout.publish(Item::Took);
        }
        if fanout.whole_at.is_some_and(|end| fanout.next >= end) {
            fanout.whole_at = None;
            live.whole = true;
            fanout.publish(Item::Rebuilt);
        }
    }

    fn write_tail(&self, state: &mut State, f: usize) {
        let (live, fanout) = (&mut state.live, &mut state.fanouts[f]);
        let seq = fanout.next + 1;
        live.stood |= bit(seq);
        if self.rules.slots_are_filled {
            live.tail |= bit(seq);
        } else if seq > live.head {
            // A tail without holes: what does not follow begins it anew.
            live.tail = if seq == live.head + 1 { live.tail | bit(seq) } else { bit(seq) };
        }
        live.head = live.head.max(seq);
        fanout.phase = match fanout.phase {
            Phase::RoutedTooEarly(found) => routed(found),
            _ => Phase::Written,
        };
    }

    fn read_routes(&self, state: &mut State, f: usize, old_row: bool) {
        let fanout = &mut state.fanouts[f];
        let seq = fanout.next + 1;
        // An old row is the one before the last change.
        let left = self.left.filter(|left| !old_row || *left >= seq).unwrap_or(u8::MAX);
        let receives = self.joined <= seq && seq <= left;
        let found = receives && state.live.route;
        let too_early = fanout.phase == Phase::Idle;
        fanout.phase = if too_early { Phase::RoutedTooEarly(found) } else { routed(found) };
    }

    fn hear(&self, state: &mut State, f: usize) {
        let (gap, item) = state.fanouts[f].link.remove(0);
        state.fanouts[f].known = true;
        state.gateway.moved |= gap && self.rules.numbers;
        match item {
            Item::Took => state.gateway.moved = true,
            Item::Rebuilt => state.gateway.everything = true,
            Item::Beat => {}
            Item::Frame(seq) => {
                let device = &mut state.device;
                if device.connection == Connection::Away {
                    return;
                }
                state.leaked |= seq < self.joined || self.left.is_some_and(|left| seq > left);
                if seq == device.cursor + 1 {
                    device.cursor = seq;
                }
                device.target = device.target.max(seq).max(device.cursor);
            }
        }
    }

    /// Whether a change of membership at this record can be read.
    fn is_known(state: &State, seq: u8) -> bool {
        state.live.stood & bit(seq) != 0 || state.written >= seq
    }

    fn left_as_known(&self, state: &State) -> u8 {
        self.left.filter(|left| Self::is_known(state, *left)).unwrap_or(u8::MAX)
    }

    fn tell_head(&self, state: &mut State) {
        if state.device.connection == Connection::Away || !Self::is_known(state, self.joined) {
            return;
        }
        let head = if state.live.head > 0 { state.live.head } else { state.written };
        let head = head.min(self.left_as_known(state));
        state.device.target = state.device.target.max(head);
    }

    /// The contiguous run after the cursor, from the store and then the tail: a device may ask for more
    /// than it was told of.
    fn run(state: &State) -> u8 {
        let has = |seq: u8| seq <= state.written || state.live.tail & bit(seq) != 0;
        let wanted = state.device.cursor + 1..=state.end;
        wanted.take_while(|seq| has(*seq)).last().unwrap_or(state.device.cursor)
    }

    fn read_first(&self, state: &mut State) {
        let device = state.device;
        let wants = device.target > device.cursor && device.connection != Connection::Away;
        if wants && device.reading.is_none() && self.is_readable(state) {
            let run = Self::run(state);
            let first = if self.rules.range_first { run } else { self.left_as_known(state) };
            state.device.reading = (run > device.cursor).then_some(first);
        }
    }

    fn read_second(&self, state: &mut State) {
        let Some(first) = state.device.reading.take() else { return };
        if !self.is_readable(state) {
            return;
        }
        let second = if self.rules.range_first { self.left_as_known(state) } else { Self::run(state) };
        let served = first.min(second);
        let left = if self.rules.range_first { second } else { first };
        state.leaked |= served > self.left.unwrap_or(u8::MAX);
        let device = &mut state.device;
        device.cursor = device.cursor.max(served);
        device.target = device.target.min(left).max(device.cursor);
    }
}

/// The record is done: the tails may be whole now, and the offset is stored.
fn finish(state: &mut State, f: usize) {
    let fanout = &mut state.fanouts[f];
    let next = fanout.next + 1;
    if fanout.whole_at.is_some_and(|end| next >= end) {
        if fanout.epoch != state.live.epoch {
            fanout.stored.epoch = 0;
            fanout.phase = Phase::Begin;
            return;
        }
        state.live.whole = true;
        fanout.whole_at = None;
        fanout.publish(Item::Rebuilt);
    }
    fanout.next = next;
    fanout.phase = Phase::Idle;
    let epoch = if fanout.whole_at.is_none() { fanout.epoch } else { 0 };
    fanout.stored = Stored { offset: next, epoch };
    if state.owner == f {
        state.stored = fanout.stored;
    }
}

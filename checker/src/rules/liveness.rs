//! Liveness: without faults, and 30 s after they are over, every operation has its answer, and every
//! device that wants to be there has every record.

use crate::{
    index::{Conv, Index, Who},
    report::Outcome,
    truth::Conversation,
    views::{Case, Viewer},
};
use std::collections::HashMap;

/// How long anything may take (the aim of the proof).
const WITHIN_US: u64 = 30_000_000;

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    let calm = Calm::of(&case.index);
    operations(case, outcome, &calm);
    let known = known(case);
    for (conv, conversation) in case.truth.all() {
        deliveries(case, outcome, &calm, (conv, conversation), &known[&conv]);
    }
}

/// Times without faults.
struct Calm<'a> {
    index: &'a Index,
    /// From, until (none: the end).
    times: Vec<(u64, Option<u64>)>,
}

impl<'a> Calm<'a> {
    fn of(index: &'a Index) -> Self {
        let mut times: Vec<(u64, Option<u64>)> = vec![(0, None)];
        for noted in &index.faults {
            let last = times.last_mut().expect("one at least");
            match (&noted.what, last.1) {
                (Some(_), None) => last.1 = Some(noted.at_us),
                (None, Some(_)) => times.push((noted.at_us, None)),
                _ => {}
            }
        }
        Self { index, times }
    }

    /// When something that concerns this device from `from` on must be over: in the first time without
    /// faults that is long enough for it. None if no such time came.
    fn deadline(&self, who: Who, from: u64) -> Option<u64> {
        let later = self.times.iter().filter(|(_, until)| until.is_none_or(|until| until > from));
        let mut deadlines = later.map(|(begins, until)| {
            let deadline = self.present(who, from.max(*begins)) + WITHIN_US;
            until.is_none_or(|until| until >= deadline).then_some(deadline)
        });
        deadlines.find_map(|deadline| deadline)
    }

    /// The first moment from which the device wanted to be connected all the time that is allowed.
    fn present(&self, who: Who, mut from: u64) -> u64 {
        let Some(connections) = self.index.connections.get(&who) else { return from };
        from = from.max(connections.first().map_or(0, |first| first.from_us));
        for (number, connection) in connections.iter().enumerate() {
            let Some(gone) = connection.gone_us.filter(|_| connection.by_choice) else { continue };
            let back = connections.get(number + 1).map_or(self.index.end_us, |next| next.from_us);
            if gone < from + WITHIN_US && back > from {
                from = back;
            }
        }
        from
    }
}

fn operations(case: &Case, outcome: &mut Outcome, calm: &Calm) {
    for op in case.index.ops.iter().filter(|op| !op.kind.is_mark() && !op.attempts.is_empty()) {
        // Who trusts `accepted` waits for nothing more: `durable` looks after it.
        if op.accepted.is_some() && op.unknown.is_some() {
            continue;
        }
        let Some(deadline) = calm.deadline(op.by, op.at_us) else { continue };
        outcome.checked += 1;
        let is_late = op.finished_us.is_none_or(|finished| finished > deadline);
        // At the very end the run waits for what is outstanding, so that nothing is cut off.
        if is_late && (deadline <= case.index.end_us || op.finished_us.is_none()) {
            let took = op.finished_us.map_or("for ever".to_owned(), |finished| {
                format!("for {} s", (finished - op.at_us) / 1_000_000)
            });
            let sentence =
                format!("{} waited {took} for an answer without a fault", case.index.device(op.by));
            let answers = op.acks.first().map(|noted| noted.line).or(op.unknown);
            outcome.violation(sentence, [op.line].into_iter().chain(answers));
        }
    }
}

/// When each record was known to be there: somebody saw it or was told its place.
fn known(case: &Case) -> HashMap<Conv, Vec<u64>> {
    let empty = |(conv, c): (Conv, &Conversation)| (conv, vec![u64::MAX; c.records.len()]);
    let mut known: HashMap<Conv, Vec<u64>> = case.truth.all().map(empty).collect();
    let mut note = |conv: Conv, seq: u64, at_us: u64| {
        if let Some(slot) = known.get_mut(&conv).and_then(|all| all.get_mut(seq as usize - 1)) {
            *slot = (*slot).min(at_us);
        }
    };
    for op in &case.index.ops {
        if let (Some((noted, ack)), Some(conv)) = (op.ack().filter(|(_, ack)| ack.seq > 0), op.conv) {
            note(conv, ack.seq, noted.at_us);
        }
    }
    for sighting in &case.index.sightings {
        let fact = case.index.fact(sighting);
        note(fact.conv, fact.seq, sighting.at_us);
    }
    known
}

fn deliveries(
    case: &Case,
    outcome: &mut Outcome,
    calm: &Calm,
    (conv, conversation): (Conv, &Conversation),
    known: &[u64],
) {
    for (user, standing) in &conversation.members {
        // Who came back has a second chance to see a record; what was the first is hard to say.
        let [span] = standing.spans.as_slice() else { continue };
        let joined = known[span.joined as usize - 1];
        for who in case.devices_of(*user) {
            for seq in span.floor + 1..=conversation.head(standing) {
                let Some(seen) = case.seen(Viewer::Device(who), conv, seq) else { continue };
                let Some(deadline) = calm.deadline(who, known[seq as usize - 1].max(joined)) else {
                    continue;
                };
                outcome.checked += 1;
                if seen.at_us > deadline {
                    let sentence = format!(
                        "{} got {} later than 30 s, without a fault",
                        case.index.device(who),
                        case.index.place(conv, seq)
                    );
                    outcome.violation(sentence, [case.index.fact(seen).line, seen.line]);
                }
            }
        }
    }
}

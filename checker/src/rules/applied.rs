//! Applied in order (PROTOCOL §2): a device's cursor moves over records that it has received, one by
//! one, and is set only to a floor that a join made, or by a restore from backup.

use crate::{
    history::Source,
    index::{Conv, Index, Set, Sighting, Who},
    report::Outcome,
    views::Case,
};
use std::collections::{HashMap, HashSet};

/// A device's copy of a conversation's log, as its history tells it.
#[derive(Default)]
struct Log {
    cursor: u64,
    /// Received, and not yet applied.
    aside: HashSet<u64>,
    line: u64,
}

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    let index = &case.index;
    let mut logs: HashMap<(Who, Conv), Log> = HashMap::new();
    let mut sets = index.cursors.iter().peekable();
    for sighting in &index.sightings {
        while let Some(set) = sets.next_if(|set| set.line < sighting.line) {
            apply_set(case, outcome, logs.entry((set.who, set.conv)).or_default(), set);
        }
        let (Source::Live | Source::Fetch, Some(cursor)) = (sighting.source, sighting.cursor) else {
            continue;
        };
        outcome.checked += 1;
        let fact = index.fact(sighting);
        let log = logs.entry((sighting.who, fact.conv)).or_default();
        apply(index, outcome, log, sighting, (fact.conv, fact.seq, cursor));
    }
}

fn apply(
    index: &Index,
    outcome: &mut Outcome,
    log: &mut Log,
    sighting: &Sighting,
    (conv, seq, cursor): (Conv, u64, u64),
) {
    let device = || index.device(sighting.who);
    if seq > log.cursor {
        log.aside.insert(seq);
    }
    if cursor < log.cursor {
        let sentence = format!("{} went back to {}", device(), index.place(conv, cursor));
        outcome.violation(sentence, [log.line, sighting.line]);
    }
    for next in log.cursor + 1..=cursor {
        if !log.aside.remove(&next) {
            let sentence = format!("{} went past {}", device(), index.place(conv, next));
            outcome.violation(sentence, [log.line, sighting.line]);
            break;
        }
    }
    (log.cursor, log.line) = (cursor, sighting.line);
}

fn apply_set(case: &Case, outcome: &mut Outcome, log: &mut Log, set: &Set) {
    outcome.checked += 1;
    let standing = case.index.user_of(set.who).and_then(|user| case.truth.get(set.conv).members.get(&user));
    let is_floor = |standing: &crate::truth::Standing| standing.spans.iter().any(|s| s.floor == set.cursor);
    // After a restore from backup a device may begin at 0, before it hears of the floor.
    let is_right = standing.is_some_and(is_floor) || set.is_epoch && set.cursor == 0;
    if !is_right {
        let sentence = format!(
            "{} was told the floor {}, which no join made",
            case.index.device(set.who),
            case.index.place(set.conv, set.cursor)
        );
        outcome.violation(sentence, [set.line]);
    }
    if set.is_epoch {
        log.aside.clear();
    }
    log.aside.retain(|seq| *seq > set.cursor);
    (log.cursor, log.line) = (set.cursor, set.line);
    while log.aside.remove(&(log.cursor + 1)) {
        log.cursor += 1;
    }
}

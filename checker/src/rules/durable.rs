//! Acked means durable (DESIGN §2.1): what was acknowledged stands at the place that was told, in the
//! dump of the log, in the dump of the store, and in every view of every member who may see it.

use super::NO_END;
use crate::{
    history::{Ack, Source},
    index::{Conv, Fact, Op},
    report::Outcome,
    views::{Case, Viewer},
};

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    let index = &case.index;
    let mut dumps = Vec::new();
    for (source, viewer) in [(Source::Log, Viewer::Log), (Source::Store, Viewer::Store)] {
        if index.has_dump(source) {
            dumps.push(viewer);
        } else {
            outcome.unchecked(format!("{}: the history has no dump of it", case.name(viewer)));
        }
    }
    if !index.is_final() {
        outcome.unchecked(format!("members' views: {NO_END}"));
    }
    for op in &index.ops {
        let Some((first, ack)) = op.ack() else { continue };
        let Some(conv) = index.conversations.known(&ack.conversation_id) else { continue };
        for viewer in &dumps {
            holds(case, outcome, op, (first.line, ack, conv), *viewer);
        }
        if index.is_final() {
            for viewer in viewers(case, outcome, conv, ack.seq) {
                holds(case, outcome, op, (first.line, ack, conv), viewer);
            }
        }
        for other in &op.acks {
            if other.what.is_some_and(|other| place(&other) != place(&ack)) {
                let sentence =
                    format!("one operation was acknowledged as {} and otherwise", index.place(conv, ack.seq));
                outcome.violation(sentence, [op.line, first.line, other.line]);
            }
        }
    }
}

fn place(ack: &Ack) -> impl PartialEq + use<> {
    (ack.conversation_id, ack.seq, ack.ord, ack.message_id, ack.at)
}

/// The views of members who see a record now.
fn viewers(case: &Case, outcome: &mut Outcome, conv: Conv, seq: u64) -> Vec<Viewer> {
    let mut viewers = Vec::new();
    for (user, standing) in &case.truth.get(conv).members {
        let span = standing.span();
        if seq <= span.floor || span.left.is_some_and(|left| left < seq) {
            continue;
        }
        viewers.extend(case.devices_of(*user).map(Viewer::Device));
        let before = viewers.len();
        viewers.extend(case.readers_of(*user, conv).map(Viewer::Rest));
        if viewers.len() == before {
            outcome.unchecked("some members' histories by REST: they were not read to the end");
        }
    }
    viewers
}

fn holds(case: &Case, outcome: &mut Outcome, op: &Op, told: (u64, Ack, Conv), viewer: Viewer) {
    let (line, ack, conv) = told;
    outcome.checked += 1;
    let place = || case.index.place(conv, ack.seq);
    match case.seen(viewer, conv, ack.seq) {
        None => {
            let sentence = format!("{} was acknowledged, and {} lacks it", place(), case.name(viewer));
            outcome.violation(sentence, [op.line, line]);
        }
        Some(seen) if !is_it(case.index.fact(seen), op, &ack) => {
            let name = case.name(viewer);
            let sentence = format!("{} was acknowledged, and {name} has something else there", place());
            let fact = case.index.fact(seen);
            outcome.violation(sentence, [op.line, line, seen.line, fact.line]);
        }
        Some(_) => {}
    }
}

fn is_it(fact: &Fact, op: &Op, ack: &Ack) -> bool {
    (fact.message_id, fact.ord, fact.at) == (ack.message_id, ack.ord, ack.at)
        && fact.sender == op.user
        && Some(fact.client_msg_id) == op.client_msg_id
}

//! Acked means durable (DESIGN §2.1): what was acknowledged stands at the place that was told, in the
//! dump of the log, in the dump of the store, and in every view of every member who may see it. What
//! was only accepted is in the log, whether its sender asked again or not.

use super::NO_END;
use crate::{
    history::{Ack, OpKind, Source},
    index::{Conv, Fact, Key, Op},
    report::Outcome,
    views::{Case, Viewer},
};
use std::collections::HashSet;

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    let index = &case.index;
    accepted(case, outcome);
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

/// `accepted` means that the command is durable (PROTOCOL §2). It may be refused afterwards, and the
/// refusal may be lost: a message of somebody who was a member all the time is not.
fn accepted(case: &Case, outcome: &mut Outcome) {
    let index = &case.index;
    if !index.has_dump(Source::Log) {
        return;
    }
    let in_log = index.sightings.iter().filter(|sighting| sighting.source == Source::Log);
    let key = |fact: &Fact| (fact.conv, fact.sender, fact.client_msg_id);
    let in_log: HashSet<Key> = in_log.map(|sighting| key(index.fact(sighting))).collect();
    for op in &index.ops {
        let (Some(line), Some(conv), Some(id)) = (op.accepted, op.conv, op.client_msg_id) else { continue };
        let stays = case
            .truth
            .get(conv)
            .members
            .get(&op.user)
            .is_some_and(|standing| standing.is_present() && standing.spans.len() == 1);
        let is_open = op.ack().is_none() && op.fails.is_empty() && !op.was_put_off;
        if op.kind != OpKind::Send || !stays || !is_open {
            continue;
        }
        outcome.checked += 1;
        if !in_log.contains(&(conv, op.user, id)) {
            let sentence = format!("a message of {} was accepted, and the log lacks it", index.device(op.by));
            outcome.violation(sentence, [op.line, line]);
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

//! No gap after sync (DESIGN §2.4): at the end every device of every member holds each record from its
//! floor to the head, and its cursor says so.

use super::NO_END;
use crate::{
    index::{Conv, User, Who},
    report::Outcome,
    truth::{Conversation, Standing},
    views::{Case, Viewer},
};

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    if !case.index.is_final() {
        return outcome.unchecked(NO_END);
    }
    for (conv, conversation) in case.truth.all() {
        for (user, standing) in &conversation.members {
            for who in case.devices_of(*user) {
                check_one(case, outcome, (conv, conversation), (*user, standing), who);
            }
        }
    }
}

fn check_one(
    case: &Case,
    outcome: &mut Outcome,
    (conv, conversation): (Conv, &Conversation),
    (user, standing): (User, &Standing),
    who: Who,
) {
    let (span, head) = (standing.span(), conversation.head(standing));
    let device = || case.index.device(who);
    let Some(end) = case.index.ends.get(&(who, conv)) else {
        let name = case.index.name(user);
        let sentence = format!("{} never heard of {} of {name}", device(), case.index.conversation(conv));
        return outcome.violation(sentence, witness(case, conversation, head));
    };
    outcome.checked += 1;
    if end.what != head {
        let place = case.index.place(conv, head);
        let sentence = format!("{} ended at {} and not at {place}", device(), end.what);
        let lines = witness(case, conversation, head).into_iter().chain([end.line]);
        return outcome.violation(sentence, lines);
    }
    for seq in span.floor + 1..=head {
        outcome.checked += 1;
        if conversation.at(seq).is_some() && case.seen(Viewer::Device(who), conv, seq).is_none() {
            let sentence = format!("{} never got {}", device(), case.index.place(conv, seq));
            let lines = witness(case, conversation, seq).into_iter().chain([end.line]);
            outcome.violation(sentence, lines);
        }
    }
}

/// The line that shows that a record is there.
fn witness(case: &Case, conversation: &Conversation, seq: u64) -> Option<u64> {
    conversation.at(seq).map(|number| case.index.facts[number as usize].line)
}

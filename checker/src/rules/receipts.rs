//! Receipts: a mark that somebody was told never goes back, never passes the head, and never what its
//! owner sent; at the end it is the same for everyone who asks, and all that its owner sent.

use super::NO_END;
use crate::{
    history::OpKind,
    index::{Conv, User, Who},
    report::Outcome,
    views::Case,
};
use std::collections::HashMap;

/// A user's marks with the line that tells them.
#[derive(Clone, Copy, Default)]
struct Marks {
    delivered: u64,
    read: u64,
    line: u64,
}

type Marked = HashMap<(Conv, User), Marks>;

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    let sent = sent(case);
    let told = told(case, outcome, &sent);
    if case.index.is_final() {
        lists(case, outcome, &sent, &told);
        peers(case, outcome);
    } else {
        outcome.unchecked(format!("that marks come to be the same everywhere: {NO_END}"));
    }
}

/// What the owners sent; who read also got.
fn sent(case: &Case) -> Marked {
    let mut sent = Marked::new();
    for op in case.index.ops.iter().filter(|op| op.kind.is_mark() && !op.attempts.is_empty()) {
        let (Some(conv), Some(seq)) = (op.conv, op.seq) else { continue };
        let known = sent.entry((conv, op.user)).or_default();
        known.delivered = known.delivered.max(seq);
        known.line = op.line;
        if op.kind == OpKind::Read {
            known.read = known.read.max(seq);
        }
    }
    sent
}

/// Goes through the frames; the largest that anybody was told.
fn told(case: &Case, outcome: &mut Outcome, sent: &Marked) -> Marked {
    let (mut told, mut each) = (Marked::new(), HashMap::<(Who, Conv, User), Marks>::new());
    for seen in &case.index.receipts {
        outcome.checked += 1;
        let marks = Marks { delivered: seen.delivered, read: seen.read, line: seen.line };
        let known = each.entry((seen.who, seen.conv, seen.user)).or_default();
        if marks.delivered < known.delivered || marks.read < known.read {
            let who = case.index.device(seen.who);
            let sentence = format!("{who} was told that marks of {} went back", case.index.name(seen.user));
            outcome.violation(sentence, [known.line, seen.line]);
        }
        *known = marks;
        bounds(case, outcome, sent, (seen.conv, seen.user), marks);
        let largest = told.entry((seen.conv, seen.user)).or_default();
        if marks.delivered > largest.delivered || marks.read > largest.read {
            *largest = Marks {
                delivered: marks.delivered.max(largest.delivered),
                read: marks.read.max(largest.read),
                line: marks.line,
            };
        }
    }
    told
}

fn bounds(case: &Case, outcome: &mut Outcome, sent: &Marked, key: (Conv, User), marks: Marks) {
    let (conv, user) = key;
    let name = || case.index.name(user);
    let conversation = case.truth.get(conv);
    let head = conversation.members.get(&user).map_or(0, |standing| conversation.head(standing));
    if marks.delivered.max(marks.read) > head {
        let place = case.index.place(conv, head);
        outcome.violation(format!("a mark of {} is past the head, {place}", name()), [marks.line]);
        return;
    }
    let own = sent.get(&key).copied().unwrap_or_default();
    if marks.delivered > own.delivered || marks.read > own.read {
        let sentence = format!("a mark of {} is past all that were sent", name());
        outcome.violation(sentence, [own.line, marks.line]);
    }
    if marks.delivered < marks.read {
        outcome.violation(format!("{} is said to have read what did not arrive", name()), [marks.line]);
    }
}

/// The members lists at the end.
fn lists(case: &Case, outcome: &mut Outcome, sent: &Marked, told: &Marked) {
    let mut first = Marked::new();
    for seen in case.index.members.iter().filter(|seen| seen.is_final) {
        for (user, item) in &seen.items {
            outcome.checked += 1;
            let key = (seen.conv, *user);
            let marks = Marks { delivered: item.delivered_seq, read: item.read_seq, line: seen.line };
            bounds(case, outcome, sent, key, marks);
            let say = |what: &str| {
                format!(
                    "marks of {} in {} {what}",
                    case.index.name(*user),
                    case.index.conversation(seen.conv)
                )
            };
            let other = *first.entry(key).or_insert(marks);
            if (other.delivered, other.read) != (marks.delivered, marks.read) {
                outcome.violation(say("are not the same for all at the end"), [other.line, seen.line]);
            }
            let heard = told.get(&key).copied().unwrap_or_default();
            if heard.delivered > marks.delivered || heard.read > marks.read {
                outcome.violation(say("fell back behind what was told"), [heard.line, seen.line]);
            }
            let own = sent.get(&key).copied().unwrap_or_default();
            let standing = case.truth.get(seen.conv).members.get(user);
            // Who left and came back may have sent marks while they counted for nothing.
            let is_plain = standing.is_some_and(|s| s.spans.len() == 1 && s.is_present());
            if is_plain && (own.delivered, own.read) != (marks.delivered, marks.read) {
                outcome.violation(say("never came to what was sent"), [own.line, seen.line]);
            }
        }
    }
}

/// The other side's marks in the heads of direct conversations, against the lists.
fn peers(case: &Case, outcome: &mut Outcome) {
    let mut lists = Marked::new();
    for seen in case.index.members.iter().filter(|seen| seen.is_final) {
        for (user, item) in &seen.items {
            let marks = Marks { delivered: item.delivered_seq, read: item.read_seq, line: seen.line };
            lists.insert((seen.conv, *user), marks);
        }
    }
    let mut last = HashMap::new();
    for seen in case.index.heads.iter().filter(|seen| seen.is_final) {
        last.insert((seen.who, seen.conv), seen);
    }
    for seen in last.into_values() {
        let (Some(read), Some(delivered)) = (seen.head.peer_read_seq, seen.head.peer_delivered_seq) else {
            continue;
        };
        let own = case.index.user_of(seen.who);
        let members = &case.truth.get(seen.conv).members;
        let Some(peer) = members.keys().find(|user| Some(**user) != own) else { continue };
        let Some(marks) = lists.get(&(seen.conv, *peer)) else { continue };
        outcome.checked += 1;
        if (marks.delivered, marks.read) != (delivered, read) {
            let name = case.index.name(*peer);
            let sentence = format!("marks of {name} are not the same in heads and in the members list");
            outcome.violation(sentence, [marks.line, seen.line]);
        }
    }
}

//! Unread at rest: the last heads that each device was told agree with the log alone. `unread` is the
//! messages after `read_seq`; that is the `read` mark or the own last message, and never below the floor.

use super::NO_END;
use crate::{
    history::Head,
    index::{Conv, HeadSeen, User},
    report::Outcome,
    truth::{Conversation, Standing},
    views::Case,
};
use parlor_schemas::record::Kind;
use std::collections::{BTreeMap, HashMap};

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    if !case.index.is_final() {
        return outcome.unchecked(NO_END);
    }
    let mut last: BTreeMap<_, &HeadSeen> = BTreeMap::new();
    for seen in case.index.heads.iter().filter(|seen| seen.is_final) {
        last.insert((seen.who, seen.conv), seen);
    }
    let marks = marks(case);
    for ((who, conv), seen) in last {
        let conversation = case.truth.get(conv);
        let Some(user) = case.index.user_of(who) else { continue };
        let Some(standing) = conversation.members.get(&user) else { continue };
        outcome.checked += 1;
        let mark = marks.get(&(conv, user)).copied();
        let place = case.index.conversation(conv);
        let (head, device) = (&seen.head, case.index.device(who));
        for what in wrong(case, conversation, standing, head, (user, mark)) {
            let lines = [mark.map_or(0, |(_, line)| line), seen.line];
            outcome.violation(format!("{device} is told of {place}: {what}"), lines);
        }
    }
}

/// The read marks of the final members lists, with their lines.
fn marks(case: &Case) -> HashMap<(Conv, User), (u64, u64)> {
    let mut marks = HashMap::new();
    for seen in case.index.members.iter().filter(|seen| seen.is_final) {
        for (user, item) in &seen.items {
            marks.insert((seen.conv, *user), (item.read_seq, seen.line));
        }
    }
    marks
}

/// What is not as the log says.
fn wrong(
    case: &Case,
    conversation: &Conversation,
    standing: &Standing,
    head: &Head,
    (user, mark): (User, Option<(u64, u64)>),
) -> Vec<String> {
    let facts = &case.index.facts;
    let (span, end) = (standing.span(), conversation.head(standing));
    let ord = |seq| conversation.ord(seq, facts);
    let own = conversation.records.iter().flatten().map(|number| &facts[*number as usize]);
    let own = own.rev().find(|fact| fact.sender == user && fact.kind == Kind::Message);
    let least = own.map_or(0, |fact| fact.seq).max(span.floor);
    let mut wrong = Vec::new();
    let mut same = |name: &str, found: u64, wanted: Option<u64>| {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
            wrong.push(format!("{name} is {found}, not {wanted}"));
        }
    };
    same("head_seq", head.head_seq, Some(end));
    same("head_ord", head.head_ord, ord(end));
    same("floor", head.floor, Some(span.floor));
    same("left", u64::from(head.left), Some(u64::from(!standing.is_present())));
    same("read_ord", head.read_ord, ord(head.read_seq));
    same("unread", head.unread, ord(end).zip(ord(head.read_seq)).map(|(a, b)| a.saturating_sub(b)));
    same("read_seq", head.read_seq, mark.map(|(mark, _)| mark.max(least)));
    if head.read_seq < least || head.read_seq > end {
        wrong.push(format!("read_seq is {}, not from {least} to {end}", head.read_seq));
    }
    wrong
}

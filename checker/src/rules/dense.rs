//! Dense: a conversation's places are 1, 2, 3 … up to the last that anybody heard of, the first is
//! `created`, and `ord` counts the messages so far.

use crate::{
    history::Source,
    index::{Conv, Fact},
    report::Outcome,
    truth::Conversation,
    views::{Case, Viewer},
};
use parlor_schemas::record::Kind;
use std::collections::HashMap;

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    if !case.index.has_dump(Source::Log) {
        outcome.unchecked("the log: the history has no dump of it; what anybody saw is checked");
    }
    let heard = heard(case);
    for (conv, conversation) in case.truth.all() {
        check_one(case, outcome, conv, conversation);
        let told = heard.get(&conv).copied().unwrap_or_default();
        if told.0 > conversation.end() {
            let place = case.index.place(conv, told.0);
            outcome.violation(format!("the head was said to be {place}, and nobody ever saw it"), [told.1]);
        }
    }
}

fn check_one(case: &Case, outcome: &mut Outcome, conv: Conv, conversation: &Conversation) {
    let mut before: Option<&Fact> = None;
    for seq in 1..=conversation.end() {
        outcome.checked += 1;
        let place = || case.index.place(conv, seq);
        let Some(number) = conversation.at(seq) else {
            let next = (seq..=conversation.end()).find_map(|seq| conversation.at(seq));
            let next = next.map_or(0, |number| case.index.facts[number as usize].line);
            let lines = [before.map_or(0, |fact| fact.line), next];
            outcome.violation(format!("there is no {}: a hole", place()), lines);
            continue;
        };
        let fact = &case.index.facts[number as usize];
        if case.index.has_dump(Source::Log) && case.seen(Viewer::Log, conv, seq).is_none() {
            outcome.violation(format!("the log lacks {}: a hole", place()), [fact.line]);
        }
        if seq == 1 && fact.kind != Kind::Created {
            outcome.violation(format!("{} is not `created`", place()), [fact.line]);
        }
        let counted = u64::from(fact.kind.is_countable());
        let is_next = |known: &Fact| known.seq + 1 != seq || known.ord + counted == fact.ord;
        let is_right = before.map_or(seq > 1 || fact.ord == counted, is_next);
        if !is_right {
            let lines = [before.map_or(0, |fact| fact.line), fact.line];
            outcome.violation(format!("{} has the ord {}", place(), fact.ord), lines);
        }
        before = Some(fact);
    }
}

/// The largest place of each conversation that an ack or a head names, with its line.
fn heard(case: &Case) -> HashMap<Conv, (u64, u64)> {
    let mut heard = HashMap::new();
    let mut hear = |conv: Conv, seq: u64, line: u64| {
        let known = heard.entry(conv).or_insert((0, 0));
        *known = (*known).max((seq, line));
    };
    for op in &case.index.ops {
        if let Some((noted, ack)) = op.ack()
            && let Some(conv) = case.index.conversations.known(&ack.conversation_id)
        {
            hear(conv, ack.seq, noted.line);
        }
    }
    for seen in &case.index.heads {
        hear(seen.conv, seen.head.head_seq, seen.line);
    }
    heard
}

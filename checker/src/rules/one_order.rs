//! One order (DESIGN §2.3): there is one record at each place of a conversation, whoever sees it and
//! wherever; without its body only if somebody deleted it or its time was over.

use crate::{
    index::{Conv, Fact},
    report::Outcome,
    truth::Conversation,
    views::Case,
};
use parlor_schemas::time::message_ticks;

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    let facts = &case.index.facts;
    for fact in facts {
        outcome.checked += 1;
        let conversation = case.truth.get(fact.conv);
        let place = || case.index.place(fact.conv, fact.seq);
        if fact.redacted && !conversation.may_be_redacted(fact) {
            outcome.violation(format!("{} lost its body, and nobody deleted it", place()), [fact.line]);
        }
        let Some(number) = conversation.at(fact.seq) else { continue };
        let known = &facts[number as usize];
        if !known.is_same(fact) {
            outcome.violation(format!("there are two contents at {}", place()), [known.line, fact.line]);
        }
    }
    for (conv, conversation) in case.truth.all() {
        times(case, outcome, conv, conversation);
    }
}

/// Times and the times of message ids rise with the places.
fn times(case: &Case, outcome: &mut Outcome, conv: Conv, conversation: &Conversation) {
    let mut before: Option<&Fact> = None;
    for number in conversation.records.iter().flatten() {
        let fact = &case.index.facts[*number as usize];
        outcome.checked += 1;
        let is_later = |known: &Fact| {
            known.at <= fact.at && message_ticks(known.message_id) < message_ticks(fact.message_id)
        };
        if let Some(known) = before.filter(|known| !is_later(known)) {
            let sentence = format!("{} is not later than the one before", case.index.place(conv, fact.seq));
            outcome.violation(sentence, [known.line, fact.line]);
        }
        before = Some(fact);
    }
}

//! No ghosts: every record was asked for by somebody, says what they asked, and was not refused in
//! every attempt. A refusal that is definite means that nothing happened and nothing will.

use crate::{
    history::OpKind,
    index::{Fact, Op},
    report::Outcome,
    views::Case,
};
use parlor_schemas::record::Kind;

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    let index = &case.index;
    for fact in &index.facts {
        outcome.checked += 1;
        let place = || index.place(fact.conv, fact.seq);
        let Some(number) = index.by_key.get(&(fact.conv, fact.sender, fact.client_msg_id)) else {
            outcome.violation(format!("nobody asked for {}", place()), [fact.line]);
            continue;
        };
        let op = &index.ops[*number as usize];
        if op.is_refused() {
            let lines = [op.line, fact.line].into_iter().chain(op.fails.iter().copied());
            outcome.violation(format!("{} was refused, and is there", place()), lines);
        } else if op.attempts.first().is_none_or(|first| first.line > fact.line) {
            outcome.violation(format!("{} was there before it was sent", place()), [op.line, fact.line]);
        } else if !says_so(fact, op) {
            outcome
                .violation(format!("{} says something else than was asked", place()), [op.line, fact.line]);
        }
    }
}

fn says_so(fact: &Fact, op: &Op) -> bool {
    let is_kind = matches!(
        (op.kind, fact.kind),
        (OpKind::Send, Kind::Message)
            | (OpKind::Edit, Kind::Edit)
            | (OpKind::Delete, Kind::Delete)
            | (OpKind::React, Kind::Reaction)
            | (OpKind::Pin, Kind::Pin)
            | (OpKind::Create, Kind::Created)
            | (OpKind::Add, Kind::MembersAdded)
            | (OpKind::Remove, Kind::MemberRemoved)
            // Whoever removes themselves leaves.
            | (OpKind::Remove | OpKind::Leave, Kind::MemberLeft)
    );
    let is_text = fact.redacted || op.text.is_none() || fact.text == op.text;
    is_kind && is_text && (fact.target == 0 || op.seq.is_none_or(|seq| seq == fact.target))
}

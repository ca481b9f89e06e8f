//! Exactly once (DESIGN §2.2): a `client_msg_id` of a sender has one place in its conversation, a
//! message id is of one record, and what is read to its end shows each place once.

use crate::{index::Fact, report::Outcome, views::Case};
use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
};

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    let facts = &case.index.facts;
    let what = "one client_msg_id has two places";
    distinct(case, outcome, facts, what, |fact| (fact.conv, fact.sender, fact.client_msg_id));
    distinct(case, outcome, facts, "one message_id is of two records", |fact| fact.message_id);
    for (first, second) in &case.repeats {
        let fact = case.index.fact(second);
        let source = format!("{:?}", second.source).to_lowercase();
        let sentence =
            format!("{} stands twice in one view ({source})", case.index.place(fact.conv, fact.seq));
        outcome.violation(sentence, [first.line, second.line]);
    }
}

fn distinct<K: Eq + Hash>(
    case: &Case,
    outcome: &mut Outcome,
    facts: &[Fact],
    what: &str,
    key: impl Fn(&Fact) -> K,
) {
    let mut known: HashMap<K, &Fact> = HashMap::with_capacity(facts.len());
    for fact in facts {
        match known.entry(key(fact)) {
            Entry::Vacant(free) => drop(free.insert(fact)),
            Entry::Occupied(other) if (other.get().conv, other.get().seq) == (fact.conv, fact.seq) => {}
            Entry::Occupied(other) => {
                let places = [other.get(), &fact].map(|fact| case.index.place(fact.conv, fact.seq));
                outcome.violation(
                    format!("{what}: {} and {}", places[0], places[1]),
                    [other.get().line, fact.line],
                );
            }
        }
    }
    outcome.checked += known.len() as u64;
}

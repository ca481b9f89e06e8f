//! What was deleted is gone (DESIGN §4, persister): at the end neither the store nor any history that is read from it
//! has the body of a deleted message, or of an edit of one. The log keeps it until its retention ends.

use super::NO_END;
use crate::{history::Source, report::Outcome, views::Case};
use parlor_schemas::record::Kind;

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    let index = &case.index;
    if !index.is_final() {
        outcome.unchecked(NO_END);
    }
    for sighting in &index.sightings {
        if sighting.source != Source::Store && !(sighting.source == Source::Rest && sighting.is_final) {
            continue;
        }
        let fact = index.fact(sighting);
        let conversation = case.truth.get(fact.conv);
        let gone = |seq: &u64| conversation.deleted.contains(seq);
        if !(gone(&fact.seq) || fact.kind == Kind::Edit && gone(&fact.target)) {
            continue;
        }
        outcome.checked += 1;
        if !fact.redacted {
            let sentence =
                format!("{} was deleted, and its text is still shown", index.place(fact.conv, fact.seq));
            outcome.violation(sentence, [fact.line, sighting.line]);
        }
    }
}

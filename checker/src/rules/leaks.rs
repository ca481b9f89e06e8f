//! No leak (DESIGN §2.5): a record is shown to those who were members when it was written (or may see
//! what was before, in an `all` group), and a conversation's canary turns up nowhere else.

use crate::{history::Source, index::Index, report::Outcome, views::Case};

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    let index = &case.index;
    for fact in &index.facts {
        outcome.checked += 1;
        if let Some(foreign) = fact.foreign {
            let of = index.conversation(foreign);
            let sentence = format!("{} carries a text of {of}", index.place(fact.conv, fact.seq));
            outcome.violation(sentence, [fact.line]);
        }
    }
    for sighting in &index.sightings {
        if matches!(sighting.source, Source::Log | Source::Store) {
            continue;
        }
        outcome.checked += 1;
        let fact = index.fact(sighting);
        let user = index.user_of(sighting.who);
        let standing = user.and_then(|user| case.truth.get(fact.conv).members.get(&user));
        if !standing.is_some_and(|standing| standing.may_see(fact.seq)) {
            let place = index.place(fact.conv, fact.seq);
            let sentence = format!("{} was shown {place}, which it may not see", index.device(sighting.who));
            let changes = changes(case, fact.conv, user).into_iter().chain([sighting.line, fact.line]);
            outcome.violation(sentence, changes);
        }
    }
    excerpts(case, outcome);
}

/// Lists and searches, and the heads of conversations.
fn excerpts(case: &Case, outcome: &mut Outcome) {
    let index = &case.index;
    let heads = index.heads.iter().map(|seen| (seen.line, seen.who, seen.conv));
    let texts = index.excerpts.iter().flat_map(|excerpt| {
        let all = excerpt.canaries.iter().copied().chain([excerpt.conv]);
        all.map(move |conv| (excerpt.line, excerpt.who, conv))
    });
    for (line, who, conv) in heads.chain(texts) {
        outcome.checked += 1;
        let members = &case.truth.get(conv).members;
        if !index.user_of(who).is_some_and(|user| members.contains_key(&user)) {
            let sentence =
                format!("{} was shown something of {}", index.device(who), index.conversation(conv));
            outcome.violation(sentence, [line]);
        }
    }
}

/// The lines of the records that made a user a member and ended it.
fn changes(case: &Case, conv: u32, user: Option<u32>) -> Vec<u64> {
    let conversation = case.truth.get(conv);
    let standing = user.and_then(|user| conversation.members.get(&user));
    let seqs = standing.into_iter().flat_map(|s| &s.spans).flat_map(|s| [Some(s.joined), s.left]);
    let line = |index: &Index, number: u32| index.facts[number as usize].line;
    seqs.flatten().filter_map(|seq| conversation.at(seq)).map(|n| line(&case.index, n)).collect()
}

//! Membership: at the end every members list, whoever asks, is what the log says: the same people with
//! the same roles.

use super::NO_END;
use crate::{index::User, report::Outcome, views::Case};
use parlor_schemas::record::Role;
use std::collections::BTreeMap;

pub(super) fn check(case: &Case, outcome: &mut Outcome) {
    if !case.index.is_final() {
        return outcome.unchecked(NO_END);
    }
    for seen in case.index.members.iter().filter(|seen| seen.is_final) {
        outcome.checked += 1;
        let conversation = case.truth.get(seen.conv);
        let present = conversation.members.iter().filter(|(_, standing)| standing.is_present());
        let wanted: BTreeMap<User, Role> = present.map(|(user, standing)| (*user, standing.role)).collect();
        let found: BTreeMap<User, Role> = seen.items.iter().map(|(user, item)| (*user, item.role)).collect();
        if found == wanted && seen.items.len() == wanted.len() {
            continue;
        }
        let users = wanted.keys().chain(found.keys()).find(|user| wanted.get(user) != found.get(user));
        let about = users.map_or("somebody twice".to_owned(), |user| {
            let role = |role: Option<&Role>| role.map_or("no member".to_owned(), |role| format!("{role:?}"));
            let (said, is) = (role(found.get(user)), role(wanted.get(user)));
            format!("{} as {said}, the log says {is}", case.index.name(*user))
        });
        let place = case.index.conversation(seen.conv);
        let sentence = format!("{} is shown in the members of {place}: {about}", case.index.device(seen.who));
        let facts = conversation.records.iter().flatten().map(|number| &case.index.facts[*number as usize]);
        let last = facts.rev().find(|fact| fact.change.is_some()).map(|fact| fact.line);
        outcome.violation(sentence, last.into_iter().chain([seen.line]));
    }
}

//! The rules: what a deployment promises (DESIGN §2), one file each.
//!
//! A rule is a function over the indexed history. It counts what it looked at, says what it could not
//! look at and why, and names each violation with the fewest lines that show it.

mod applied;
mod deleted;
mod dense;
mod durable;
mod ghosts;
mod leaks;
mod liveness;
mod membership;
mod once;
mod one_order;
mod presence;
mod real_time;
mod receipts;
mod sender_order;
mod synced;
mod unread;

use crate::{
    report::{Outcome, Report},
    views::Case,
};

type Rule = (&'static str, &'static str, fn(&Case, &mut Outcome));

/// All rules with what they ask for.
const RULES: [Rule; 16] = [
    ("durable", "what was acknowledged is in the log, the store and every member's view", durable::check),
    ("once", "one record for each (conversation, sender, client_msg_id), everywhere", once::check),
    ("ghosts", "no record that nobody asked for, or whose every attempt was refused", ghosts::check),
    ("one_order", "one content at each place, for everyone and everywhere", one_order::check),
    ("dense", "places are 1, 2, 3 … without holes, and ord counts the messages", dense::check),
    ("sender_order", "what one connection sent keeps its order", sender_order::check),
    ("real_time", "what was acknowledged before something else was asked comes before it", real_time::check),
    ("synced", "every device holds everything from its floor to the head at the end", synced::check),
    ("applied", "a device's log grows record by record", applied::check),
    ("receipts", "marks never go back, never pass the head, and are the same for everyone", receipts::check),
    ("unread", "at rest unread is the messages after the read mark", unread::check),
    ("deleted", "at the end no store and no history has what was deleted", deleted::check),
    ("leaks", "nobody is shown what they may not see", leaks::check),
    ("membership", "the members list is what the log says", membership::check),
    ("presence", "who is gone is not shown as online, and who is here is", presence::check),
    ("liveness", "without faults everything is answered and delivered in time", liveness::check),
];

/// The names of all rules.
pub fn names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|(name, ..)| *name)
}

pub(crate) fn all(case: &Case) -> Report {
    let rules = RULES.iter().map(|(name, asks, check)| {
        let mut outcome = Outcome::new(name, asks);
        check(case, &mut outcome);
        if outcome.checked == 0 && outcome.not_checked.is_empty() {
            outcome.unchecked("the history holds nothing of it");
        }
        outcome
    });
    let rules = rules.collect();
    let acked = case.index.ops.iter().filter(|op| op.ack().is_some()).count() as u64;
    let records = case.truth.all().map(|(_, c)| c.records.iter().flatten().count() as u64).sum();
    Report { lines: case.index.lines, records, acked, rules }
}

/// What is said where a rule needs the end of a run and there is none.
const NO_END: &str = "the history has no final phase";

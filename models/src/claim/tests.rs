use super::*;
use crate::{bounds_raised_by, prove, refute};

#[test]
fn every_reachable_state_keeps_the_promise() {
    let mut model = Claim::default();
    match bounds_raised_by() {
        0 => {}
        1 => model.claims = 4,
        2 => model.ids = vec![0, 1, 0, 1],
        _ => model = Claim { owners: 3, claims: 4, ..model },
    }
    let states = prove(model);
    println!("claim: {states} states");
    assert!(states >= 500_000, "{states}");
}

/// Without a rule, this property breaks.
fn breaks(property: &'static str, off: impl FnOnce(&mut Rules)) {
    let mut model = Claim::default();
    off(&mut model.rules);
    let steps = refute(model, property);
    println!("{property}: {:?}", steps.expect("the rule is needed"));
}

#[test]
fn without_fencing_a_zombie_commits() {
    breaks("no command is decided twice", |rules| rules.fencing = false);
    breaks("a zombie changes nothing", |rules| rules.fencing = false);
}

#[test]
fn with_the_old_producer_a_delayed_end_meets_the_next_transaction() {
    breaks("no command is decided twice", |rules| rules.new_producer = false);
    breaks("no command is skipped", |rules| rules.new_producer = false);
}

#[test]
fn what_was_thought_before_an_unclear_commit_is_wrong() {
    breaks("no command is skipped", |rules| rules.rebuild = false);
}

#[test]
fn records_without_their_position_are_decided_again() {
    breaks("no command is skipped", |rules| rules.one_unit = false);
}

#[test]
fn reading_before_the_claim_misses_the_last_commit() {
    breaks("no command is decided twice", |rules| rules.fence_first = false);
    breaks("the log is one order", |rules| rules.fence_first = false);
}

#[test]
fn a_fold_from_the_head_rows_forgets_ids() {
    breaks("no command is decided twice", |rules| rules.fold_from_remembered = false);
}

#[test]
fn an_answer_before_the_commit_is_a_lie() {
    breaks("no answer without a commit", |rules| rules.commit_first = false);
}

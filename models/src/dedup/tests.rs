use super::*;
use crate::{bounds_raised_by, prove, refute};

#[test]
fn one_id_is_one_record() {
    let mut model = Dedup::default();
    match bounds_raised_by() {
        0 => {}
        1 => model = Dedup { ids: vec![Some(1), Some(2), None], times: vec![0, 1, 2, 4], ..model },
        _ => model = Dedup { commands: 5, ..model },
    }
    let states = prove(model);
    println!("dedup: {states} states");
    assert!(states >= 900_000, "{states}");
}

const DOUBLE: &str = "one id is one record";

/// Without a rule, this property breaks.
fn breaks(property: &'static str, off: impl FnOnce(&mut Rules)) {
    breaks_with(property, Dedup::default().ids, off);
}

fn breaks_with(property: &'static str, ids: Vec<Option<i8>>, off: impl FnOnce(&mut Rules)) {
    let mut model = Dedup { ids, ..Dedup::default() };
    off(&mut model.rules);
    let steps = refute(model, property);
    println!("{property}: {:?}", steps.expect("the rule is needed"));
}

#[test]
fn a_memory_with_holes_doubles() {
    breaks(DOUBLE, |rules| rules.forget_in_log_order = false);
}

#[test]
fn certainly_new_without_the_margin_doubles() {
    breaks(DOUBLE, |rules| rules.margin = false);
}

#[test]
fn an_id_of_the_future_that_is_not_refused_doubles() {
    breaks_with(DOUBLE, vec![Some(2), None], |rules| rules.ahead_is_refused = false);
}

#[test]
fn written_to_read_after_the_index_doubles() {
    breaks(DOUBLE, |rules| rules.written_to_first = false);
}

#[test]
fn an_index_that_lags_and_is_believed_doubles() {
    breaks(DOUBLE, |rules| rules.index_must_cover = false);
}

#[test]
fn what_is_forgotten_between_the_facts_and_the_decision_doubles() {
    breaks(DOUBLE, |rules| rules.forgotten_when_decided = false);
}

#[test]
fn a_rebuild_that_does_not_know_what_was_forgotten_doubles() {
    breaks(DOUBLE, |rules| rules.forgotten_is_kept = false);
}

#[test]
fn a_log_time_that_goes_back_doubles() {
    breaks(DOUBLE, |rules| rules.running_maximum = false);
}

#[test]
fn an_index_that_forgets_by_another_clock_doubles() {
    breaks(DOUBLE, |rules| rules.index_by_log_time = false);
}

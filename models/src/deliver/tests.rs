use super::*;
use crate::{bounds_raised_by, prove, refute};

const REST: &str = "at rest every device is at the head";
const LEAK: &str = "nobody sees what they may not";

/// One fanout, every fault of the way.
fn alone() -> Deliver {
    Deliver { records: 2, losses: 1, live_losses: 1, fanouts: 1, ..Deliver::default() }
}

/// Another takes over, after a loss.
fn takeover() -> Deliver {
    Deliver { records: 1, losses: 1, live_losses: 0, fanouts: 2, ..Deliver::default() }
}

/// Another takes over between two records.
fn zombie() -> Deliver {
    Deliver { records: 2, losses: 0, live_losses: 0, fanouts: 2, ..Deliver::default() }
}

/// Another takes over, and the live engine forgets.
fn another_life() -> Deliver {
    Deliver { records: 1, losses: 0, live_losses: 1, fanouts: 2, ..Deliver::default() }
}

fn leaving() -> Deliver {
    Deliver { records: 3, left: Some(2), losses: 0, live_losses: 1, fanouts: 1, ..Deliver::default() }
}

fn joining() -> Deliver {
    Deliver { joined: 2, left: None, ..leaving() }
}

fn at_least(model: Deliver, states: usize) {
    let explored = prove(model);
    println!("deliver: {explored} states");
    assert!(explored >= states, "{explored}");
}

#[test]
fn what_is_lost_on_the_way_is_found() {
    let raised = bounds_raised_by();
    at_least(Deliver { records: 2 + raised.min(1), ..alone() }, 400_000);
}

#[test]
fn a_takeover_hides_nothing() {
    let raised = bounds_raised_by();
    at_least(Deliver { records: 1 + raised.min(1), ..takeover() }, 250_000);
    at_least(zombie(), 700_000);
}

#[test]
fn a_takeover_into_another_life_hides_nothing() {
    let raised = bounds_raised_by();
    at_least(Deliver { losses: raised.min(1), records: 1 + raised / 2, ..another_life() }, 1_500_000);
}

#[test]
fn who_leaves_sees_the_own_leaving_and_nothing_after() {
    at_least(leaving(), 100_000);
}

#[test]
fn who_joins_sees_the_own_joining_and_nothing_before() {
    at_least(joining(), 100_000);
}

/// Without a rule, this property breaks.
fn breaks(property: &'static str, mut model: Deliver, off: impl FnOnce(&mut Rules)) {
    off(&mut model.rules);
    let steps = refute(model, property);
    println!("{property}: {:?}", steps.expect("the rule is needed"));
}

#[test]
fn routes_before_the_tail_miss_who_connects() {
    breaks(REST, alone(), |rules| rules.tail_first = false);
}

#[test]
fn heads_before_the_route_miss_what_is_published_between() {
    breaks(REST, alone(), |rules| rules.register_first = false);
}

#[test]
fn without_numbers_a_lost_publish_is_never_missed() {
    breaks(REST, alone(), |rules| rules.numbers = false);
}

#[test]
fn without_beats_the_last_publish_is_never_missed() {
    breaks(REST, alone(), |rules| rules.beats = false);
}

#[test]
fn a_takeover_in_silence_hides_what_the_one_before_lost() {
    breaks(REST, Deliver { losses: 2, ..takeover() }, |rules| rules.took = false);
}

#[test]
fn an_offset_of_another_epoch_hides_that_the_tails_are_gone() {
    breaks(REST, another_life(), |rules| rules.epoch_with_offset = false);
}

#[test]
fn a_live_loss_that_nobody_looks_for_is_never_mended() {
    breaks(REST, alone(), |rules| rules.epoch_is_checked = false);
}

#[test]
fn a_redo_from_the_own_offset_leaves_out_what_is_in_no_store() {
    breaks(REST, alone(), |rules| rules.redo_from_written = false);
}

#[test]
fn heads_of_a_partition_that_is_not_whole_are_too_low() {
    breaks(REST, alone(), |rules| rules.whole_or_error = false);
}

#[test]
fn a_route_that_was_gone_hides_what_was_published_meanwhile() {
    breaks(REST, alone(), |rules| rules.refresh_tells = false);
}

#[test]
fn a_write_into_a_new_life_leaves_the_slots_below_it_empty() {
    breaks(REST, alone(), |rules| rules.slots_are_filled = false);
}

#[test]
fn an_old_members_row_leaks() {
    breaks(LEAK, leaving(), |rules| rules.row_at_least = false);
}

#[test]
fn a_membership_read_before_the_range_leaks() {
    breaks(LEAK, leaving(), |rules| rules.range_first = false);
}

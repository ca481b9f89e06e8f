//! Small exhaustive models of the three protocols that Parlor's promise stands on. A model is the
//! design in a few hundred lines, with every rule as a flag: with all rules on, no state that can be
//! reached breaks a property; with one rule off, the explorer shows how the promise is broken. So each
//! rule is known to be needed, and the model is known to see.
//!
//! - [`claim`]: owners of a partition: claim, commit, crash, zombies, rebuild (DESIGN §3).
//! - [`dedup`]: one id is one record, under skewed clocks, lag, forgetting and restarts (DESIGN §3).
//! - [`deliver`]: from the log to a device's cursor, whatever is lost on the way (DESIGN §4).

//!
//! The models know nothing of Parlor's code; what they abstract is said at the head of each. They are
//! explored breadth first by `stateright`, which keeps 64-bit fingerprints of the states it has seen.
//!
//! `PARLOR_MODEL_BOUNDS=1` (or 2) raises the bounds for a long run; the numbers of states in the
//! modules' heads are those of 0.

pub mod claim;
pub mod dedup;
pub mod deliver;

use stateright::{Checker, HasDiscoveries, Model, Path};
use std::{fmt::Debug, hash::Hash};

/// How much larger than usual the bounds are to be.
pub fn bounds_raised_by() -> u8 {
    let raised = std::env::var("PARLOR_MODEL_BOUNDS").unwrap_or_default();
    if raised.is_empty() { 0 } else { raised.parse().expect("PARLOR_MODEL_BOUNDS is a small number") }
}

/// Explores everything within the model's bounds and asserts every property: what must always hold
/// does, and what must be possible is. The number of states is the proof that something was looked at.
pub fn prove<M>(model: M) -> usize
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let checked = model.checker().spawn_bfs().join();
    checked.assert_properties();
    checked.unique_state_count()
}

/// The steps of a way to break this property; `None`: there is none.
pub fn refute<M>(model: M, property: &'static str) -> Option<Vec<M::Action>>
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let found = HasDiscoveries::AnyOf([property].into());
    let checked = model.checker().finish_when(found).spawn_bfs().join();
    checked.discovery(property).map(Path::into_actions)
}

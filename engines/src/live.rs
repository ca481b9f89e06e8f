//! # The live port
//!
//! What is true now and may be lost: pub/sub to gateways, routes, presence, tails, marks, tickets. **Pub/sub
//! is a hint, not a store** (DESIGN §4); losing all of it loses nothing that was promised, and the
//! loss is noticed by its epoch. What every adapter promises:
//!
//! - **Epoch.** `epoch()` names this life of the engine. All that it knew is gone when the epoch is
//!   another one. Embedded: every start.
//! - **Whole or an error.** A partition's tails, heads, standings and marks are served only when
//!   they are whole in this epoch ([`Tails::set_whole`]); before that reads of them are
//!   [`LiveError::Rebuilding`]. Never an empty answer for a lost one.
//! - **Max-wins.** Every write keeps the larger `seq` (head, standings, marks), fills a tail slot
//!   only if it is absent, and a delete redacts its target in the tail, atomically: a zombie
//!   writer changes nothing.
//! - **Versions.** Every write that changes something takes the next number of a counter; heads,
//!   standings and marks say at which number they last changed.

mod bus;
mod presence;
mod tails;

pub use bus::{Bus, Registry, Route, Tickets};
pub use presence::{Presence, TypingBus};
pub use tails::{LiveHead, LiveMarks, LiveMembership, TailRead, TailWrite, Tails, Version};

/// What went wrong, by what the caller does about it.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum LiveError {
    /// Retry later.
    #[error("the live engine is unavailable: {0}")]
    Unavailable(String),
    /// Retry soon: fanout is rebuilding the tails of this partition after a loss.
    #[error("the tails are being rebuilt")]
    Rebuilding,
}

/// All of the live engine.
pub trait Live: Bus + Registry + Tails + Tickets + Presence + TypingBus {}
impl<T: Bus + Registry + Tails + Tickets + Presence + TypingBus> Live for T {}

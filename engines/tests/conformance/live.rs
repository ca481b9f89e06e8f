//! The live port.

pub mod bus;
pub mod marks;
pub mod presence;
pub mod tails;
pub mod tickets;

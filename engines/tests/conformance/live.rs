//! The live port.

pub mod bus;
pub mod marks;
pub mod tails;
pub mod tickets;

//! Faults, and what they are done to.

pub mod cells;
pub mod deaf;
pub mod deployment;
pub mod engines;
pub mod faults;
pub mod proxy;
pub mod results;
pub mod run;
pub mod sabotages;

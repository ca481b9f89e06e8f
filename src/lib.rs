//! The front door: what an operator types, what is read from settings, which roles run, how they
//! stop. Everything else lives in the crates below (ARCHITECTURE.md).

pub mod admin;
pub mod cli;
pub mod config;
pub mod groups;
pub mod keys;
pub mod node;
pub mod operators;
pub mod prove;
pub mod watchdog;

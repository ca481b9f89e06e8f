//! The store port.

pub mod accounts;
pub mod history;
pub mod members;

//! The log port.

pub mod compacted;
pub mod groups;
pub mod order;
pub mod owners;

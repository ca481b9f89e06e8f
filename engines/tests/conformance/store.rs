//! The store port.

pub mod accounts;
pub mod admin;
pub mod blocks;
pub mod history;
pub mod members;
pub mod pushes;
pub mod reached;
pub mod settings;
pub mod visibility;

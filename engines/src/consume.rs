//! The consume loop.

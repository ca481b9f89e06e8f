//! The embedded engines.

//! Decides from the histories of clients whether a deployment kept its promises (ARCHITECTURE.md,
//! "The proof").
//!
//! Clients write what they did and saw ([`history`], by a [`Writer`]); [`check`] reads it and looks at
//! it rule by rule ([`rules`]); the [`Report`] says what was broken, with the lines that show it, and
//! what could not be checked. No server code, no tokio, no I/O but `Read` and `Write`.

pub mod history;
mod index;
mod reader;
mod report;
pub mod rules;
mod truth;
mod views;
mod writer;

pub use reader::{Damaged, LINE_MAX};
pub use report::{KEPT_MAX, Outcome, Report, Violation};
pub use writer::Writer;

use std::io::BufRead;

/// Reads a history and decides. Memory: less than the history is long; 165 MB were measured for one of
/// 10^6 lines and 54,000 messages.
pub fn check(history: impl BufRead) -> Result<Report, Damaged> {
    let case = views::Case::of(index::Index::of(history)?);
    Ok(rules::all(&case))
}

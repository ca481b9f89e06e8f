//! Load by real clients that write down what they did and saw, and the run against a deployment.
//!
//! [`Run::start`] makes people with devices and conversations, and lets them act. Each device follows
//! the client's rule (PROTOCOL §2) and notes everything in the history (`parlor_checker::history`). A
//! fault injector breaks things meanwhile and marks it ([`Run::mark_fault`], [`Run::healed`]).
//! [`Run::rest`] stops the load, waits for what is outstanding and reads every view to its end; then
//! dumps may be added ([`dumps`]), and [`Rested::check`] decides.

mod book;
mod device;
pub mod dumps;
mod ending;
mod load;
mod operations;
mod people;
mod plan;
pub mod rest;
mod run;
mod settings;
mod wire;

pub use book::{Book, Progress};
pub use run::{Finished, ProveError, Rested, Run, check};
pub use settings::Settings;

//! The sequencer: commands in, one gapless order per conversation out (DESIGN §3).
//!
//! - [`core`]: what is decided. Plain data and functions: no I/O, no clock, no tokio.
//! - [`runner`]: who owns a partition, and when: claim, rebuild, facts, commit.
//! - [`facts`]: what the core needs to know of the store and the tails, asked for ahead of time.
//! - [`answers`]: refusals and duplicates' acks on their way back.

pub mod answers;
pub mod core;
pub mod facts;
pub mod rebuild;
pub mod runner;

use parlor_engines::{
    Engines, Health,
    consume::{self, Stop},
};
use parlor_schemas::{Limits, topics::Group};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What ingest is told.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Settings {
    pub limits: Limits,
    pub health: Health,
}

/// Runs one member of the ingest group until `shutdown`.
pub async fn run(engines: Engines, settings: Settings, shutdown: CancellationToken) -> Result<(), Stop> {
    let (answers, outbox) = answers::channel();
    let role = Arc::new(runner::Ingest::new(engines.clone(), settings.limits, answers));
    let consuming = consume::run(&engines, Group::Ingest, role, settings.health, shutdown);
    let answering = answers::run(engines.live.clone(), outbox);
    tokio::select! {
        outcome = consuming => outcome,
        () = answering => Ok(()),
    }
}

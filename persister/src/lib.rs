//! Folds the ordered records into the store, receipts into marks, and members rows into blocks
//! (DESIGN §4).
//!
//! In order per conversation, applying only `last + 1`: higher is an alarm, and of what is lower, a
//! replay, the rows that build on no earlier one are written again. Every write is idempotent, so a group
//! rewound to the beginning changes nothing but what a table lacks.

mod blocks;
mod departed;
mod effects;
mod receipts;
mod records;

use parlor_engines::{
    Engines, Health,
    consume::{self, Stop},
};
use parlor_schemas::topics::Group;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What the persister is told.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Settings {
    pub health: Health,
}

/// Runs one member of each group until `shutdown`.
pub async fn run(engines: Engines, settings: Settings, shutdown: CancellationToken) -> Result<(), Stop> {
    let records = Arc::new(records::Records::new(engines.clone()));
    let receipts = Arc::new(receipts::Receipts::new(engines.clone()));
    let blocks = Arc::new(blocks::Blocks::new(engines.clone()));
    let health = settings.health;
    tokio::try_join!(
        consume::run(&engines, Group::Persister, records, health.clone(), shutdown.clone()),
        consume::run(&engines, Group::PersisterReceipts, receipts, health.clone(), shutdown.clone()),
        consume::run(&engines, Group::PersisterBlocks, blocks, health, shutdown),
    )?;
    Ok(())
}

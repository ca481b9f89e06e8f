//! Keeps the search index of this process up with the ordered records, and answers for it to
//! gateways of other processes.
//!
//! A partition is answered for only when it has come to where its log ended at the assignment: an
//! index that is being made anew says "unavailable", not "nothing".

mod answer;
mod records;
mod refill;

use parlor_engines::{
    Engines, Health,
    consume::{self, Stop, alarm},
};
use parlor_schemas::topics::Group;
use std::{net::TcpListener, sync::Arc};
use tokio_util::sync::CancellationToken;

/// What the indexer is told.
pub struct Settings {
    /// Where gateways of other processes ask; none in a process that has its own gateway.
    pub listener: Option<TcpListener>,
    /// Where it reports.
    pub health: Health,
}

/// Runs one member of the group until `shutdown`.
pub async fn run(engines: Engines, settings: Settings, shutdown: CancellationToken) -> Result<(), Stop> {
    let records = Arc::new(records::Records::new(engines.clone()));
    let answering = async {
        match settings.listener {
            Some(listener) => answer::run(&engines, listener, shutdown.clone()).await.map_err(alarm),
            None => Ok(()),
        }
    };
    let consuming = consume::run(&engines, Group::Indexer, records, settings.health, shutdown.clone());
    tokio::try_join!(consuming, answering)?;
    Ok(())
}

//! Brings ordered records to the sockets that are online: **first the tail, then the routes**
//! (DESIGN §4). A device registers before it reads heads, a record is in its tail before the routes
//! are read: so one of the two always sees the other.

mod deliver;
mod links;
mod rebuild;
mod receipts;
mod records;
mod typing;

use parlor_engines::{
    Engines, Health,
    consume::{self, Stop},
    table::Tables,
};
use parlor_schemas::{Limits, topics::Group};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What fanout is told.
#[derive(Clone)]
pub struct Settings {
    /// The limits of the deployment.
    pub limits: Limits,
    /// The deployment's epoch, told to clients with every record; another one after a restore from
    /// a backup.
    pub epoch: String,
    /// Where it reports.
    pub health: Health,
}

/// Runs one member of both groups until `shutdown`.
pub async fn run(engines: Engines, settings: Settings, shutdown: CancellationToken) -> Result<(), Stop> {
    let (links, outbox) = links::channel();
    let tables = Tables::new(engines.log.clone());
    let health = settings.health.clone();
    let (held, limits) = (typing::Held::default(), settings.limits.clone());
    let typing = typing::run(engines.clone(), limits, held.clone(), links.clone());
    let records =
        records::Records::new(engines.clone(), settings.clone(), tables.clone(), (links.clone(), held));
    let receipts = receipts::Receipts::new(engines.clone(), settings, tables, links);
    let consuming = async {
        tokio::try_join!(
            consume::run(&engines, Group::Fanout, Arc::new(records), health.clone(), shutdown.clone()),
            consume::run(
                &engines,
                Group::FanoutReceipts,
                Arc::new(receipts),
                health.clone(),
                shutdown.clone()
            ),
        )
    };
    tokio::select! {
        outcome = consuming => outcome.map(drop),
        () = links::run(engines.live.clone(), outbox) => Ok(()),
        () = typing => Ok(()),
    }
}

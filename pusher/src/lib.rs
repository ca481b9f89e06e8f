//! Plans push jobs for members whose devices have not acknowledged a message, and sends them
//! (DESIGN §4).

mod planner;
mod sender;

use parlor_engines::{
    Engines, Health,
    consume::{self, Stop},
    table::Tables,
};
use parlor_schemas::topics::Group;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What the pusher is told.
#[derive(Clone)]
pub struct Settings {
    /// How long devices have to acknowledge before a job is made, ms.
    pub patience_ms: i64,
    /// Where it reports.
    pub health: Health,
}

/// Runs one member of both groups until `shutdown`.
pub async fn run(engines: Engines, settings: Settings, shutdown: CancellationToken) -> Result<(), Stop> {
    let tables = Tables::new(engines.log.clone());
    let planner = Arc::new(planner::Planner::new(engines.clone(), tables, settings.patience_ms));
    let sender = Arc::new(sender::Sender::new(engines.clone()));
    let health = settings.health;
    tokio::try_join!(
        consume::run(&engines, Group::Pusher, planner, health.clone(), shutdown.clone()),
        consume::run(&engines, Group::PushSender, sender, health, shutdown),
    )?;
    Ok(())
}

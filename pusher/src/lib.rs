//! Plans push jobs for members whose devices have not acknowledged a message, takes them back when
//! it is read, and sends them (DESIGN §4).

mod badge;
mod cancels;
mod marks;
mod planner;
mod sender;
mod settings;
mod webhook;

pub use settings::PushSettings;

use parlor_engines::{
    Engines, Health,
    consume::{self, Stop, alarm},
    table::Tables,
};
use parlor_schemas::topics::Group;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What the pusher is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[push]`.
    pub push: PushSettings,
    /// Where it reports.
    pub health: Health,
}

/// Runs one member of each group until `shutdown`.
///
/// # Errors
/// A webhook that can't be used, or an alarm of one of the groups.
pub async fn run(engines: Engines, settings: Settings, shutdown: CancellationToken) -> Result<(), Stop> {
    let Settings { push, health } = settings;
    let webhook = webhook::Webhook::new(&push, engines.clock.clone()).map_err(alarm)?;
    let tables = Tables::new(engines.log.clone());
    let planner = Arc::new(planner::Planner::new(engines.clone(), tables, push.patience_ms));
    let cancels = Arc::new(cancels::Cancels::new(engines.clone()));
    let sender = Arc::new(sender::Sender::new(engines.clone(), push, webhook));
    tokio::try_join!(
        consume::run(&engines, Group::Pusher, planner, health.clone(), shutdown.clone()),
        consume::run(&engines, Group::PusherReceipts, cancels, health.clone(), shutdown.clone()),
        consume::run(&engines, Group::PushSender, sender, health, shutdown),
    )?;
    Ok(())
}

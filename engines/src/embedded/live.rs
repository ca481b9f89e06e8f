//! The live port in the process: gone with it, which its epoch tells.

mod bus;
mod conversation;
mod presence;
mod tails;
mod tickets;

use crate::{Clock, Tuning};
use bus::Channels;
use parlor_schemas::Limits;
use presence::Words;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tails::Live;
use tickets::{Doors, Revocations};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

/// The embedded live engine.
pub(crate) struct EmbeddedLive {
    epoch: String,
    clock: Arc<dyn Clock>,
    bus: Channels,
    live: Live,
    words: Words,
    doors: Doors,
    revocations: Revocations,
    _sweeper: AbortOnDropHandle<()>,
}

impl EmbeddedLive {
    pub(crate) fn open(tuning: &Tuning, limits: &Limits, clock: Arc<dyn Clock>) -> Arc<Self> {
        let every = Duration::from_millis(tuning.retention_every_ms);
        Arc::new_cyclic(|live: &Weak<Self>| Self {
            epoch: Uuid::new_v4().to_string(),
            bus: Channels::new(tuning.bus_messages),
            live: Live::new(tuning.partitions, limits),
            words: Words::default(),
            doors: Doors::default(),
            revocations: Revocations::new(clock.now(), tuning.revocations_ms),
            clock,
            _sweeper: AbortOnDropHandle::new(tokio::spawn(sweep(live.clone(), every))),
        })
    }
}

/// Takes away what is past its time, so that nothing grows without bound.
async fn sweep(live: Weak<EmbeddedLive>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(live) = live.upgrade() else { return };
        let now = live.clock.now();
        live.live.sweep(now);
        live.words.sweep(now);
        live.doors.sweep(now);
        live.revocations.sweep(now);
    }
}

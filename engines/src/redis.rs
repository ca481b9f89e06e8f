//! The live engine on Redis: one server, Sentinel, or Cluster.
//!
//! ```text
//!  {shard}: life, version, places │ c: conversations (head, tail) │ m: marks │ s: standings
//!  r:{user} routes │ w: their words │ g:{gateway} its users │ p:{user} presence │ {presence}: boots │ t:{ticket}
//!  {revoked} │ channels: one per gateway, typing
//! ```
//!
//! - **Shards.** What one script touches is in one shard, a hash tag: all topic partitions are in
//!   one shard on a single server, and spread over several on a cluster. Every write that must be
//!   atomic is one script (`scripts/`), run by its hash; many scripts are one pipeline.
//! - **Life.** A shard has a name of its life, kept with the server's run id and replication id. A
//!   server that was flushed, restarted or failed over to gets another name before any other
//!   command is sent to it (every connection begins so), and its partitions are not whole any
//!   more. The epoch is all names together; a monitor asks for it every second, and a change closes
//!   the channels of this process, so that its gateway registers and reads everything again.
//! - **Versions** rise with every write of a shard and with its server's time, so that those of a
//!   new life, and those of several shards, can be compared.
//! - **Nothing may be evicted**: a server with a memory limit and another policy than `noeviction`
//!   is refused, since it would forget single tails in silence.

mod bus;
mod client;
mod keys;
mod known;
mod life;
mod presence;
mod reads;
mod registry;
mod scripts;
mod settings;
mod tails;
mod target;
mod tickets;

pub use settings::RedisSettings;

use crate::{Clock, Live, Tuning, live::LiveError, open::OpenError};
use client::Client;
use keys::Keys;
use known::Known;
use life::Lives;
use parlor_schemas::Limits;
use std::sync::Arc;
use target::Target;
use tokio_util::{sync::CancellationToken, sync::DropGuard};

/// Redis behind the live port.
pub(crate) struct RedisLive {
    /// Tails, routes, tickets.
    data: Arc<Client>,
    /// Publishes: a large one does not hold reads up.
    bus: Arc<Client>,
    target: Arc<Target>,
    keys: Keys,
    lives: Arc<Lives>,
    /// Routes that were read before.
    known: Known,
    limits: Limits,
    settings: RedisSettings,
    bus_messages: usize,
    revocations_ms: i64,
    clock: Arc<dyn Clock>,
    /// Ends the monitor and the channels.
    closing: CancellationToken,
    _close: DropGuard,
}

/// Connects to `redis://`, `rediss://` (TLS), `redis+sentinel://` or `redis+cluster://`.
pub(crate) async fn open(
    url: &str,
    tuning: &Tuning,
    limits: &Limits,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Live>, OpenError> {
    let settings = tuning.redis.clone();
    let shown = crate::open::without_secrets(url);
    let unreachable = |reason: String| OpenError::Unreachable { port: "live", url: shown.clone(), reason };
    let target = Arc::new(Target::parse(url, &settings).map_err(unreachable)?);
    let shards = if target.is_cluster() { settings.cluster_shards.clamp(1, tuning.partitions) } else { 1 };
    let keys = Keys::new(&settings.prefix, tuning.partitions, shards, target.is_cluster());
    let client = || Arc::new(Client::new(target.clone(), keys.clone()));
    let (data, bus) = (client(), client());
    data.refuse_eviction().await.map_err(unreachable)?;
    let lives = Arc::new(Lives::default());
    let closing = CancellationToken::new();
    let live = RedisLive {
        data,
        bus,
        target,
        keys,
        lives,
        known: Known::new(settings.known_routes_max, settings.route_ttl_ms / 3),
        limits: limits.clone(),
        settings,
        bus_messages: tuning.bus_messages,
        revocations_ms: tuning.revocations_ms,
        clock,
        _close: closing.clone().drop_guard(),
        closing,
    };
    live.epoch_now().await.map_err(|error| unreachable(error.to_string()))?;
    tokio::spawn(life::watch(live.data.clone(), live.keys.clone(), live.lives.clone(), live.closing.clone()));
    Ok(Arc::new(live))
}

impl RedisLive {
    async fn epoch_now(&self) -> Result<String, LiveError> {
        self.lives.ask(&self.data, &self.keys).await
    }
}

/// What the server said makes no sense to us.
fn unexpected(what: &str) -> LiveError {
    LiveError::Unavailable(format!("redis: an unexpected answer to {what}"))
}

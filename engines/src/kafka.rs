//! The log on Apache Kafka.
//!
//! | port | here |
//! |---|---|
//! | `append` | one idempotent producer for the process ([`producer`]) |
//! | `claim`, `commit` | one transactional producer per owned partition ([`owner`]) |
//! | `join` | one client per member, on a thread of its own ([`member`]) |
//! | `read` | clients without a group ([`reader`]) |

mod cluster;
mod errors;
mod groups;
mod log;
mod member;
mod metrics;
mod owner;
mod producer;
mod reader;
mod record;
mod settings;
mod topics;

pub use settings::KafkaSettings;

use crate::{Clock, Log, Tuning, log::LogError, open::OpenError};
use cluster::Cluster;
use producer::Producer;
use std::sync::Arc;
use tokio::runtime::Handle;
use topics::Topics;

/// Connects to the brokers of `kafka://[user:password@]host:port,…`, and refuses topics that are
/// missing or have another number of partitions than the settings say.
pub(crate) async fn open(
    url: &str,
    tuning: &Tuning,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Log>, OpenError> {
    let cluster = Arc::new(Cluster::new(url, tuning)?);
    let with = cluster.clone();
    // Asking and connecting block.
    let opening = tokio::task::spawn_blocking(move || {
        Handle::current().block_on(Topics::new(&with)?.check())?;
        Producer::open(with.clone()).map_err(|error: LogError| with.unreachable(error))
    });
    let producer = opening.await.map_err(|error| cluster.unreachable(error))??;
    Ok(Arc::new(log::KafkaLog::new(cluster, producer, clock)))
}

/// Makes what is missing: topics with their partitions, replication and settings. Changes nothing
/// when called again; what it did, in words.
pub(crate) async fn init(url: &str, tuning: &Tuning) -> Result<Vec<String>, OpenError> {
    let cluster = Arc::new(Cluster::new(url, tuning)?);
    let (with, tuning) = (cluster.clone(), tuning.clone());
    let making =
        tokio::task::spawn_blocking(move || Handle::current().block_on(Topics::new(&with)?.make(&tuning)));
    making.await.map_err(|error| cluster.unreachable(error))?
}

//! Settings of the store on Cassandra.

use crate::open::OpenError;
use serde::Deserialize;
use std::time::Duration;

/// `[engines.cassandra]`. Durations are milliseconds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CassandraSettings {
    /// Copies of each row in each datacenter, when `parlor init` makes the keyspace; at most as many
    /// as the datacenter has nodes.
    pub replication: usize,
    /// The datacenter whose nodes are asked. May be empty where there is only one.
    pub datacenter: String,
    /// Connections to each node.
    pub connections: usize,
    /// One try of one request; reads are not retried for longer.
    pub request_timeout_ms: u64,
    /// A write is retried for so long; then the call that needs it is `Unavailable`.
    pub give_up_ms: u64,
    /// A read that has no answer after this time is asked of a second node too; 0: never.
    pub hedge_ms: u64,
    /// Requests in flight from this process; more of them wait.
    pub in_flight_max: usize,
    /// TLS to every node.
    pub tls: bool,
    /// Whom to trust: PEM. `None`: the system's authorities.
    pub tls_ca: Option<String>,
    /// The own certificate (and its chain), PEM, where nodes ask for one.
    pub tls_cert: Option<String>,
    /// Its private key, PEM.
    pub tls_key: Option<String>,
}

impl Default for CassandraSettings {
    fn default() -> Self {
        Self {
            replication: 3,
            datacenter: String::new(),
            connections: 4,
            request_timeout_ms: 3_000,
            give_up_ms: 10_000,
            hedge_ms: 100,
            in_flight_max: 256,
            tls: false,
            tls_ca: None,
            tls_cert: None,
            tls_key: None,
        }
    }
}

impl CassandraSettings {
    pub(super) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(super) fn give_up(&self) -> Duration {
        Duration::from_millis(self.give_up_ms)
    }

    pub(super) fn check(&self) -> Result<(), OpenError> {
        let refuse = |name, reason| Err(OpenError::Setting { name, reason });
        match self {
            Self { replication: 0, .. } => refuse("cassandra.replication", "must be at least 1"),
            Self { connections: 0 | 65.., .. } => refuse("cassandra.connections", "must be 1 to 64"),
            Self { request_timeout_ms: ..100, .. } => {
                refuse("cassandra.request_timeout_ms", "must be at least 100")
            }
            Self { in_flight_max: ..2, .. } => refuse("cassandra.in_flight_max", "must be at least 2"),
            Self { tls: false, tls_ca, tls_cert, tls_key, .. }
                if tls_ca.is_some() || tls_cert.is_some() || tls_key.is_some() =>
            {
                refuse("cassandra.tls", "certificates are given but tls is false: which one?")
            }
            Self { tls_cert, tls_key, .. } if tls_cert.is_some() != tls_key.is_some() => {
                refuse("cassandra.tls_cert", "tls_cert and tls_key belong together: one of them is missing")
            }
            _ if self.give_up_ms < self.request_timeout_ms => {
                refuse("cassandra.give_up_ms", "must not be below request_timeout_ms")
            }
            _ => Ok(()),
        }
    }
}

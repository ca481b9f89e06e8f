//! Settings of the log on Kafka.

use serde::Deserialize;
use std::{collections::BTreeMap, fmt};

/// `[engines.kafka]`. Durations are milliseconds.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaSettings {
    /// Stands before the names of topics and groups and before transactional ids, so that one
    /// cluster can serve several deployments.
    pub prefix: String,
    /// Replicas of each partition that `parlor init` makes; 0: as many as there are brokers, at
    /// most 3. With 3, two of them must have a record before it counts as written.
    pub replication: u16,
    /// Whether the brokers speak TLS (a build with the feature `engine-tls`).
    pub tls: bool,
    /// The authority that signs the brokers' certificates, PEM; empty: those that the system trusts.
    pub tls_ca: String,
    /// Our certificate, PEM, if the brokers want one.
    pub tls_cert: String,
    /// Its key, PEM.
    pub tls_key: String,
    /// How user and password of the URL are given: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub sasl_mechanism: String,
    /// An entry that is not acknowledged within this time is reported as unknown.
    pub delivery_ms: u32,
    /// A sequencer's transaction that is not ended within this time is aborted by the brokers.
    pub transaction_ms: u32,
    /// A member that is silent for so long has left its group.
    pub session_ms: u32,
    /// The longest that a member may drain a partition that it has to give up.
    pub drain_ms: u32,
    /// A question to the brokers is given up after this time.
    pub request_ms: u32,
    /// How often the clients' statistics become metrics. A client that has lost all brokers is noticed,
    /// and made anew, by them.
    pub statistics_ms: u32,
    /// More properties for librdkafka; they win over ours.
    pub extra: BTreeMap<String, String>,
}

impl Default for KafkaSettings {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            replication: 0,
            tls: false,
            tls_ca: String::new(),
            tls_cert: String::new(),
            tls_key: String::new(),
            sasl_mechanism: "SCRAM-SHA-512".to_owned(),
            delivery_ms: 10_000,
            transaction_ms: 10_000,
            session_ms: 10_000,
            drain_ms: 300_000,
            request_ms: 5_000,
            statistics_ms: 5_000,
            extra: BTreeMap::new(),
        }
    }
}

/// Without what is secret.
impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSettings")
            .field("prefix", &self.prefix)
            .field("replication", &self.replication)
            .field("tls", &self.tls)
            .field("sasl_mechanism", &self.sasl_mechanism)
            .field("extra", &self.extra.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

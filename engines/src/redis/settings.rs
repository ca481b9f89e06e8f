//! Settings of the live engine on Redis.

use serde::Deserialize;

/// `[engines.redis]`. The URL says where: `redis://[user:password@]host:port[/db]`, `rediss://` with
/// TLS, `redis+sentinel://host:port,…/primary`, `redis+cluster://host:port,…` (both with `rediss+`
/// for TLS).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisSettings {
    /// Before every key and channel: several deployments may share a server.
    pub prefix: String,
    /// Hash tags over which a cluster spreads the partitions.
    pub cluster_shards: u32,
    /// A connection, or an answer, that takes longer is an error.
    pub timeout_ms: u64,
    /// Commands of one pipeline, at most.
    pub pipeline_max: usize,
    /// A route ends so long after its last refresh.
    pub route_ttl_ms: i64,
    /// Users whose routes are remembered, so as not to be read for every batch.
    pub known_routes_max: usize,
    /// What a gateway said of a user ends so long after it was last said; it is repeated every 5 min.
    pub presence_ttl_ms: i64,
    /// After a loss gateways say everything again within this time: until then nobody is said to be
    /// gone.
    pub presence_settle_ms: i64,
    /// An idle conversation's head is kept for so long after its tail.
    pub head_ttl_ms: i64,
    /// Marks and standings nobody has touched for so long are dropped: the store has them.
    pub mark_ttl_ms: i64,
    /// The authority that signed the server's certificate (PEM); empty: the system's.
    pub tls_ca: String,
    /// The own certificate (PEM), where the server asks for one.
    pub tls_cert: String,
    /// Its key (PEM).
    pub tls_key: String,
    /// For Sentinel itself; the URL's credentials are the server's.
    pub sentinel_username: String,
    #[allow(missing_docs)]
    pub sentinel_password: String,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            prefix: "parlor:".into(),
            cluster_shards: 16,
            timeout_ms: 2_000,
            pipeline_max: 512,
            route_ttl_ms: 90_000,
            known_routes_max: 200_000,
            presence_ttl_ms: 900_000,
            presence_settle_ms: 15_000,
            head_ttl_ms: 86_400_000,
            mark_ttl_ms: 604_800_000,
            tls_ca: String::new(),
            tls_cert: String::new(),
            tls_key: String::new(),
            sentinel_username: String::new(),
            sentinel_password: String::new(),
        }
    }
}

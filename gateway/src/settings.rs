//! Every number of the gateway, by name. The defaults and what each means stand in
//! `config.default.toml`, tables `[edge]` and `[auth]`.

use parlor_engines::Health;
use parlor_schemas::{Limits, limits::DEFAULTS};
use serde::{Deserialize, Serialize};
use std::{fmt, net::TcpListener, time::Duration};

/// What a gateway is given besides the engines.
#[derive(Debug)]
pub struct Settings {
    /// Already bound, so that a test may ask the system for a port.
    pub listener: TcpListener,
    /// What the deployment allows; told to clients in `hello`.
    pub limits: Limits,
    /// The gateway's own numbers.
    pub edge: EdgeLimits,
    /// Tokens.
    pub auth: AuthSettings,
    /// The deployment's epoch, as fanout tells it; another one after a restore from a backup.
    pub epoch: String,
    /// Where the gateway reports its state, as `gateway`.
    pub health: Health,
}

/// The gateway's own numbers. Sizes are bytes, durations milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct EdgeLimits {
    pub frame_max: usize,
    pub outbox_max: usize,
    pub read_buffer: usize,
    pub write_buffer: usize,
    pub heartbeat_ms: u64,
    pub silence_ms: u64,
    pub auth_timeout_ms: u64,
    pub close_ms: u64,
    pub sweep_ms: u64,
    pub slow_retry_ms: u64,
    pub sockets_max: usize,
    pub backlog: u16,
    pub files_reserve: usize,
    pub memory_max: u64,
    pub connections_max: usize,
    pub connections_per_ip: usize,
    pub connections_per_user: usize,
    pub header_timeout_ms: u64,
    pub body_max: usize,
    pub body_timeout_ms: u64,
    pub fetches_max: usize,
    pub heads_page: usize,
    pub reads_retry_ms: u64,
    pub moved_ms: i64,
    pub catch_up_users: usize,
    pub fold_records_max: usize,
    pub stale_ms: i64,
    pub media_bytes_max: u64,
    pub media_url_ms: u64,
    pub uploads_max: usize,
    #[serde(default)]
    pub public_url: String,
    pub search_text_max: usize,
    pub search_words_max: usize,
    pub search_rounds_max: usize,
    pub snippet_chars: usize,
    pub since_ms: i64,
    pub marks_every_ms: u64,
    pub marks_waiting_max: usize,
    pub hints_lanes: usize,
    pub hints_queue: usize,
    pub commands_queue: usize,
    pub commands_batch: usize,
    pub appends_max: usize,
    pub answer_ms: u64,
    pub rest_wait_ms: u64,
    pub routes_every_ms: u64,
    pub routes_batch: usize,
    pub beat_ms: u64,
    pub resubscribe_ms: u64,
    pub typing_every_ms: u64,
    pub typing_waiting_max: usize,
    pub presence_every_ms: u64,
    pub presence_beat_ms: u64,
    pub presence_believed_ms: u64,
    pub presence_look_ms: u64,
    pub seen_every_ms: i64,
    pub seen_wait_ms: u64,
    pub seen_waiting_max: usize,
    pub watched_max: usize,
    pub watch_trust_ms: u64,
    pub watch_checks_max: usize,
    pub circle_cache_ms: u64,
    pub circle_cache_max: u64,
    pub ticket_ttl_ms: u64,
    pub revoked_every_ms: u64,
    pub session_cache_ms: u64,
    pub session_cache_max: u64,
    pub profile_cache_ms: u64,
    pub shape_cache_max: u64,
    pub drain_notice_ms: u64,
    pub drain_reconnect_ms: u64,
    pub drain_spread_ms: u64,
    pub drain_max_ms: u64,
    pub rates: Rates,
    pub argon2: Argon2Cost,
}

/// The token buckets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Rates {
    pub connection: Rate,
    pub user: Rate,
    pub ip: Rate,
    pub sign_in: Rate,
    pub hints: Rate,
    pub looks: Rate,
    pub strikes_max: u32,
}

/// One token bucket; neither number may be 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Rate {
    pub per_second: std::num::NonZeroU32,
    pub burst: std::num::NonZeroU32,
}

/// What a password hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Argon2Cost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
    pub at_once: usize,
    pub waiting_max: usize,
}

/// Tokens: who signs them, for whom, for how long.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct AuthSettings {
    pub issuer: String,
    pub audience: String,
    pub access_ttl_ms: u64,
    pub refresh_ttl_ms: u64,
    pub refresh_repeat_ms: u64,
    pub leeway_ms: u64,
    pub name_free_ms: u64,
    /// Ed25519, PKCS#8 PEM. Required.
    #[serde(default, skip_serializing)]
    pub signing_key: String,
    /// Empty: a hash of the public key.
    #[serde(default)]
    pub key_id: String,
}

/// Without the key.
impl fmt::Debug for AuthSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthSettings")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("access_ttl_ms", &self.access_ttl_ms)
            .field("refresh_ttl_ms", &self.refresh_ttl_ms)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct File {
    edge: EdgeLimits,
    auth: AuthSettings,
}

fn defaults() -> File {
    toml::from_str(DEFAULTS).expect("the defaults file holds every number of the gateway")
}

impl Default for EdgeLimits {
    fn default() -> Self {
        defaults().edge
    }
}

/// The signing key is missing in it.
impl Default for AuthSettings {
    fn default() -> Self {
        defaults().auth
    }
}

/// Milliseconds of a setting as a duration.
pub(crate) fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_file_holds_every_number() {
        let (edge, auth) = (EdgeLimits::default(), AuthSettings::default());
        assert_eq!(edge.frame_max, 64 * 1024);
        assert_eq!(auth.access_ttl_ms, 15 * 60 * 1000);
        assert!(edge.silence_ms > edge.heartbeat_ms);
        // After a gateway was killed nobody is online for longer than 65 s (PROTOCOL §3).
        assert!(edge.presence_believed_ms + edge.presence_look_ms + edge.presence_every_ms < 65_000);
        assert!(edge.presence_believed_ms > 2 * edge.presence_beat_ms);
    }
}

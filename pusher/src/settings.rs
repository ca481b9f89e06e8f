//! The pusher's settings: `[push]` in `config.default.toml`, where each is explained.

use serde::Deserialize;
use std::fmt;

/// `[push]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct PushSettings {
    pub patience_ms: i64,
    pub badge_conversations_max: usize,
    pub webhook_url: String,
    pub webhook_secret: String,
    pub webhook_timeout_ms: u64,
    pub webhook_at_once: usize,
    pub webhook_pause_max_ms: u64,
    pub webhook_give_up_ms: u64,
}

/// Without the secret, and without the URL, which may hold one.
impl fmt::Debug for PushSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushSettings")
            .field("patience_ms", &self.patience_ms)
            .field("webhook_timeout_ms", &self.webhook_timeout_ms)
            .finish_non_exhaustive()
    }
}

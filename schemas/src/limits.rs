//! Every limit of the protocol and the design, by name. The numbers stand in one place, the
//! `[limits]` table of `config.default.toml`, which is also their documentation.

use serde::{Deserialize, Serialize};

/// The defaults file of the whole program.
pub const DEFAULTS: &str = include_str!("../../config.default.toml");

/// What the deployment allows; `hello.limits` tells clients the same numbers. Sizes are bytes,
/// durations milliseconds. Each field is explained where its default stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Limits {
    pub text_max: usize,
    pub title_max: usize,
    pub draft_max: usize,
    pub mentions_max: usize,
    pub media_max: usize,
    pub emoji_max: usize,
    pub members_max: usize,
    pub ttl_min_ms: u64,
    pub ttl_max_ms: u64,
    pub edit_window_ms: i64,
    pub former_members_max: usize,
    pub former_members_ms: i64,
    pub dedup_window_ms: i64,
    pub dedup_max: usize,
    pub id_ahead_ms: i64,
    pub id_age_max_ms: i64,
    pub facts_timeout_ms: u64,
    pub head_rows_every_ms: u64,
    pub tail_records: usize,
    pub tail_records_cap: usize,
    pub tail_ms: i64,
    pub receipt_members_max: usize,
    pub typing_ms: u64,
    pub typing_told_max: usize,
    pub privacy_cache_ms: u64,
    pub privacy_cache_max: u64,
    pub fetch_records_max: usize,
    pub fetch_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        #[derive(Deserialize)]
        struct File {
            limits: Limits,
        }
        let file: File = toml::from_str(DEFAULTS).expect("the defaults file holds every limit");
        file.limits
    }
}

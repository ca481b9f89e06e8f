//! The clock, passed in: no hidden reading of time anywhere else (clippy.toml bans it), so tests
//! own it.

use parlor_schemas::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Wall time. Sleeping and timeouts use tokio's own clock.
pub trait Clock: Send + Sync + 'static {
    /// Now, milliseconds since 1970.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// The machine's clock and a constant: for trials of what clocks that differ do (`clock_offset_ms`).
#[derive(Clone, Copy, Debug)]
pub struct SkewedClock {
    /// Milliseconds ahead of the machine's clock; negative: behind.
    pub offset_ms: i64,
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_millis(self.offset_ms)
    }
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(since.as_millis() as i64)
    }
}

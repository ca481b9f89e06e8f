//! Named points at which the proof lets a process die (tests/PROOF.md): between an effect and the word that
//! it was done, where a kill at random comes only once in a long while.
//!
//! They exist only with the feature `sabotage`, which no release has. `PARLOR_CRASH_AT=persister-written:7`
//! aborts the process when it passes that point for the seventh time: like `kill -9`, nothing is flushed
//! and nobody is told.

/// A point on a message's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The log has the commands; nobody was told `accepted`.
    GatewayDurable,
    /// A batch is decided and not committed.
    IngestDecided,
    /// A batch is committed; no state has moved and nobody has an answer.
    IngestCommitted,
    /// The store has the batch; its offset is not stored.
    PersisterWritten,
    /// The tails have the batch; no gateway was told.
    FanoutTailed,
    /// The gateways were told; the offset is not stored.
    FanoutPublished,
    /// The embedded engines have a batch on disk; nobody can read it yet.
    CommitterSynced,
}

/// All of them, with the names that `PARLOR_CRASH_AT` takes.
pub const ALL: [(Point, &str); 7] = [
    (Point::GatewayDurable, "gateway-durable"),
    (Point::IngestDecided, "ingest-decided"),
    (Point::IngestCommitted, "ingest-committed"),
    (Point::PersisterWritten, "persister-written"),
    (Point::FanoutTailed, "fanout-tailed"),
    (Point::FanoutPublished, "fanout-published"),
    (Point::CommitterSynced, "committer-synced"),
];

/// Passes a point.
#[cfg(not(feature = "sabotage"))]
#[inline]
pub const fn pass(_: Point) {}

/// Passes a point; the process may end here.
///
/// # Panics
/// `PARLOR_CRASH_AT` names none: the run would prove nothing.
#[cfg(feature = "sabotage")]
pub fn pass(point: Point) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering::SeqCst},
    };
    static CHOSEN: LazyLock<Option<(Point, AtomicU64)>> = LazyLock::new(|| {
        let text = std::env::var("PARLOR_CRASH_AT").ok()?;
        let (name, times) = text.split_once(':').unwrap_or((&text, "1"));
        let known = ALL.iter().find(|(_, known)| *known == name);
        let times = times.parse().unwrap_or_else(|_| panic!("{text} has no number of times"));
        Some((known.unwrap_or_else(|| panic!("no point is called {name}")).0, AtomicU64::new(times)))
    });
    if let Some((chosen, left)) = &*CHOSEN
        && *chosen == point
        && left.fetch_sub(1, SeqCst) == 1
    {
        std::process::abort();
    }
}

//! Defects that the proof must notice (tests/PROOF.md): each is one that systems of this kind have had.
//!
//! They exist only with the feature `sabotage`, which no release has; without it every question is a
//! constant `false` and the compiler takes the branch away. With it one is chosen by the environment
//! variable `PARLOR_SABOTAGE`, and `dev/prove --sabotage` expects that the checker refuses the run.

/// A defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// The gateway says `accepted` before the log has the command.
    AckBeforeDurable,
    /// The persister calls its batch done before it has written it.
    CommitBeforeWrite,
    /// The sequencer takes every command for a new one.
    NoDedup,
    /// Fanout remembers for some seconds who is online, and asks for no routes after the tail write.
    RoutesBeforeTail,
    /// The store's rows are written with the writer's clock instead of the record's rank.
    ClockTimestamps,
    /// Nobody looks whether the live engine has forgotten everything: any life is taken for the same.
    NoLiveCheck,
    /// History is read without a look at who is a member.
    NoMemberCheck,
    /// A sequencer that takes a partition over does not read what the rows do not tell yet.
    SeqFromRows,
    /// The persister goes on past a write that failed.
    PastFailure,
    /// What waits for a socket has no bound.
    UnboundedOutbox,
}

/// All of them, with the names that `PARLOR_SABOTAGE` takes.
pub const ALL: [(Sabotage, &str); 10] = [
    (Sabotage::AckBeforeDurable, "ack-before-durable"),
    (Sabotage::CommitBeforeWrite, "commit-before-write"),
    (Sabotage::NoDedup, "no-dedup"),
    (Sabotage::RoutesBeforeTail, "routes-before-tail"),
    (Sabotage::ClockTimestamps, "clock-timestamps"),
    (Sabotage::NoLiveCheck, "no-live-check"),
    (Sabotage::NoMemberCheck, "no-member-check"),
    (Sabotage::SeqFromRows, "seq-from-rows"),
    (Sabotage::PastFailure, "past-failure"),
    (Sabotage::UnboundedOutbox, "unbounded-outbox"),
];

/// Whether this defect is on.
#[cfg(not(feature = "sabotage"))]
#[inline]
pub const fn is(_: Sabotage) -> bool {
    false
}

/// Whether this defect is on.
///
/// # Panics
/// `PARLOR_SABOTAGE` names none: the run would prove nothing.
#[cfg(feature = "sabotage")]
pub fn is(sabotage: Sabotage) -> bool {
    static CHOSEN: std::sync::LazyLock<Option<Sabotage>> = std::sync::LazyLock::new(|| {
        let name = std::env::var("PARLOR_SABOTAGE").ok()?;
        let known = ALL.iter().find(|(_, known)| *known == name);
        Some(known.unwrap_or_else(|| panic!("no defect is called {name}")).0)
    });
    *CHOSEN == Some(sabotage)
}

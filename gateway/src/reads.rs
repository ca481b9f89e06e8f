//! Reads: never behind what the same user was acked or sent (PROTOCOL §3). Each merges the live
//! engine with the store; an engine's failure is tried again for a while and then told, never
//! turned into an empty answer.

pub(crate) mod blocks;
pub(crate) mod contacts;
mod conversations;
mod fold;
pub(crate) mod frozen;
pub(crate) mod heads;
mod messages;
pub(crate) mod page;
pub(crate) mod places;
pub(crate) mod profiles;
pub(crate) mod range;
pub(crate) mod shapes;
pub(crate) mod standings;

use crate::{
    edge::EngineSet,
    problem::Problem,
    settings::{EdgeLimits, millis},
};
use parking_lot::RwLock;
use parlor_engines::{Privacies, live::LiveError, store::StoreError};
use parlor_schemas::{ConversationId, Limits, UserId, frames::Profile};
use std::{collections::HashSet, future::Future, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// Between two attempts, at first and at most.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Everything that reads.
#[derive(Debug)]
pub(crate) struct Reader {
    /// Below.
    pub engines: EngineSet,
    /// The deployment's limits.
    pub limits: Limits,
    /// The deployment's epoch, as clients know it.
    pub epoch: Arc<str>,
    /// Attempts end after this time.
    patience: Duration,
    /// Items of one page of `heads`.
    heads_page: usize,
    /// An older `since` means everything.
    since_ms: i64,
    fold_records_max: usize,
    stale_ms: i64,
    /// The present life of the live engine (its own epoch), part of `since`.
    life: RwLock<Arc<str>>,
    places: moka::sync::Cache<(ConversationId, u64), places::Place>,
    shapes: moka::sync::Cache<ConversationId, shapes::Shape>,
    counts: moka::sync::Cache<ConversationId, u64>,
    profiles: moka::sync::Cache<UserId, Profile>,
    blocks: moka::sync::Cache<UserId, Arc<HashSet<UserId>>>,
    frozen: frozen::FrozenCache,
    /// What users let others see.
    pub privacies: Privacies,
    /// Who is in which conversations, as far as it is stored, by the life of the live engine.
    circles: moka::sync::Cache<(UserId, Arc<str>), contacts::Stored>,
}

impl Reader {
    /// A reader with empty caches.
    pub fn new(engines: EngineSet, limits: Limits, epoch: &str, edge: &EdgeLimits) -> Self {
        let cached = millis(edge.profile_cache_ms);
        let believed = millis(limits.privacy_cache_ms);
        let privacies = Privacies::new(engines.store.clone(), believed, limits.privacy_cache_max);
        Self {
            engines,
            limits,
            epoch: epoch.into(),
            patience: millis(edge.reads_retry_ms),
            heads_page: edge.heads_page,
            since_ms: edge.since_ms,
            fold_records_max: edge.fold_records_max,
            stale_ms: edge.stale_ms,
            life: RwLock::new("".into()),
            places: moka::sync::Cache::new(edge.shape_cache_max),
            shapes: moka::sync::Cache::new(edge.shape_cache_max),
            counts: moka::sync::Cache::builder()
                .max_capacity(edge.shape_cache_max)
                .time_to_live(cached)
                .build(),
            profiles: moka::sync::Cache::builder()
                .max_capacity(edge.shape_cache_max)
                .time_to_live(cached)
                .build(),
            frozen: moka::sync::Cache::new(edge.shape_cache_max),
            blocks: moka::sync::Cache::builder()
                .max_capacity(edge.shape_cache_max)
                .time_to_live(cached)
                .build(),
            privacies,
            circles: moka::sync::Cache::builder()
                .weigher(|_, circle: &contacts::Stored| circle.len() as u32 + 1)
                .max_capacity(edge.circle_cache_max)
                .time_to_live(millis(edge.circle_cache_ms))
                .build(),
        }
    }

    /// Looks which life of the live engine it is; `true`: another one than before.
    pub async fn renew_epoch(&self) -> bool {
        let life = match self.engines.live.epoch().await {
            Ok(life) => life,
            Err(error) => {
                tracing::warn!(%error, "the live engine's epoch");
                return false;
            }
        };
        let mut known = self.life.write();
        let is_other = !known.is_empty() && **known != *life;
        if **known != *life {
            *known = life.into();
        }
        is_other
    }

    /// Tries until it works, is refused, or patience ends.
    pub async fn patiently<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, ReadError>>,
    {
        let until = Instant::now() + self.patience;
        let mut pause = PAUSE_FIRST;
        loop {
            match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) if error.is_passing() && Instant::now() + pause < until => {
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The larger of the live and the stored head of each.
    pub async fn head_seqs(&self, of: &[ConversationId]) -> Result<Vec<u64>, Problem> {
        let live = self.engines.live.live_heads(of).await?;
        let missing: Vec<ConversationId> =
            of.iter().zip(&live).filter(|(_, head)| head.is_none()).map(|(id, _)| *id).collect();
        let mut stored =
            if missing.is_empty() { Vec::new() } else { self.engines.store.heads(&missing).await? }
                .into_iter();
        Ok(live
            .into_iter()
            .map(|head| match head {
                Some(head) => head.seq,
                None => stored.next().flatten().map_or(0, |head| head.seq),
            })
            .collect())
    }
}

/// What a read ran into.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The live engine, also while tails are rebuilt.
    Live(LiveError),
    /// The store.
    Store(StoreError),
    /// What was written is not readable yet (the persister is on its way).
    NotYet,
    /// The answer is no.
    Refused(Problem),
}

impl ReadError {
    /// Whether to try again.
    fn is_passing(&self) -> bool {
        matches!(self, Self::Live(_) | Self::Store(StoreError::Unavailable(_)) | Self::NotYet)
    }
}

impl From<LiveError> for ReadError {
    fn from(error: LiveError) -> Self {
        Self::Live(error)
    }
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Problem> for ReadError {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Live(error) => error.into(),
            ReadError::Store(error) => error.into(),
            ReadError::NotYet => Self::unavailable("this is not readable yet; try again"),
            ReadError::Refused(problem) => problem,
        }
    }
}

//! The search index of this process, on tantivy, in a directory.
//!
//! ```text
//!  write ──▶ queue ──▶ the index's thread: all that queued, then one commit ──▶ readers, answers
//! ```
//!
//! One thread writes. A commit takes everything that queued while the one before was made, and
//! carries the offsets of its partitions, so that index and offsets are never apart. On a failure
//! the writer is given up and opened anew from the last commit, and the caller writes again.
//!
//! The index is opened with the first partition: a process without indexer has none.

mod collect;
mod fields;
mod writer;

use crate::{
    Clock,
    open::OpenError,
    search::{Change, Found, Hit, Index, Question, Search, SearchError, joined},
};
use async_trait::async_trait;
use fields::Fields;
use parking_lot::{Mutex, RwLock};
use parlor_schemas::topics::{Offset, Partition, of_conversation};
use serde::Deserialize;
use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::{Semaphore, oneshot};
use writer::{Order, Thread};

/// What operators may tune of search. Durations are milliseconds, sizes bytes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchSettings {
    /// Between two commits, at least; the first one after a rest comes at once.
    pub commit_every_ms: u64,
    /// Documents in memory before they go to the disk.
    pub memory_bytes: usize,
    /// Questions answered at the same time; more of them wait.
    pub at_once: usize,
    /// An indexer elsewhere that has not answered by then is away.
    pub timeout_ms: u64,
}

/// What the writer's memory must be, at least.
const MEMORY_MIN: usize = 16_000_000;

impl Default for SearchSettings {
    fn default() -> Self {
        Self { commit_every_ms: 1_000, memory_bytes: 16_000_000, at_once: 4, timeout_ms: 3_000 }
    }
}

impl SearchSettings {
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let refuse = |name, reason| Err(OpenError::Setting { name, reason });
        match self {
            Self { memory_bytes: ..MEMORY_MIN, .. } => {
                refuse("search.memory_bytes", "must be at least 16 MB")
            }
            Self { memory_bytes: 0x7FFF_FFFF.., .. } => refuse("search.memory_bytes", "must be below 2 GB"),
            Self { at_once: 0, .. } => refuse("search.at_once", "must be at least 1"),
            Self { commit_every_ms: 10_001.., .. } => {
                refuse("search.commit_every_ms", "must be at most 10 s")
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// The index of this process.
pub(crate) struct TantivyIndex {
    directory: PathBuf,
    settings: SearchSettings,
    partitions: u32,
    clock: Arc<dyn Clock>,
    /// Opened with the first partition.
    thread: Mutex<Option<Thread>>,
    /// What readers look at; the thread puts a new one there with every commit.
    shown: Arc<RwLock<Option<::tantivy::Searcher>>>,
    served: Mutex<BTreeSet<Partition>>,
    permits: Semaphore,
}

/// The format of the directory: another one is made anew from the log.
const FORMAT: &str = "search-1";

impl TantivyIndex {
    pub(crate) fn new(
        data: &std::path::Path,
        settings: &SearchSettings,
        partitions: u32,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        Arc::new(Self {
            directory: data.join(FORMAT),
            settings: settings.clone(),
            partitions,
            clock,
            thread: Mutex::default(),
            shown: Arc::default(),
            served: Mutex::default(),
            permits: Semaphore::new(settings.at_once),
        })
    }

    /// Hands an order to the thread and waits for its answer.
    async fn order<T: Send>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, SearchError>>) -> Order,
    ) -> Result<T, SearchError> {
        let (answer, answered) = oneshot::channel();
        {
            let mut thread = self.thread.lock();
            let thread = match &mut *thread {
                Some(thread) => thread,
                none => none.insert(Thread::start(writer::Setting {
                    directory: self.directory.clone(),
                    settings: self.settings.clone(),
                    shown: self.shown.clone(),
                    clock: self.clock.clone(),
                })?),
            };
            thread.take(order(answer))?;
        }
        answered.await.map_err(|_| SearchError::Unavailable("the index's thread has ended".into()))?
    }
}

#[async_trait]
impl Index for TantivyIndex {
    async fn covered(&self, partition: Partition) -> Result<Option<Offset>, SearchError> {
        self.order(|answer| Order::Covered { partition, answer }).await
    }

    async fn write(
        &self,
        partition: Partition,
        changes: Vec<Change>,
        next: Offset,
        has_more: bool,
    ) -> Result<(), SearchError> {
        self.order(|answer| Order::Write { partition, changes, next, has_more, answer }).await
    }

    async fn clear(&self, partition: Partition) -> Result<(), SearchError> {
        self.order(|answer| Order::Clear { partition, answer }).await
    }

    fn serve(&self, partition: Partition, is_served: bool) {
        let mut served = self.served.lock();
        if is_served {
            served.insert(partition)
        } else {
            served.remove(&partition)
        };
    }

    async fn look(&self, mut question: Question) -> Result<Found, SearchError> {
        let served = self.served.lock().clone();
        question.within.retain(|(id, _)| served.contains(&of_conversation(*id, self.partitions)));
        let served = served.into_iter().collect();
        let Some(searcher) = self.shown.read().clone().filter(|_| !question.within.is_empty()) else {
            return Ok(Found { hits: Vec::new(), served });
        };
        let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
        let looking = tokio::task::spawn_blocking(move || collect::hits(&searcher, &question));
        let hits = looking.await.map_err(|error| SearchError::Unavailable(error.to_string()))?;
        let hits: Vec<Hit> = hits.map_err(|error| SearchError::Unavailable(error.to_string()))?;
        Ok(Found { hits, served })
    }
}

#[async_trait]
impl Search for TantivyIndex {
    async fn find(&self, question: Question) -> Result<Vec<Hit>, SearchError> {
        let found = self.look(question.clone()).await?;
        joined(&question, self.partitions, vec![found])
    }
}

impl Drop for TantivyIndex {
    fn drop(&mut self) {
        // The directory is free when this returns.
        if let Some(thread) = self.thread.lock().take() {
            thread.end();
        }
    }
}

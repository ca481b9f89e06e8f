//! The set that owns every task of a gateway: nothing is spawned beside it.

use parking_lot::Mutex;
use std::future::Future;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// Short and long tasks; a task that ends by a defect is noticed and ends the gateway.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    set: Mutex<JoinSet<()>>,
    defect: Mutex<Option<String>>,
    /// Cancelled at the first defect.
    pub defective: CancellationToken,
}

impl Tasks {
    /// Spawns a task of the set and buries those that are done.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut set = self.set.lock();
        set.spawn(task);
        while let Some(done) = set.try_join_next() {
            self.judge(done);
        }
    }

    /// Buries those that are done; called by the sweep, so that an idle gateway keeps no bodies.
    pub fn reap(&self) {
        let mut set = self.set.lock();
        while let Some(done) = set.try_join_next() {
            self.judge(done);
        }
    }

    /// Ends what is left.
    pub async fn end(&self) {
        let mut set = std::mem::take(&mut *self.set.lock());
        set.shutdown().await;
    }

    /// What went wrong, if something did.
    pub fn defect(&self) -> Option<String> {
        self.defect.lock().clone()
    }

    fn judge(&self, done: Result<(), JoinError>) {
        let Err(error) = done else { return };
        if error.is_panic() {
            self.defect.lock().get_or_insert_with(|| error.to_string());
            self.defective.cancel();
        }
    }
}

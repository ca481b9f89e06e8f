//! Users' choices as the roles that tell marks and presence look at them: read from the store in
//! batches, believed for a while.

use crate::{Store, store::StoreError};
use parlor_schemas::{Privacy, UserId};
use std::{sync::Arc, time::Duration};

/// The choices that were asked for lately.
#[derive(Clone)]
pub struct Privacies {
    store: Arc<dyn Store>,
    known: moka::sync::Cache<UserId, Privacy>,
}

impl std::fmt::Debug for Privacies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Privacies").finish_non_exhaustive()
    }
}

impl Privacies {
    /// Nothing is known yet. A change elsewhere is seen after `believed` at the latest; at most `max`
    /// users are kept.
    pub fn new(store: Arc<dyn Store>, believed: Duration, max: u64) -> Self {
        let known = moka::sync::Cache::builder().max_capacity(max).time_to_live(believed).build();
        Self { store, known }
    }

    /// The choices of these users, in the order asked. A store that does not answer is an error,
    /// never a default.
    pub async fn of(&self, users: &[UserId]) -> Result<Vec<Privacy>, StoreError> {
        let mut found: Vec<Option<Privacy>> = users.iter().map(|user| self.known.get(user)).collect();
        let missing: Vec<UserId> =
            users.iter().zip(&found).filter(|(_, known)| known.is_none()).map(|(user, _)| *user).collect();
        let mut read =
            if missing.is_empty() { Vec::new() } else { self.store.privacies(&missing).await? }.into_iter();
        for (user, known) in users.iter().zip(&mut found) {
            if known.is_none() {
                *known = read.next();
                self.known.insert(*user, known.unwrap_or_default());
            }
        }
        Ok(found.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// The user has chosen anew.
    pub fn forget(&self, user: UserId) {
        self.known.invalidate(&user);
    }
}

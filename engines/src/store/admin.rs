//! What administrators decide about accounts, and the book of what they did.

use super::{StoreError, User};
use async_trait::async_trait;
use parlor_schemas::{AuditId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// What was decided about an account; by default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    /// May use `/v1/admin`.
    pub is_admin: bool,
    /// Can't sign in since.
    pub banned_at: Option<Timestamp>,
    /// The person took the account away; its row has no secrets and no name to show any more.
    pub deleted_at: Option<Timestamp>,
}

/// A change of one part of it; of two at the same time the later one stays.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum StateChange {
    Admin(bool),
    /// `None`: no longer.
    Banned(Option<Timestamp>),
    Deleted(Timestamp),
}

/// One thing that an administrator did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// UUIDv7: its time is when.
    pub audit_id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who; `None`: somebody on the host.
    pub actor_id: Option<UserId>,
    /// What, in the past tense: `banned`, `sessions_ended` …
    pub action: String,
    /// To whom or what: an id.
    pub target: String,
}

/// Account states and the audit book.
#[async_trait]
pub trait Admin: Send + Sync + 'static {
    /// States, in the order asked.
    async fn account_states(&self, of: &[UserId]) -> Result<Vec<AccountState>, StoreError>;

    /// Changes one part of a state.
    async fn change_state(&self, user: UserId, change: StateChange) -> Result<(), StoreError>;

    /// Some of all users, in an order of the engine's own, and the last one if there may be more.
    async fn users_after(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<User>, Option<UserId>), StoreError>;

    /// Makes a user whose name is held by `old` (see [`super::Accounts::create_user`]). `false`: it is
    /// held by another (decided atomically).
    async fn replace_user(&self, old: UserId, user: &User) -> Result<bool, StoreError>;

    /// Enters what was done; the same entry again changes nothing.
    async fn put_audit(&self, entry: &AuditEntry) -> Result<(), StoreError>;

    /// What was done, newest first, below an entry.
    async fn audits(&self, below: Option<AuditId>, limit: usize) -> Result<Vec<AuditEntry>, StoreError>;
}

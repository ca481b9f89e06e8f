//! Users, devices, sessions: written by the gateway.

use super::StoreError;
use async_trait::async_trait;
use parlor_schemas::{DeviceId, MediaId, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// A person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct User {
    pub user_id: UserId,
    /// `[a-z0-9_.]{3,32}`, unique.
    pub username: String,
    pub display_name: String,
    pub email: Option<String>,
    pub avatar_media_id: Option<MediaId>,
    /// argon2id, PHC string.
    pub password_hash: String,
    pub created_at: Timestamp,
}

impl User {
    /// Taken away by its owner: what it said stays, under no name. (A user who can sign in has a hash.)
    pub fn is_deleted(&self) -> bool {
        self.password_hash.is_empty()
    }
}

/// A device of a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Device {
    pub user_id: UserId,
    pub device_id: DeviceId,
    /// "web", "mobile" or "desktop".
    pub kind: String,
    pub name: String,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
}

/// A login on a device: the family of one refresh token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Session {
    pub session_id: SessionId,
    pub user_id: UserId,
    pub device_id: DeviceId,
    pub created_at: Timestamp,
    /// Set once; an ended session never comes back.
    pub ended_at: Option<Timestamp>,
    /// The number of the refresh token that is valid now; each rotation adds one.
    pub generation: u64,
    pub rotated_at: Timestamp,
    /// Whether an access token made with the present generation was used (then the token before
    /// it may no longer be repeated, PROTOCOL §4).
    pub generation_used: bool,
    /// Random, from which this session's refresh tokens are derived (with the server's key).
    pub secret: [u8; 32],
}

/// Users.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// Makes a user. `false`: the name is taken (decided atomically).
    async fn create_user(&self, user: &User) -> Result<bool, StoreError>;

    /// Replaces a user's row (not its name).
    async fn put_user(&self, user: &User) -> Result<(), StoreError>;

    /// By name.
    async fn user_by_name(&self, username: &str) -> Result<Option<User>, StoreError>;

    /// By id, in the order asked.
    async fn users(&self, of: &[UserId]) -> Result<Vec<Option<User>>, StoreError>;
}

/// Devices and sessions.
#[async_trait]
pub trait Sessions: Send + Sync + 'static {
    /// Writes a device's row.
    async fn put_device(&self, device: &Device) -> Result<(), StoreError>;

    /// Takes a device's row away.
    async fn delete_device(&self, user: UserId, device: DeviceId) -> Result<(), StoreError>;

    /// A user's devices.
    async fn devices(&self, user: UserId) -> Result<Vec<Device>, StoreError>;

    /// Makes a session.
    async fn create_session(&self, session: &Session) -> Result<(), StoreError>;

    /// Sessions, in the order asked.
    async fn sessions(&self, of: &[SessionId]) -> Result<Vec<Option<Session>>, StoreError>;

    /// A user's sessions that have not ended.
    async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, StoreError>;

    /// Replaces `before` by `after` if the row still equals `before` (decided atomically); `false`
    /// if it does not.
    async fn swap_session(&self, before: &Session, after: &Session) -> Result<bool, StoreError>;
}

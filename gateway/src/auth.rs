//! Who is it: access tokens, sessions and their ends, passwords, refresh tokens.

pub(crate) mod login;
pub(crate) mod password;
pub(crate) mod refresh;
pub(crate) mod revoked;
pub(crate) mod sessions;
pub(crate) mod tickets;
pub(crate) mod token;

use crate::settings::{AuthSettings, EdgeLimits};
use parlor_schemas::{DeviceId, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Who speaks, as a verified access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The user.
    pub user_id: UserId,
    /// The name at the time the token was made.
    pub username: String,
    /// The device.
    pub device_id: DeviceId,
    /// The login.
    pub session_id: SessionId,
    /// The generation of the login's tokens.
    pub generation: u64,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// Everything that decides who it is.
#[derive(Debug)]
pub(crate) struct Auth {
    /// Lifetimes, issuer, audience.
    pub settings: AuthSettings,
    /// Signs and verifies.
    pub keys: token::Keys,
    /// Hashes and compares.
    pub passwords: password::Passwords,
    /// Which sessions are known to go on, or to have ended.
    pub sessions: sessions::Book,
}

impl Auth {
    /// Reads the key.
    pub fn new(settings: AuthSettings, limits: &EdgeLimits) -> anyhow::Result<Self> {
        Ok(Self {
            keys: token::Keys::new(&settings)?,
            passwords: password::Passwords::new(limits.argon2)?,
            sessions: sessions::Book::new(limits),
            settings,
        })
    }
}

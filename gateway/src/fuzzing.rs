//! Doors for fuzz targets (feature `fuzzing`): what strangers may send, read without a gateway.

use crate::{
    auth::{Identity, token::Keys},
    rest,
    settings::AuthSettings,
    socket::wire,
};
use parlor_schemas::{DeviceId, SessionId, Timestamp, UserId};
use uuid::Uuid;

/// The largest frame that a socket reads (`edge.frame_max`).
const FRAME_MAX: usize = 64 * 1024;

/// Reads a text as a client's frame, the fast way and the slow one.
pub fn frame(text: &str) {
    if text.len() <= FRAME_MAX {
        wire::read_both_ways(text);
    }
}

/// Keys of a gateway, with a token that it made.
pub struct Tokens {
    keys: Keys,
    identity: Identity,
    /// Ours.
    pub token: String,
}

impl Tokens {
    /// With the signing key in this PEM.
    pub fn new(signing_key: String) -> Self {
        let settings = AuthSettings { signing_key, ..AuthSettings::default() };
        let keys = Keys::new(&settings).expect("a key");
        let identity = Identity {
            user_id: UserId(Uuid::from_u128(1)),
            username: "ada".into(),
            device_id: DeviceId(Uuid::from_u128(2)),
            session_id: SessionId(Uuid::from_u128(3)),
            generation: 4,
            expires_at: Timestamp(1_000_000),
        };
        let token = keys.sign(&identity, Timestamp(0)).expect("a token");
        Self { keys, identity, token }
    }

    /// No token but ours says who it is.
    pub fn verify(&self, token: &str) {
        if let Ok(identity) = self.keys.verify(token, Timestamp(0)) {
            assert_eq!(identity, self.identity, "{token}");
        }
    }
}

/// Whether the percent-encoded part of a URL is taken as text.
pub fn is_plain(encoded: &str) -> bool {
    crate::text::is_plain(encoded)
}

/// Reads a text as every query there is.
pub fn queries(query: &str) {
    rest::read_every_query(query);
}

/// Reads a text as every cursor and `since` there is; what can be read is written and read the same.
pub fn cursors(text: &str) {
    rest::read_every_cursor(text);
    crate::reads::heads::read_since(text);
}

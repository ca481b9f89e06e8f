//! Who is here: the word of each living gateway about its users.

use super::LiveError;
use async_trait::async_trait;
use parlor_schemas::{GatewayId, UserId, presence::Here};
use std::time::Duration;

/// Presence. What a boot of a gateway says of a user counts until it says otherwise, it says that it
/// ends, or it has not been heard of for as long as it said: one word per gateway and beat keeps all
/// its users present, and the users of one that was killed are gone together.
#[async_trait]
pub trait Presence: Send + Sync + 'static {
    /// Says that this boot lives, and for how long that is to be believed. `false`: the engine does
    /// not know it (any more), and everything it said before is void.
    async fn live_on(&self, gateway: GatewayId, believed: Duration) -> Result<bool, LiveError>;

    /// What this boot says of users from now on (`None`: nothing, they left). Counts while the boot
    /// lives; repeated at least every 5 minutes by the gateway, since a shared engine drops what it
    /// has not heard for long.
    async fn say(&self, gateway: GatewayId, of: &[(UserId, Option<Here>)]) -> Result<(), LiveError>;

    /// The most present word of all living boots about each user, in the order asked; `None`: none
    /// has one. [`LiveError::Rebuilding`] in place of `None` while gateways may not have said
    /// everything again after the engine lost it.
    async fn present(&self, of: &[UserId]) -> Result<Vec<Option<Here>>, LiveError>;

    /// The boot ends; what it said is void at once.
    async fn end_presence(&self, gateway: GatewayId) -> Result<(), LiveError>;
}

/// Who types: a hint that nobody keeps (PROTOCOL §3, `typing`).
#[async_trait]
pub trait TypingBus: Send + Sync + 'static {
    /// Tells all who listen.
    async fn tell_typing(&self, message: bytes::Bytes) -> Result<(), LiveError>;

    /// Listens to what all gateways tell. Bounded: a full receiver loses messages. The channel closes
    /// when the engine is lost.
    async fn hear_typing(&self) -> Result<tokio::sync::mpsc::Receiver<bytes::Bytes>, LiveError>;
}

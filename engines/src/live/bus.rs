//! Pub/sub to gateways, the connection registry, tickets and revocations.

use super::LiveError;
use async_trait::async_trait;
use bytes::Bytes;
use parlor_schemas::{DeviceId, GatewayId, SessionId, UserId};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::mpsc;

/// Pub/sub: one channel per boot of a gateway.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// The name of this life of the engine.
    async fn epoch(&self) -> Result<String, LiveError>;

    /// Publishes to channels, in order; the number of subscribers that each reached (0: nobody is
    /// there).
    async fn publish(&self, messages: Vec<(GatewayId, Bytes)>) -> Result<Vec<usize>, LiveError>;

    /// Listens on a gateway's channel and makes the gateway known to [`Bus::gateways`]. Bounded: a
    /// full receiver loses messages, which the numbers of the link tell. The channel closes when
    /// the engine is lost.
    async fn subscribe(&self, gateway: GatewayId) -> Result<mpsc::Receiver<Bytes>, LiveError>;

    /// The gateways that listen.
    async fn gateways(&self) -> Result<Vec<GatewayId>, LiveError>;
}

/// Where a device of a user is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Route {
    pub user_id: UserId,
    pub device_id: DeviceId,
    pub gateway_id: GatewayId,
    /// The gateway's own number of the connection; never used twice in one boot.
    pub connection: u64,
}

/// Who is connected where.
#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// Adds or refreshes routes (they end by themselves 90 s after the last refresh, where the
    /// engine is shared); whether each was there already.
    async fn register(&self, routes: &[Route]) -> Result<Vec<bool>, LiveError>;

    /// Takes routes away.
    async fn unregister(&self, routes: &[Route]) -> Result<(), LiveError>;

    /// The routes of each user, in the order asked.
    async fn routes(&self, of: &[UserId]) -> Result<Vec<Vec<Route>>, LiveError>;

    /// Takes all routes of a gateway away: a publish to it reached nobody.
    async fn drop_gateway(&self, gateway: GatewayId) -> Result<(), LiveError>;
}

/// Single-use tickets, and sessions that ended.
#[async_trait]
pub trait Tickets: Send + Sync + 'static {
    /// Keeps a ticket's meaning for `ttl`.
    async fn put_ticket(&self, ticket: &str, meaning: Bytes, ttl: Duration) -> Result<(), LiveError>;

    /// Takes it: at most one caller gets it.
    async fn take_ticket(&self, ticket: &str) -> Result<Option<Bytes>, LiveError>;

    /// Tells all gateways that sessions ended.
    async fn revoke(&self, sessions: &[SessionId]) -> Result<(), LiveError>;

    /// Revocations after number `since` (0: all that are kept), with the newest number. Kept for at
    /// least one hour; `None` in place of the list if older ones than `since` were dropped or the
    /// epoch is another one: check every session in the store.
    async fn revoked(&self, since: u64) -> Result<(u64, Option<Vec<SessionId>>), LiveError>;
}

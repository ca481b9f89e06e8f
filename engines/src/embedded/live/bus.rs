//! Channels of gateways, and who is connected where.

use super::EmbeddedLive;
use crate::live::{Bus, LiveError, Registry, Route, TypingBus};
use async_trait::async_trait;
use bytes::Bytes;
use dashmap::DashMap;
use parking_lot::Mutex;
use parlor_schemas::{GatewayId, UserId};
use tokio::sync::mpsc::{self, error::TrySendError};

/// The gateways that listen, and the routes to devices.
pub(super) struct Channels {
    gateways: DashMap<GatewayId, mpsc::Sender<Bytes>>,
    routes: DashMap<UserId, Vec<Route>>,
    /// Who hears of typing.
    typing: Mutex<Vec<mpsc::Sender<Bytes>>>,
    /// Messages that wait for one gateway.
    waiting_max: usize,
}

impl Channels {
    pub(super) fn new(waiting_max: usize) -> Self {
        Self { gateways: DashMap::new(), routes: DashMap::new(), typing: Mutex::default(), waiting_max }
    }

    /// Hands a message over; the number of gateways (0 or 1) that it reached.
    fn send(&self, gateway: GatewayId, message: Bytes) -> usize {
        let Some(sent) = self.gateways.get(&gateway).map(|channel| channel.try_send(message)) else {
            return 0;
        };
        match sent {
            // A full one loses the message, which the numbers of the link tell.
            Ok(()) | Err(TrySendError::Full(_)) => 1,
            Err(TrySendError::Closed(_)) => {
                self.gateways.remove_if(&gateway, |_, channel| channel.is_closed());
                0
            }
        }
    }
}

#[async_trait]
impl Bus for EmbeddedLive {
    async fn epoch(&self) -> Result<String, LiveError> {
        Ok(self.epoch.clone())
    }

    async fn publish(&self, messages: Vec<(GatewayId, Bytes)>) -> Result<Vec<usize>, LiveError> {
        Ok(messages.into_iter().map(|(gateway, message)| self.bus.send(gateway, message)).collect())
    }

    async fn subscribe(&self, gateway: GatewayId) -> Result<mpsc::Receiver<Bytes>, LiveError> {
        let (channel, receiver) = mpsc::channel(self.bus.waiting_max);
        self.bus.gateways.insert(gateway, channel);
        Ok(receiver)
    }

    async fn gateways(&self) -> Result<Vec<GatewayId>, LiveError> {
        self.bus.gateways.retain(|_, channel| !channel.is_closed());
        Ok(self.bus.gateways.iter().map(|entry| *entry.key()).collect())
    }
}

#[async_trait]
impl Registry for EmbeddedLive {
    async fn register(&self, routes: &[Route]) -> Result<Vec<bool>, LiveError> {
        let register = |route: &Route| {
            let mut known = self.bus.routes.entry(route.user_id).or_default();
            let was_there = known.contains(route);
            if !was_there {
                known.push(*route);
            }
            was_there
        };
        Ok(routes.iter().map(register).collect())
    }

    async fn unregister(&self, routes: &[Route]) -> Result<(), LiveError> {
        for route in routes {
            if let Some(mut known) = self.bus.routes.get_mut(&route.user_id) {
                known.retain(|known| known != route);
            }
            self.bus.routes.remove_if(&route.user_id, |_, known| known.is_empty());
        }
        Ok(())
    }

    async fn routes(&self, of: &[UserId]) -> Result<Vec<Vec<Route>>, LiveError> {
        let routes = |user| self.bus.routes.get(user).map(|known| known.clone()).unwrap_or_default();
        Ok(of.iter().map(routes).collect())
    }

    async fn drop_gateway(&self, gateway: GatewayId) -> Result<(), LiveError> {
        self.bus.routes.retain(|_, known| {
            known.retain(|route| route.gateway_id != gateway);
            !known.is_empty()
        });
        Ok(())
    }
}

#[async_trait]
impl TypingBus for EmbeddedLive {
    async fn tell_typing(&self, message: Bytes) -> Result<(), LiveError> {
        self.bus.typing.lock().retain(|listener| {
            // A full one loses the message: whoever types says so again.
            !matches!(listener.try_send(message.clone()), Err(TrySendError::Closed(_)))
        });
        Ok(())
    }

    async fn hear_typing(&self) -> Result<mpsc::Receiver<Bytes>, LiveError> {
        let (sender, receiver) = mpsc::channel(self.bus.waiting_max);
        self.bus.typing.lock().push(sender);
        Ok(receiver)
    }
}

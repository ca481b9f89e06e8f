//! Channels of gateways: one connection of its own for each subscription.

use super::{RedisLive, client::text, target::Connection, unexpected};
use crate::live::{Bus, LiveError, TypingBus};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use parlor_schemas::GatewayId;
use redis::{PushInfo, PushKind, Value};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A silent link is asked this often whether it is there.
const PING_EVERY: Duration = Duration::from_secs(1);

#[async_trait]
impl Bus for RedisLive {
    async fn epoch(&self) -> Result<String, LiveError> {
        self.epoch_now().await
    }

    async fn publish(&self, messages: Vec<(GatewayId, Bytes)>) -> Result<Vec<usize>, LiveError> {
        let publish = if self.keys.is_cluster() { "SPUBLISH" } else { "PUBLISH" };
        let mut reached = Vec::with_capacity(messages.len());
        for some in messages.chunks(self.settings.pipeline_max) {
            let command = |(gateway, message): &(GatewayId, Bytes)| {
                let mut command = redis::cmd(publish);
                command.arg(self.keys.channel(*gateway)).arg(&message[..]);
                command
            };
            for answer in self.bus.run(some.iter().map(command).collect()).await? {
                let Value::Int(count) = answer else { return Err(unexpected("a publish")) };
                reached.push(count as usize);
            }
        }
        Ok(reached)
    }

    async fn subscribe(&self, gateway: GatewayId) -> Result<mpsc::Receiver<Bytes>, LiveError> {
        self.listen(self.keys.channel(gateway)).await
    }

    async fn gateways(&self) -> Result<Vec<GatewayId>, LiveError> {
        let mut command = redis::cmd("PUBSUB");
        let what = if self.keys.is_cluster() { "SHARDCHANNELS" } else { "CHANNELS" };
        command.arg(what).arg(format!("{}*", self.keys.channels()));
        let mut gateways = Vec::new();
        for answer in self.bus.everywhere(command).await? {
            collect(&answer, &self.keys.channels(), &mut gateways);
        }
        gateways.sort_unstable();
        gateways.dedup();
        Ok(gateways)
    }
}

#[async_trait]
impl TypingBus for RedisLive {
    async fn tell_typing(&self, message: Bytes) -> Result<(), LiveError> {
        let mut command = redis::cmd(if self.keys.is_cluster() { "SPUBLISH" } else { "PUBLISH" });
        command.arg(self.keys.typing()).arg(&message[..]);
        self.bus.one(command).await.map(drop)
    }

    async fn hear_typing(&self) -> Result<mpsc::Receiver<Bytes>, LiveError> {
        self.listen(self.keys.typing()).await
    }
}

impl RedisLive {
    /// Subscribes to a channel; ends with the link, the life, or the receiver.
    async fn listen(&self, channel: String) -> Result<mpsc::Receiver<Bytes>, LiveError> {
        let (sender, receiver) = mpsc::channel(self.bus_messages);
        let ended = CancellationToken::new();
        let slot = Arc::new(Mutex::new(Some(sender.clone())));
        let (pushed, lost) = (slot.clone(), ended.clone());
        let take = move |push: PushInfo| {
            match push.kind {
                PushKind::Message | PushKind::SMessage => {
                    if let (Some(to), Some(Value::BulkString(message))) =
                        (&*pushed.lock(), push.data.into_iter().nth(1))
                    {
                        // A full one loses the message, which the numbers of the link tell.
                        drop(to.try_send(message.into()));
                    }
                }
                PushKind::Disconnection | PushKind::Unsubscribe | PushKind::SUnsubscribe => lost.cancel(),
                _ => {}
            }
            Ok::<_, Infallible>(())
        };
        let mut lives = self.lives.changes();
        lives.mark_unchanged();
        let subscribed = self.target.subscribe(&channel, take).await;
        let connection =
            subscribed.map_err(|error| LiveError::Unavailable(format!("redis: subscribe: {error}")))?;
        let closing = self.closing.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = closing.cancelled() => {}
                () = ended.cancelled() => {}
                () = sender.closed() => {}
                // Routes and tails of before are gone: whoever listens has to begin again.
                _ = lives.changed() => {}
                () = keep(connection.clone(), &channel) => {}
            }
            // The last sender, with the one in the task: the receiver reads what came, and its end.
            slot.lock().take();
        });
        Ok(receiver)
    }
}

fn collect(answer: &Value, prefix: &str, into: &mut Vec<GatewayId>) {
    match answer {
        Value::Array(items) | Value::Set(items) => {
            for item in items {
                collect(item, prefix, into);
            }
        }
        name => {
            let id = text(name).and_then(|name| name.strip_prefix(prefix)?.parse::<Uuid>().ok());
            into.extend(id.map(GatewayId));
        }
    }
}

/// Returns when the link does not answer any more.
async fn keep(connection: Connection, channel: &str) {
    let mut again = interval(PING_EVERY);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        again.tick().await;
        let asked = match connection.clone() {
            Connection::Single(mut single) => redis::cmd("PING").exec_async(&mut single).await,
            // To the node that has the channel.
            Connection::Cluster(mut cluster) => {
                redis::cmd("EXISTS").arg(channel).exec_async(&mut cluster).await
            }
        };
        if let Err(error) = asked {
            tracing::warn!(%error, "the link to the live bus is lost");
            return;
        }
    }
}

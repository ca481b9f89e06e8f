//! Listens on this gateway's channel of the live bus: frames to sockets, answers to askers, and
//! what shows that something was missed.

use crate::{
    answers,
    edge::Edge,
    hints::Hint,
    links::{Heard, Links},
    routes::Change,
    settings::millis,
};
use bytes::Bytes;
use parlor_schemas::{
    frames::Close,
    link::{Item, LinkMessage},
};
use std::sync::Arc;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// How the bus is named to [`parlor_engines::Health`].
pub(crate) const PART: &str = "gateway/bus";
/// Messages taken at once: a burst is queued whole before any socket is woken.
const BATCH: usize = 256;
/// Between attempts the wait doubles up to this many times its first length.
const BACKOFF_MAX: u32 = 10;

/// Subscribes, and again whenever the channel closes; `listening` is dropped at the first success.
pub(crate) async fn run(edge: Arc<Edge>, listening: tokio::sync::oneshot::Sender<()>) {
    let mut listening = Some(listening);
    let mut links = Links::new(edge.settings.beat_ms);
    let mut backoff = 1;
    loop {
        match edge.engines.live.subscribe(edge.gateway_id).await {
            Ok(messages) => {
                edge.reads.renew_epoch().await;
                let is_first = listening.take().is_some_and(|to| to.send(()).is_ok());
                if !is_first {
                    // What was published meanwhile is lost, and so may all routes be.
                    links.clear();
                    drop(edge.routes.send(Change::Again).await);
                    edge.presence.again();
                    edge.behind.add(|wanted| wanted.everything = true);
                }
                backoff = 1;
                edge.health.set(PART, true, "subscribed");
                listen(&edge, messages, &mut links).await;
                tracing::warn!("the live bus was lost; subscribing again");
            }
            Err(error) => tracing::warn!(%error, "the live bus can't be subscribed to"),
        }
        edge.health.set(PART, false, "the live bus is lost");
        tokio::time::sleep(millis(edge.settings.resubscribe_ms) * backoff).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

async fn listen(edge: &Arc<Edge>, mut messages: mpsc::Receiver<Bytes>, links: &mut Links) {
    let began = Instant::now();
    let mut beat = interval(millis(edge.settings.beat_ms));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            count = messages.recv_many(&mut batch, BATCH) => {
                if count == 0 {
                    return;
                }
                take(edge, &mut batch, links, began.elapsed().as_millis() as u64);
            }
            _ = beat.tick() => {
                let silent = links.tick(began.elapsed().as_millis() as u64) == Heard::Hole;
                let other_life = edge.reads.renew_epoch().await;
                if silent {
                    edge.behind.add(|wanted| wanted.moved = true);
                }
                if other_life {
                    drop(edge.routes.send(Change::Again).await);
                    edge.presence.again();
                    edge.behind.add(|wanted| wanted.everything = true);
                }
            }
        }
    }
}

/// Handles a batch of messages: all frames are queued first, answers keep their place behind them.
fn take(edge: &Arc<Edge>, batch: &mut Vec<Bytes>, links: &mut Links, now_ms: u64) {
    let mut frames = Vec::new();
    for bytes in batch.drain(..) {
        let message = match LinkMessage::decode(&bytes) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(%error, "a message on the live bus can't be read");
                edge.behind.add(|wanted| wanted.moved = true);
                continue;
            }
        };
        match links.hear(message.link_id, message.number, now_ms) {
            Heard::Whole => {}
            Heard::Again => continue,
            Heard::Hole => {
                tracing::info!(link_id = %message.link_id, number = message.number, "a hole in a link");
                edge.behind.add(|wanted| wanted.moved = true);
            }
        }
        for item in message.items {
            match item {
                Item::Frame { connections, text } => {
                    if let Ok(text) = Utf8Bytes::try_from(text) {
                        frames.push((connections, text));
                    } else {
                        tracing::error!("a frame on the live bus is not text");
                    }
                }
                Item::Answer { request, outcome } => {
                    edge.hub.deliver(&frames);
                    frames.clear();
                    answers::take(edge, request, outcome);
                }
                Item::Took(_) => edge.behind.add(|wanted| wanted.moved = true),
                Item::TailsRebuilt(_) => edge.behind.add(|wanted| wanted.everything = true),
                Item::Show { connections, conversation_id, change, seq } => {
                    edge.hints.give(Hint { conversation_id, change, seq, connections });
                }
                Item::Present { users, choices } => {
                    if choices {
                        for user in &users {
                            edge.reads.privacies.forget(*user);
                        }
                    }
                    edge.presence.watches.moved(&users, choices);
                }
                Item::End { connections } => {
                    for connection in connections.iter().filter_map(|number| edge.hub.get(*number)) {
                        connection.outbox.close(Close::SessionEnded);
                    }
                }
            }
        }
    }
    edge.hub.deliver(&frames);
}

//! Who is here (PROTOCOL §3, `presence`): what this gateway says of its own users (`say`), when they
//! were last seen (`seen`), who is watched from here (`watches`, `tell`), and one view for the socket
//! and REST (`look`).
//!
//! ```text
//!  sockets ─▶ changed ─▶ say ─┬▶ live engine (word of this boot) ◀── look ◀── REST, `watch`
//!                             ├▶ store (last seen)                    ▲
//!                             └▶ other gateways (a hint) ─▶ moved ─▶ tell ─▶ watchers' sockets
//! ```
//!
//! The live engine is the truth; what travels between gateways only says where to look. Every watched
//! user is looked at now and then besides, so that the users of a gateway that was killed are gone for
//! their watchers, too.

pub(crate) mod look;
pub(crate) mod say;
mod seen;
pub(crate) mod tell;
pub(crate) mod text;
mod watches;

use crate::{edge::Edge, settings::EdgeLimits};
use parking_lot::Mutex;
use parlor_schemas::{
    GatewayId, LinkId, UserId,
    link::{Item, LinkMessage},
};
use say::Speaker;
use seen::Waiting;
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};
use tokio::sync::Notify;
use watches::Watches;

/// All of it that one gateway keeps.
#[derive(Debug)]
pub(crate) struct Presence {
    /// Own users of whom perhaps something else is to be said.
    changed: Mutex<HashSet<UserId>>,
    /// Everything is to be said again.
    again: AtomicBool,
    bell: Notify,
    speaker: tokio::sync::Mutex<Speaker>,
    waiting: Waiting,
    /// Who is watched from here.
    pub watches: Watches,
}

impl Presence {
    /// Nobody is here.
    pub fn new(settings: &EdgeLimits) -> Self {
        Self {
            changed: Mutex::default(),
            again: AtomicBool::new(false),
            bell: Notify::new(),
            speaker: tokio::sync::Mutex::default(),
            waiting: Waiting::new(settings.seen_waiting_max),
            watches: Watches::new(settings.watched_max),
        }
    }

    /// A socket of this user came, went, or says something else.
    pub fn changed(&self, user: UserId) {
        self.changed.lock().insert(user);
        self.bell.notify_one();
    }

    /// The live engine has forgotten what was said.
    pub fn again(&self) {
        self.again.store(true, Relaxed);
        self.bell.notify_one();
    }
}

/// Runs the parts until the tasks are ended.
pub(crate) fn spawn(edge: &Arc<Edge>) {
    edge.tasks.spawn(say::run(edge.clone()));
    edge.tasks.spawn(seen::run(edge.clone()));
    edge.tasks.spawn(tell::run(edge.clone()));
    edge.tasks.spawn(tell::look_around(edge.clone()));
}

/// The gateway's end, when its sockets have gone: what is still to be said, and goodbye.
pub(crate) async fn farewell(edge: &Edge) {
    if let Err(error) = say::round(edge).await {
        // The word of this boot ends by itself.
        tracing::warn!(%error, "presence could not be said");
    }
    seen::flush(edge).await;
    if let Err(error) = edge.engines.live.end_presence(edge.gateway_id).await {
        tracing::warn!(%error, "presence could not be ended");
    }
}

/// Tells all gateways where to look: who is watched there is read anew. `choices`: who may see it may
/// have changed, too. A lost hint is made up for by the watchers' own looks.
pub(crate) async fn hint(edge: &Edge, users: Vec<UserId>, choices: bool) {
    edge.presence.watches.moved(&users, choices);
    let gateways = match edge.engines.live.gateways().await {
        Ok(gateways) => gateways,
        Err(error) => {
            tracing::debug!(%error, "a hint of presence is not told");
            return;
        }
    };
    let messages = |users: &[UserId]| {
        let item = Item::Present { users: users.to_vec(), choices };
        // Number 0: a loss needs no notice.
        let message = LinkMessage { link_id: LinkId(edge.gateway_id.0), number: 0, items: vec![item] };
        let bytes = message.encode();
        let others = gateways.iter().filter(|gateway| **gateway != edge.gateway_id);
        others.map(|gateway: &GatewayId| (*gateway, bytes.clone())).collect::<Vec<_>>()
    };
    for some in users.chunks(edge.settings.routes_batch) {
        if let Err(error) = edge.engines.live.publish(messages(some)).await {
            tracing::debug!(%error, "a hint of presence is not told");
            return;
        }
    }
}

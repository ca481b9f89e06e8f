//! What all parts of one gateway share. Several gateways may run in one process: nothing here is
//! global.

use crate::{
    auth::Auth, hints::Hints, hub::Hub, marks::Marks, presence::Presence, rates::Buckets, reads::Reader,
    routes::Change, settings::EdgeLimits, tasks::Tasks, typing, waiters::Waiters, web::Compressed,
};
use parlor_engines::{Engines, Health};
use parlor_schemas::{Command, GatewayId, Limits, UserId};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize},
};
use tokio::sync::{Notify, mpsc};

/// One gateway.
#[derive(Debug)]
pub(crate) struct Edge {
    /// This boot.
    pub gateway_id: GatewayId,
    /// The sockets below.
    pub engines: EngineSet,
    /// The deployment's limits.
    pub limits: Limits,
    /// The gateway's own.
    pub settings: EdgeLimits,
    /// Who is it.
    pub auth: Auth,
    /// The sockets above.
    pub hub: Arc<Hub>,
    /// Who waits for which command.
    pub waiters: Waiters,
    /// To the publisher.
    pub commands: mpsc::Sender<Command>,
    /// To the keeper of routes.
    pub routes: mpsc::Sender<Change>,
    /// To the one who passes duplicates' acks on.
    pub duplicates: mpsc::Sender<crate::answers::Duplicate>,
    /// Conversations that are to be shown anew.
    pub hints: Hints,
    /// `read` and `delivered`, gathered.
    pub marks: Marks,
    /// Who is here, and who is watched from here.
    pub presence: Presence,
    /// Who types.
    pub typing: typing::Gathered,
    /// Reads of history and heads.
    pub reads: Reader,
    /// Token buckets.
    pub buckets: Buckets,
    /// Whose heads are to be read again.
    pub behind: Behind,
    /// Uploads at the same time.
    pub uploads: tokio::sync::Semaphore,
    /// The page's files as they travel.
    pub compressed: Compressed,
    /// HTTP connections that are open.
    pub http_open: Arc<AtomicUsize>,
    /// Where the gateway reports.
    pub health: Health,
    /// The owner of every task.
    pub tasks: Tasks,
    /// At a limit of files or memory: no new sockets.
    pub is_full: AtomicBool,
    /// The end has begun: no new sockets.
    pub is_draining: AtomicBool,
}

/// The engines, with a name for logs.
#[derive(Clone)]
pub(crate) struct EngineSet(pub Engines);

impl std::ops::Deref for EngineSet {
    type Target = Engines;
    fn deref(&self) -> &Engines {
        &self.0
    }
}

impl std::fmt::Debug for EngineSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("engines")
    }
}

/// What is to be caught up on; merged while one round is going on.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    wanted: parking_lot::Mutex<Wanted>,
    /// Rung when something was added.
    pub bell: Notify,
}

/// What one round has to do.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// All heads of all users here.
    pub everything: bool,
    /// The heads that moved of late, of all users here.
    pub moved: bool,
    /// All heads of these.
    pub users: Vec<UserId>,
}

impl Behind {
    /// Adds to the next round.
    pub fn add(&self, change: impl FnOnce(&mut Wanted)) {
        change(&mut self.wanted.lock());
        self.bell.notify_one();
    }

    /// Takes what is wanted.
    pub fn take(&self) -> Wanted {
        std::mem::take(&mut *self.wanted.lock())
    }
}

//! Ingest, persister and fanout on embedded engines in this process, driven by commands on the log: as
//! many conversations as wanted, without a gateway and its sockets.

use crate::{
    measure::{Sample, now, own_cpu},
    words::{command, message},
};
use clap::Parser as _;
use futures_util::{StreamExt as _, stream::FuturesOrdered};
use parlor::{
    cli::{Cli, RoleName},
    config,
    node::{self, Listen},
};
use parlor_engines::{Engines, Health, log::Entry};
use parlor_schemas::{Action, Command, ConversationId, Topic, UserId, topics::Group};
use std::{net::TcpListener, time::Duration};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Commands of one append, and appends under way: as a busy gateway.
const APPEND: usize = 1_000;
const APPENDS: usize = 8;
/// The machine is quiet when less of a core than this is used.
const QUIET: f64 = 0.05;
const QUIET_TRIES: usize = 120;

/// Somebody who may write to a conversation.
pub type Place = (ConversationId, UserId);

/// The roles at work.
pub struct World {
    pub engines: Engines,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
    _data: TempDir,
}

impl World {
    /// A new one without conversations.
    pub async fn new() -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        let directory = data.path().to_str().expect("a plain path");
        let embedded = ["--log", "embedded", "--store", "embedded", "--live", "embedded"];
        let cli = Cli::parse_from(["parlor", "--data", directory].into_iter().chain(embedded));
        let mut config = config::load(&cli).expect("the defaults");
        let engines = node::open(&mut config).await.expect("the engines open");
        let stop = CancellationToken::new();
        let (opened, stopping) = (engines.clone(), stop.clone());
        let running = tokio::spawn(async move {
            let public = TcpListener::bind("127.0.0.1:0")?;
            let listen = Listen { public, health: Health::default() };
            let roles = [RoleName::Ingest, RoleName::Persister, RoleName::Fanout];
            node::run(opened, &config, &roles, listen, stopping).await
        });
        Self { engines, stop, running, _data: data }
    }

    /// Brings commands to the log, waits until all roles have done their part.
    pub async fn take(&self, commands: impl IntoIterator<Item = Command>) {
        let partitions = self.engines.log.partitions(Topic::Commands);
        let mut entries = commands.into_iter().map(|command| Entry::command(&command, partitions)).peekable();
        let mut flying = FuturesOrdered::new();
        while entries.peek().is_some() {
            let batch = entries.by_ref().take(APPEND).collect();
            flying.push_back(self.engines.log.append(batch).await.expect("taken"));
            if flying.len() >= APPENDS {
                flying.next().await.expect("under way").expect("durable");
            }
        }
        while let Some(durable) = flying.next().await {
            durable.expect("durable");
        }
        for group in [Group::Ingest, Group::Persister, Group::Fanout] {
            while !self.has_done(group).await {
                assert!(!self.running.is_finished(), "the roles run");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    async fn has_done(&self, group: Group) -> bool {
        let stored = self.engines.log.stored(group).await.expect("offsets");
        for (partition, stored) in stored.into_iter().enumerate() {
            let end = self.engines.log.ends(group.topic(), partition as u32).await.expect("the ends").end;
            if stored.map_or(0, |stored| stored.offset) < end {
                return false;
            }
        }
        true
    }

    /// `count` messages, one place after the other in turn; the CPU of the whole process.
    pub async fn messages(&self, places: &[Place], count: usize) -> Sample {
        let (started, cpu) = (now(), own_cpu());
        let messages = (0..count).map(|n| {
            let (conversation, sender) = places[n % places.len()];
            command(conversation, sender, Action::Message(message()))
        });
        self.take(messages).await;
        Sample {
            done: count as f64,
            cpu: own_cpu() - cpu,
            wall: started.elapsed().as_secs_f64(),
            figures: Vec::new(),
        }
    }

    /// Ends it, with its data.
    pub async fn end(self) {
        self.stop.cancel();
        self.running.await.expect("the roles do not break").expect("no alarm");
        self.engines.close().await;
    }
}

/// Waits until this process has nothing left to do: compactions, and what follows a change late.
pub async fn quiet() {
    for _ in 0..QUIET_TRIES {
        let cpu = own_cpu();
        tokio::time::sleep(Duration::from_millis(500)).await;
        if (own_cpu() - cpu) / 0.5 < QUIET {
            return;
        }
    }
}

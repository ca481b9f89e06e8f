//! Nodes: each a list of roles, all on the same engines.

use super::{Person, shared::Place};
use clap::Parser;
use parlor::{
    cli::{Cli, RoleName},
    config::{self, Config},
    keys,
    node::{self, Listen},
};
use parlor_engines::{Engines, Health};
use parlor_schemas::topics::{Group, Topic};
use std::{net::TcpListener, num::NonZeroU32};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

struct Node {
    roles: Vec<RoleName>,
    address: String,
    stop: CancellationToken,
    health: Health,
    running: JoinHandle<anyhow::Result<()>>,
}

/// Running nodes, and the data they leave behind.
pub struct World {
    data: tempfile::TempDir,
    place: Option<Place>,
    config: Config,
    engines: Option<Engines>,
    nodes: Vec<Node>,
    layout: Vec<Vec<RoleName>>,
}

impl World {
    /// One node with all roles.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// One node, with other settings.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::with_nodes(vec![RoleName::ALL.to_vec()], change).await
    }

    /// Several nodes in this process, each a list of roles.
    pub async fn with_nodes(layout: Vec<Vec<RoleName>>, change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        let directory = data.path().to_str().expect("a plain path").to_owned();
        let mut config =
            config::load(&Cli::parse_from(["parlor", "--data", &directory])).expect("the defaults");
        let plenty = NonZeroU32::new(1_000_000).expect("not 0");
        for rate in [
            &mut config.edge.rates.ip,
            &mut config.edge.rates.sign_in,
            &mut config.edge.rates.user,
            &mut config.edge.rates.connection,
            &mut config.edge.rates.hints,
            &mut config.edge.rates.looks,
        ] {
            (rate.per_second, rate.burst) = (plenty, plenty);
        }
        config.edge.connections_per_ip = 100_000;
        config.edge.argon2.memory_kib = 8;
        config.edge.argon2.passes = 1;
        // A place of its own on a live engine is a new life of it: nothing is to be waited for.
        config.engines.redis.presence_settle_ms = 0;
        let place = Place::take(&mut config).await;
        if place.is_some() {
            config.auth.signing_key = keys::signing_key(data.path()).expect("a key");
        }
        change(&mut config);
        let mut world = Self { data, place, config, engines: None, nodes: Vec::new(), layout };
        world.start().await;
        world
    }

    /// Opens the engines and starts all nodes.
    pub async fn start(&mut self) {
        let engines = node::open(&mut self.config).await.expect("the engines open");
        self.engines = Some(engines);
        for roles in self.layout.clone() {
            self.join(roles);
        }
        self.ready().await;
    }

    /// Starts one more node; its number.
    pub fn join(&mut self, roles: Vec<RoleName>) -> usize {
        let public = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = public.local_addr().expect("an address").to_string();
        let (health, stop) = (Health::default(), CancellationToken::new());
        let listen = Listen { public, health: health.clone() };
        let (engines, config) = (self.engines().clone(), self.config.clone());
        let (asked, stopping) = (roles.clone(), stop.clone());
        let running =
            tokio::spawn(async move { node::run(engines, &config, &asked, listen, stopping).await });
        self.nodes.push(Node { roles, address, stop, health, running });
        self.nodes.len() - 1
    }

    /// Waits until every node is ready, and every partition is served.
    pub async fn ready(&self) {
        super::until("the nodes are ready", async || self.is_ready().then_some(())).await;
    }

    fn is_ready(&self) -> bool {
        let partitions = self.engines().log.partitions(Topic::Commands);
        let reports: Vec<_> = self.nodes.iter().map(|node| node.health.report()).collect();
        let is_served = |group: Group| {
            let name = |partition| format!("{}/{partition}", group.name());
            (0..partitions).all(|n| reports.iter().any(|(_, parts)| parts.contains_key(&name(n))))
        };
        let has = |role| self.nodes.iter().any(|node| node.roles.contains(&role));
        reports.iter().all(|(ready, _)| *ready)
            && (!has(RoleName::Ingest) || is_served(Group::Ingest))
            && (!has(RoleName::Fanout) || is_served(Group::Fanout))
    }

    /// Stops one node as SIGTERM would.
    pub async fn stop_node(&mut self, number: usize) {
        let node = self.nodes.remove(number);
        node.stop.cancel();
        node.running.await.expect("the node does not break").expect("the node stops without an alarm");
    }

    /// Stops everything and lets go of the data directory.
    pub async fn stop(&mut self) {
        while !self.nodes.is_empty() {
            self.stop_node(0).await;
        }
        if let Some(engines) = self.engines.take() {
            engines.close().await;
        }
    }

    /// Stops everything and starts it again on the same data.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    pub fn engines(&self) -> &Engines {
        self.engines.as_ref().expect("the world runs")
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The address of the `n`th gateway.
    pub fn gateway(&self, n: usize) -> String {
        let gateways: Vec<_> =
            self.nodes.iter().filter(|node| node.roles.contains(&RoleName::Gateway)).collect();
        gateways[n % gateways.len()].address.clone()
    }

    /// A new person, registered at the first gateway.
    pub async fn person(&self, name: &str) -> Person {
        Person::register(&self.gateway(0), name).await
    }

    /// Several new people.
    pub async fn people(&self, names: &[&str]) -> Vec<Person> {
        let mut people = Vec::new();
        for name in names {
            people.push(self.person(name).await);
        }
        people
    }
}

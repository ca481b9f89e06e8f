//! The fault matrix: which fault, on which engines, how often in one run.

use super::proxy::Fault;
use std::time::Duration;

/// Where a cell can run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum On {
    /// One process on embedded engines.
    Embedded,
    /// Every role in processes of its own, two of each, on real engines.
    Shared,
    /// Either; it runs on both.
    Both,
    /// Real engines of three nodes each.
    Three,
}

/// A connection that a proxy stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// From the devices to the gateways.
    Clients,
    /// From the roles to Cassandra.
    Store,
    /// From the roles to Redis.
    Live,
}

/// One fault, from its beginning until it is healed.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// `kill -9` of a process with this role; it is away for so long.
    Kill(&'static str, Duration),
    /// A process with this role dies at a named point (`parlor_engines::crash`), and is started again.
    CrashAt(&'static str, &'static str),
    /// SIGSTOP of a process with this role for so long, then SIGCONT: a zombie.
    Freeze(&'static str, Duration),
    /// SIGTERM of every process with this role, one after another, each started again.
    Restart(&'static str),
    /// One more process with this role comes, and goes again.
    Join(&'static str),
    /// `kill -9` of everything at once.
    KillAll,
    /// This (`kill`, `freeze`, `stop`) is done to an engine's node, which counts from 1, for so long.
    Engine(&'static str, &'static str, u8, Duration),
    /// Redis forgets everything.
    Flush,
    /// A link is like this for so long.
    Net(Link, Fault, Duration),
    /// All connections of a link are reset, once.
    Reset(Link),
    /// A role's processes are started with their clock so many seconds off.
    Clock(&'static str, i64),
    /// The disk of the data directory is full for so long.
    DiskFull(Duration),
    /// So many sockets ask for history without end and read none of it.
    Deaf(usize),
    /// The second is done while the first, which lasts, is on.
    During(&'static Act, &'static Act),
}

/// One cell of the matrix.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// `<group>-<fault>`; what `--cell` takes.
    pub id: &'static str,
    /// The engine sets it runs on.
    pub on: On,
    /// Done one after another, with load between them, again and again while the run lasts.
    pub acts: &'static [Act],
    /// Part of `--quick`.
    pub quick: bool,
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn cell(id: &'static str, on: On, acts: &'static [Act]) -> Cell {
    Cell { id, on, acts, quick: false }
}

const fn quick(id: &'static str, on: On, acts: &'static [Act]) -> Cell {
    Cell { id, on, acts, quick: true }
}

impl Cell {
    /// Whether the binary must be one that can die at named points (feature `sabotage`).
    pub fn has_points(&self) -> bool {
        self.acts.iter().any(|act| matches!(act, Act::CrashAt(..)))
    }
}

/// All cells.
pub const CELLS: &[Cell] = &[
    quick("gateway-kill", On::Shared, &[Act::Kill("gateway", s(0))]),
    cell("gateway-away", On::Shared, &[Act::Kill("gateway", s(10))]),
    cell("gateway-freeze", On::Shared, &[Act::Freeze("gateway", s(20))]),
    cell("gateway-restart", On::Shared, &[Act::Restart("gateway")]),
    cell("gateway-join", On::Shared, &[Act::Join("gateway")]),
    quick("gateway-herd", On::Both, &[Act::Reset(Link::Clients)]),
    cell(
        "gateway-latency",
        On::Both,
        &[Act::Net(Link::Clients, Fault::Latency(Duration::from_millis(300)), s(8))],
    ),
    cell("gateway-half-open", On::Both, &[Act::Net(Link::Clients, Fault::HalfOpen, s(12))]),
    cell("gateway-slow-readers", On::Both, &[Act::Net(Link::Clients, Fault::Slow(2_000), s(10))]),
    cell("gateway-deaf-readers", On::Both, &[Act::Deaf(40)]),
    cell(
        "gateway-kill-without-log",
        On::Shared,
        &[Act::During(&Act::Engine("freeze", "kafka", 1, s(6)), &Act::Kill("gateway", s(0)))],
    ),
    quick("gateway-torn-frames", On::Both, &[Act::Net(Link::Clients, Fault::Limit(1_500), s(8))]),
    quick("ingest-kill", On::Shared, &[Act::Kill("ingest", s(0))]),
    cell("ingest-away", On::Shared, &[Act::Kill("ingest", s(15))]),
    cell("ingest-freeze", On::Shared, &[Act::Freeze("ingest", s(20))]),
    cell("ingest-freeze-short", On::Shared, &[Act::Freeze("ingest", s(5))]),
    cell("ingest-restart", On::Shared, &[Act::Restart("ingest")]),
    cell("ingest-rebalance-storm", On::Shared, &[Act::Join("ingest")]),
    cell(
        "ingest-kill-with-log",
        On::Shared,
        &[Act::Kill("ingest", s(0)), Act::Engine("kill", "kafka", 1, s(5))],
    ),
    cell("persister-kill", On::Shared, &[Act::Kill("persister", s(0))]),
    cell("persister-freeze", On::Shared, &[Act::Freeze("persister", s(20))]),
    cell(
        "persister-kill-without-store",
        On::Shared,
        &[Act::During(&Act::Net(Link::Store, Fault::Mute, s(9)), &Act::Kill("persister", s(0)))],
    ),
    cell("persister-clock", On::Shared, &[Act::Clock("persister", 5_400), Act::Clock("persister", 0)]),
    cell("persister-rebalance-storm", On::Shared, &[Act::Join("persister")]),
    quick("fanout-kill", On::Shared, &[Act::Kill("fanout", s(0))]),
    cell("fanout-freeze", On::Shared, &[Act::Freeze("fanout", s(20))]),
    cell("fanout-restart", On::Shared, &[Act::Restart("fanout")]),
    cell("fanout-rebalance-storm", On::Shared, &[Act::Join("fanout")]),
    cell("pusher-kill", On::Shared, &[Act::Kill("pusher", s(0))]),
    cell("consumers-kill", On::Shared, &[Act::Kill("persister", s(5)), Act::Kill("fanout", s(5))]),
    cell("cassandra-kill", On::Shared, &[Act::Engine("kill", "cassandra", 1, s(20))]),
    cell("cassandra-stop", On::Shared, &[Act::Engine("stop", "cassandra", 1, s(20))]),
    cell("cassandra-freeze", On::Shared, &[Act::Engine("freeze", "cassandra", 1, s(15))]),
    quick("cassandra-mute", On::Shared, &[Act::Net(Link::Store, Fault::Mute, s(10))]),
    cell(
        "cassandra-latency",
        On::Shared,
        &[Act::Net(Link::Store, Fault::Latency(Duration::from_millis(500)), s(10))],
    ),
    cell("cassandra-cut", On::Shared, &[Act::Net(Link::Store, Fault::Cut, s(10))]),
    cell("cassandra-half-open", On::Shared, &[Act::Net(Link::Store, Fault::HalfOpen, s(15))]),
    cell("cassandra-reset", On::Shared, &[Act::Reset(Link::Store)]),
    cell("cassandra-node", On::Three, &[Act::Engine("kill", "cassandra", 2, s(15))]),
    cell("redis-kill", On::Shared, &[Act::Engine("kill", "redis", 1, s(10))]),
    cell("redis-freeze", On::Shared, &[Act::Engine("freeze", "redis", 1, s(15))]),
    quick("redis-flush", On::Shared, &[Act::Flush]),
    cell("redis-cut", On::Shared, &[Act::Net(Link::Live, Fault::Cut, s(10))]),
    cell("redis-mute", On::Shared, &[Act::Net(Link::Live, Fault::Mute, s(10))]),
    cell(
        "redis-latency",
        On::Shared,
        &[Act::Net(Link::Live, Fault::Latency(Duration::from_millis(200)), s(10))],
    ),
    cell("kafka-kill", On::Shared, &[Act::Engine("kill", "kafka", 1, s(10))]),
    cell("kafka-freeze", On::Shared, &[Act::Engine("freeze", "kafka", 1, s(15))]),
    cell(
        "kafka-leaders",
        On::Three,
        &[Act::Engine("kill", "kafka", 1, s(10)), Act::Engine("kill", "kafka", 2, s(10))],
    ),
    cell("points-gateway", On::Shared, &[Act::CrashAt("gateway", "gateway-durable")]),
    cell(
        "points-ingest",
        On::Shared,
        &[Act::CrashAt("ingest", "ingest-decided"), Act::CrashAt("ingest", "ingest-committed")],
    ),
    cell("points-persister", On::Shared, &[Act::CrashAt("persister", "persister-written")]),
    cell(
        "points-fanout",
        On::Shared,
        &[Act::CrashAt("fanout", "fanout-tailed"), Act::CrashAt("fanout", "fanout-published")],
    ),
    cell(
        "points-embedded",
        On::Embedded,
        &[
            Act::CrashAt("gateway", "committer-synced"),
            Act::CrashAt("gateway", "gateway-durable"),
            Act::CrashAt("gateway", "ingest-decided"),
            Act::CrashAt("gateway", "ingest-committed"),
            Act::CrashAt("gateway", "persister-written"),
            Act::CrashAt("gateway", "fanout-tailed"),
            Act::CrashAt("gateway", "fanout-published"),
        ],
    ),
    quick("embedded-kill", On::Embedded, &[Act::Kill("gateway", s(0))]),
    cell("embedded-freeze", On::Embedded, &[Act::Freeze("gateway", s(10))]),
    cell("embedded-restart", On::Embedded, &[Act::Restart("gateway")]),
    cell("embedded-disk-full", On::Embedded, &[Act::DiskFull(s(8))]),
    cell("whole-kill", On::Shared, &[Act::KillAll]),
    cell("whole-clock-ahead", On::Shared, &[Act::Clock("gateway", 5_400), Act::Clock("gateway", 0)]),
    cell("whole-clock-behind", On::Shared, &[Act::Clock("ingest", -5_400), Act::Clock("ingest", 0)]),
    cell(
        "whole-everything",
        On::Shared,
        &[
            Act::Kill("ingest", s(0)),
            Act::Flush,
            Act::Freeze("fanout", s(12)),
            Act::Kill("gateway", s(2)),
            Act::Reset(Link::Clients),
            Act::Engine("kill", "cassandra", 1, s(10)),
            Act::Kill("persister", s(3)),
            Act::Engine("kill", "kafka", 1, s(8)),
        ],
    ),
];

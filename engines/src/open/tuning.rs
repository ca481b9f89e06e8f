//! Settings of the engines.

use super::OpenError;
use crate::{
    cassandra::CassandraSettings, kafka::KafkaSettings, redis::RedisSettings, tantivy::SearchSettings,
};
use parlor_schemas::Topic;
use serde::Deserialize;

/// What operators may tune. Sizes are bytes, durations milliseconds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tuning {
    /// Partitions of every topic. Fixed when the data directory is made.
    pub partitions: u32,
    /// Writes that wait for the next commit; more of them wait outside.
    pub queue_bytes: usize,
    /// The newest records of each partition that are kept in memory for the consumers near its end.
    pub ring_bytes: usize,
    /// Records of one read, at most ...
    pub read_records: usize,
    /// ... and their bytes.
    pub read_bytes: usize,
    /// Cache of blocks of the database.
    pub cache_bytes: u64,
    /// A table's memory is written to disk at this size.
    pub memtable_bytes: u64,
    /// Stored offsets of groups are durable after this time at the latest.
    pub offsets_every_ms: u64,
    /// How often a round of retention is run, here and in the live engine.
    pub retention_every_ms: u64,
    /// How long `chat.commands.v1` is kept (DESIGN §3: at least 7 days).
    pub commands: Keep,
    /// How long `chat.messages.v1` is kept.
    pub messages: Keep,
    /// How long `chat.receipts.v1` is kept.
    pub receipts: Keep,
    /// How long `chat.push.v1` is kept.
    pub push: Keep,
    /// How long each dead letter topic is kept.
    pub dead_letters: Keep,
    /// How long compacted topics keep tombstones.
    pub tombstones_ms: i64,
    /// How long the store's dedup index keeps an answer (DESIGN §2: 30 days).
    pub acks_ms: i64,
    /// Messages that wait for one gateway on the live bus.
    pub bus_messages: usize,
    /// How long ended sessions are told (at least one hour).
    pub revocations_ms: i64,
    /// The log on Kafka.
    pub kafka: KafkaSettings,
    /// The store on Cassandra.
    pub cassandra: CassandraSettings,
    /// The live engine on Redis.
    pub redis: RedisSettings,
    /// The search index.
    pub search: SearchSettings,
}

/// How long records are kept; 0 means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    /// Older records go.
    pub age_ms: i64,
    /// The oldest records of a partition go while it is larger.
    pub bytes: u64,
}

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const MIB: usize = 1024 * 1024;

impl Default for Tuning {
    fn default() -> Self {
        let days = |days| Keep { age_ms: days * DAY_MS, bytes: 0 };
        Self {
            partitions: 4,
            queue_bytes: 32 * MIB,
            ring_bytes: 4 * MIB,
            read_records: 1_000,
            read_bytes: MIB,
            cache_bytes: 64 * MIB as u64,
            memtable_bytes: 16 * MIB as u64,
            offsets_every_ms: 200,
            retention_every_ms: 10_000,
            commands: days(7),
            messages: days(90),
            receipts: days(7),
            push: days(1),
            dead_letters: days(90),
            tombstones_ms: DAY_MS,
            acks_ms: 30 * DAY_MS,
            bus_messages: 4_096,
            revocations_ms: HOUR_MS,
            kafka: KafkaSettings::default(),
            cassandra: CassandraSettings::default(),
            redis: RedisSettings::default(),
            search: SearchSettings::default(),
        }
    }
}

impl Tuning {
    /// How long a topic is kept; a compacted one keeps the newest record of each key for ever.
    pub fn keep(&self, topic: Topic) -> Keep {
        match topic {
            Topic::Commands => self.commands,
            Topic::Messages => self.messages,
            Topic::Conversations => Keep::default(),
            Topic::Receipts => self.receipts,
            Topic::Push => self.push,
            Topic::DeadLetters(_) => self.dead_letters,
        }
    }

    pub(super) fn check(&self) -> Result<(), OpenError> {
        let refuse = |name, reason| Err(OpenError::Setting { name, reason });
        match self {
            Self { partitions: 0 | 1_025.., .. } => refuse("partitions", "must be 1 to 1024"),
            Self { queue_bytes: ..MIB, .. } => refuse("queue_bytes", "must be at least 1 MiB"),
            Self { queue_bytes: 0x2000_0000.., .. } => refuse("queue_bytes", "must be below 512 MiB"),
            Self { read_records: 0, .. } => refuse("read_records", "must be at least 1"),
            Self { bus_messages: 0, .. } => refuse("bus_messages", "must be at least 1"),
            Self { offsets_every_ms: 0, .. } => refuse("offsets_every_ms", "must be at least 1"),
            Self { retention_every_ms: 0, .. } => refuse("retention_every_ms", "must be at least 1"),
            Self { memtable_bytes: ..0x10_0000, .. } => refuse("memtable_bytes", "must be at least 1 MiB"),
            _ => self.search.check(),
        }
    }
}

//! Topics, and the one function from a conversation to its partition.

use crate::ids::{ConversationId, UserId};

/// The topics of the deployment. The first four have the same number of partitions and are keyed
/// by conversation; `Push` is keyed by user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// What clients asked for, before it is ordered.
    Commands,
    /// The ordered records: the product that data teams read.
    Messages,
    /// Compacted: members rows, head rows, position rows (internal to ingest and its readers).
    Conversations,
    /// Delivered and read marks.
    Receipts,
    /// Push jobs.
    Push,
    /// Records that a group could not take, as they were, with the reason: `<topic>.<group>.dlq`.
    DeadLetters(Group),
}

impl Topic {
    /// The topics that always are; dead letter topics come with their group.
    pub const MAIN: [Topic; 5] =
        [Self::Commands, Self::Messages, Self::Conversations, Self::Receipts, Self::Push];

    /// The topic's name on the log.
    pub fn name(self) -> String {
        match self {
            Self::Commands => "chat.commands.v1".into(),
            Self::Messages => "chat.messages.v1".into(),
            Self::Conversations => "chat.conversations.v1".into(),
            Self::Receipts => "chat.receipts.v1".into(),
            Self::Push => "chat.push.v1".into(),
            Self::DeadLetters(group) => format!("{}.{}.dlq", group.topic().name(), group.name()),
        }
    }

    /// Whether the log keeps only the newest record of each key.
    pub fn is_compacted(self) -> bool {
        self == Self::Conversations
    }
}

/// The consumer groups. Each reads one topic, so that it can be stopped, scaled or rewound alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Group {
    Ingest,
    Persister,
    PersisterReceipts,
    Fanout,
    FanoutReceipts,
    Pusher,
    PushSender,
    PersisterBlocks,
    PusherReceipts,
    Indexer,
}

impl Group {
    /// All groups.
    pub const ALL: [Group; 10] = [
        Self::Ingest,
        Self::Persister,
        Self::PersisterReceipts,
        Self::Fanout,
        Self::FanoutReceipts,
        Self::Pusher,
        Self::PushSender,
        Self::PersisterBlocks,
        Self::PusherReceipts,
        Self::Indexer,
    ];

    /// The group's name on the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Persister => "persister",
            Self::PersisterReceipts => "persister-receipts",
            Self::Fanout => "fanout",
            Self::FanoutReceipts => "fanout-receipts",
            Self::Pusher => "pusher",
            Self::PushSender => "push-sender",
            Self::PersisterBlocks => "persister-blocks",
            Self::PusherReceipts => "pusher-receipts",
            Self::Indexer => "indexer",
        }
    }

    /// Whether people wait for what it does: order, delivery, ticks. The others may gather records
    /// for a moment and do more at once.
    pub fn is_urgent(self) -> bool {
        matches!(self, Self::Ingest | Self::Fanout | Self::FanoutReceipts)
    }

    /// The one topic that it reads.
    pub fn topic(self) -> Topic {
        match self {
            Self::Ingest => Topic::Commands,
            Self::Persister | Self::Fanout | Self::Pusher | Self::Indexer => Topic::Messages,
            Self::PersisterReceipts | Self::FanoutReceipts | Self::PusherReceipts => Topic::Receipts,
            Self::PushSender => Topic::Push,
            Self::PersisterBlocks => Topic::Conversations,
        }
    }
}

/// A partition's number, 0-based.
pub type Partition = u32;
/// A record's place in its partition. On Kafka there may be holes (commit markers).
pub type Offset = u64;

/// The partition of a conversation in every topic that is keyed by it.
pub fn of_conversation(id: ConversationId, partitions: u32) -> Partition {
    of_key(id.0.hyphenated().encode_lower(&mut [0; 36]).as_bytes(), partitions)
}

/// The partition of a user in `chat.push.v1`.
pub fn of_user(id: UserId, partitions: u32) -> Partition {
    of_key(id.0.hyphenated().encode_lower(&mut [0; 36]).as_bytes(), partitions)
}

fn of_key(key: &[u8], partitions: u32) -> Partition {
    (murmur2(key) & 0x7FFF_FFFF) % partitions
}

/// MurmurHash2 with Kafka's seed, as the default partitioner of Kafka's Java client computes it:
/// a data team's producer or console finds the same partition as we do.
pub fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let mut hash = SEED ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * i);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of Apache Kafka's own `UtilsTest.testMurmur2`.
    #[test]
    fn murmur2_is_kafkas() {
        for (text, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
    }
}

//! The keyspaces of the one database.

use super::failure::Failure;
use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch};
use std::path::Path;

/// A keyspace. What stands in it is said where its key is made ([`super::keys`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// Blocks of records of the topics that are not compacted.
    Log,
    /// Records of compacted topics, one by one.
    LogCompacted,
    /// The offset of the newest record of each key of compacted topics.
    LogLatest,
    /// Groups' stored offsets.
    LogOffsets,
    Messages,
    /// Which records are edits of which.
    MessageEdits,
    /// Records whose body is gone for good.
    MessageRedactions,
    ClientMessages,
    Conversations,
    Participants,
    ByUser,
    Heads,
    Receipts,
    WrittenTo,
    Users,
    UsersByName,
    Devices,
    Sessions,
    SessionsByUser,
}

impl Table {
    pub(super) const ALL: [Self; 19] = [
        Self::Log,
        Self::LogCompacted,
        Self::LogLatest,
        Self::LogOffsets,
        Self::Messages,
        Self::MessageEdits,
        Self::MessageRedactions,
        Self::ClientMessages,
        Self::Conversations,
        Self::Participants,
        Self::ByUser,
        Self::Heads,
        Self::Receipts,
        Self::WrittenTo,
        Self::Users,
        Self::UsersByName,
        Self::Devices,
        Self::Sessions,
        Self::SessionsByUser,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::LogCompacted => "log_compacted",
            Self::LogLatest => "log_latest",
            Self::LogOffsets => "log_offsets",
            Self::Messages => "messages_by_conversation",
            Self::MessageEdits => "message_edits",
            Self::MessageRedactions => "message_redactions",
            Self::ClientMessages => "client_messages",
            Self::Conversations => "conversations",
            Self::Participants => "conversation_participants",
            Self::ByUser => "conversations_by_user",
            Self::Heads => "conversation_heads",
            Self::Receipts => "receipts",
            Self::WrittenTo => "written_to",
            Self::Users => "users",
            Self::UsersByName => "users_by_name",
            Self::Devices => "devices",
            Self::Sessions => "sessions",
            Self::SessionsByUser => "sessions_by_user",
        }
    }
}

/// The open database.
pub(super) struct Tables {
    database: Database,
    keyspaces: Vec<Keyspace>,
}

/// The journal of the database is at most about so large: it is read again at every start.
const JOURNAL_BYTES: u64 = 128 * 1024 * 1024;

impl Tables {
    pub(super) fn open(path: &Path, cache_bytes: u64, memtable_bytes: u64) -> Result<Self, fjall::Error> {
        let database = Database::builder(path)
            .cache_size(cache_bytes)
            .max_journaling_size(JOURNAL_BYTES)
            // Blocks are written once and soon flushed: packing them costs the committer time.
            .journal_compression(fjall::CompressionType::None)
            .open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(memtable_bytes);
        let open = |table: Table| database.keyspace(table.name(), options);
        let keyspaces = Table::ALL.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { database, keyspaces })
    }

    pub(super) fn of(&self, table: Table) -> &Keyspace {
        &self.keyspaces[table as usize]
    }

    pub(super) fn batch(&self) -> OwnedWriteBatch {
        self.database.batch()
    }

    /// All reads through it see the same commits, each of them whole.
    pub(super) fn snapshot(&self) -> fjall::Snapshot {
        self.database.snapshot()
    }

    /// The newest value; only for the committer, which never meets a half-applied batch.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, Failure> {
        Ok(self.of(table).get(key)?.map(Bytes::from))
    }
}

/// A key and its value.
pub(super) type Row = (Bytes, Bytes);

/// The row that an iterator of the database stands at.
pub(super) fn row(guard: fjall::Guard) -> Result<Row, Failure> {
    let (key, value) = guard.into_inner()?;
    Ok((key.into(), value.into()))
}

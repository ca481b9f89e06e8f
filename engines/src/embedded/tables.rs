//! The tables of the one database.

use super::failure::Failure;
use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, Readable as _, Snapshot};
use std::{
    ops::{Bound, RangeBounds},
    path::Path,
};

/// A table. What stands in it is said where its key is made ([`super::keys`]).
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
    UserSettings,
    Blocks,
    ReceiptLog,
    PushTokens,
    Pushed,
    Privacy,
    LastSeen,
    AccountStates,
    Audits,
    Media,
    MediaReferences,
    Pins,
    Reactions,
}

impl Table {
    pub(super) const ALL: [Self; 32] = [
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
        Self::UserSettings,
        Self::Blocks,
        Self::ReceiptLog,
        Self::PushTokens,
        Self::Pushed,
        Self::Privacy,
        Self::LastSeen,
        Self::AccountStates,
        Self::Audits,
        Self::Media,
        Self::MediaReferences,
        Self::Pins,
        Self::Reactions,
    ];

    /// The keyspace that the table's rows are in. Making one costs several fsyncs, so that small
    /// tables share one: keys on disk begin with their table's code, which is fixed for ever.
    fn keyspace(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::LogCompacted | Self::LogLatest | Self::LogOffsets => "log_rows",
            Self::Messages | Self::MessageEdits | Self::MessageRedactions | Self::Pins | Self::Reactions => {
                "messages"
            }
            Self::ClientMessages => "client_messages",
            _ => "rows",
        }
    }

    /// A key as it is on disk.
    fn key(self, key: &[u8]) -> Vec<u8> {
        [&[self as u8], key].concat()
    }

    /// A range of keys as it is on disk.
    fn range(self, range: impl RangeBounds<Vec<u8>>) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        let low = match range.start_bound() {
            Bound::Unbounded => Bound::Included(vec![self as u8]),
            bound => bound.map(|key| self.key(key)),
        };
        let high = match range.end_bound() {
            Bound::Unbounded => Bound::Excluded(vec![self as u8 + 1]),
            bound => bound.map(|key| self.key(key)),
        };
        (low, high)
    }
}

/// The open database.
pub(super) struct Tables {
    database: Database,
    /// By table.
    keyspaces: Vec<Keyspace>,
}

/// A key and its value.
pub(super) type Row = (Bytes, Bytes);

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
        let open = |table: Table| database.keyspace(table.keyspace(), options);
        let keyspaces = Table::ALL.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { database, keyspaces })
    }

    fn of(&self, table: Table) -> &Keyspace {
        &self.keyspaces[table as usize]
    }

    pub(super) fn batch(&self) -> OwnedWriteBatch {
        self.database.batch()
    }

    pub(super) fn put(&self, batch: &mut OwnedWriteBatch, table: Table, key: &[u8], value: Bytes) {
        batch.insert(self.of(table), table.key(key), value);
    }

    pub(super) fn remove(&self, batch: &mut OwnedWriteBatch, table: Table, key: &[u8]) {
        batch.remove(self.of(table), table.key(key));
    }

    /// The newest value. Of a commit that is just being made readable it may be seen before other
    /// rows of it: for the committer, and where that is no matter.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, Failure> {
        Ok(self.of(table).get(table.key(key))?.map(Bytes::from))
    }

    /// The newest rows of a range, as [`Tables::get`] sees them.
    pub(super) fn range(&self, table: Table, range: impl RangeBounds<Vec<u8>>) -> Rows {
        Rows(self.of(table).range(table.range(range)))
    }

    /// The newest rows below a prefix, as [`Tables::get`] sees them.
    pub(super) fn prefix(&self, table: Table, prefix: &[u8]) -> Rows {
        Rows(self.of(table).prefix(table.key(prefix)))
    }

    /// The tables as of now: all reads see the same commits, each of them whole.
    pub(super) fn snapshot(&self) -> View<'_> {
        View { tables: self, snapshot: self.database.snapshot() }
    }
}

/// The tables as of one moment.
pub(super) struct View<'a> {
    tables: &'a Tables,
    snapshot: Snapshot,
}

impl View<'_> {
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, Failure> {
        Ok(self.snapshot.get(self.tables.of(table), table.key(key))?.map(Bytes::from))
    }

    pub(super) fn range(&self, table: Table, range: impl RangeBounds<Vec<u8>>) -> Rows {
        Rows(self.snapshot.range(self.tables.of(table), table.range(range)))
    }

    pub(super) fn prefix(&self, table: Table, prefix: &[u8]) -> Rows {
        Rows(self.snapshot.prefix(self.tables.of(table), table.key(prefix)))
    }
}

/// Rows in the order of their keys.
pub(super) struct Rows(fjall::Iter);

fn row(guard: fjall::Guard) -> Result<Row, Failure> {
    let (key, value) = guard.into_inner()?;
    // Without the table's code.
    Ok((Bytes::from(key).slice(1..), value.into()))
}

impl Iterator for Rows {
    type Item = Result<Row, Failure>;
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(row)
    }
}

impl DoubleEndedIterator for Rows {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(row)
    }
}

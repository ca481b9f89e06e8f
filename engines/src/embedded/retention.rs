//! What is taken away in the background: old blocks of the log, old tombstones, old answers of the
//! dedup index. In small steps, so that the committer is never held up.

use super::{
    block,
    failure::Failure,
    keys::{self, TOPICS},
    pending::Pending,
    queue::OVERHEAD,
    running::Shared,
    tables::Table,
};
use crate::store::StoredAck;
use parlor_schemas::{
    Timestamp, Topic,
    topics::{Offset, Partition, of_conversation},
};
use std::{
    sync::{Arc, Weak},
    time::Duration,
};

/// Rows that one step takes away, and those it looks at.
const STEP_ROWS: usize = 64;
const STEP_SCAN: usize = 2_000;

/// Runs rounds until the database closes.
pub(super) async fn run(shared: Weak<Shared>) {
    // Where the slow walks through whole tables stand.
    let mut walks = [Walk::new(Table::LogCompacted), Walk::new(Table::ClientMessages)];
    loop {
        let Some(every) = shared.upgrade().map(|shared| shared.tuning.retention_every_ms) else { return };
        tokio::time::sleep(Duration::from_millis(every)).await;
        if let Err(failure) = round(&shared, &mut walks).await {
            // A failed write is latched and told to all that write: no round can succeed then. What
            // could not be read is tried again with the next round.
            tracing::error!(reason = ?failure, "a round of retention failed");
            if shared.upgrade().is_none_or(|shared| shared.queue.check().is_err()) {
                return;
            }
        }
    }
}

async fn round(shared: &Weak<Shared>, walks: &mut [Walk]) -> Result<(), Failure> {
    for topic in TOPICS.into_iter().filter(|topic| !topic.is_compacted()) {
        let partitions = shared.upgrade().map_or(0, |shared| shared.partitions);
        for partition in 0..partitions {
            // Between steps nothing is held: the database may close.
            while let Some(shared) = shared.upgrade() {
                if !trim(&shared, topic, partition).await? {
                    break;
                }
            }
        }
    }
    for walk in walks {
        if let Some(shared) = shared.upgrade() {
            walk.step(&shared).await?;
        }
    }
    Ok(())
}

/// Takes the oldest blocks of a partition away, a few of them; whether there are more to go.
async fn trim(shared: &Arc<Shared>, topic: Topic, partition: Partition) -> Result<bool, Failure> {
    let keep = shared.tuning.keep(topic);
    if keep.age_ms == 0 && keep.bytes == 0 {
        return Ok(false);
    }
    let now = shared.clock.now();
    let scan = shared.clone();
    let (old, first) = blocking(move || {
        let prefix = keys::log_prefix(topic, partition);
        let rows = || scan.tables.prefix(Table::Log, &prefix);
        let Some(newest) = rows().next_back() else { return Ok((Vec::new(), 0)) };
        let (newest, value) = newest?;
        let end = block::head(&value)?.before + value.len() as u64;
        let mut old = Vec::new();
        for row in rows().take(STEP_ROWS + 1) {
            let (key, value) = row?;
            let head = block::head(&value)?;
            let too_old = keep.age_ms > 0 && head.at < now.plus_millis(-keep.age_ms);
            let too_much = keep.bytes > 0 && end - head.before > keep.bytes;
            // The newest block stays: it says where the partition ends.
            if key == newest || old.len() == STEP_ROWS || !(too_old || too_much) {
                return Ok((old, keys::last_number(&key).unwrap_or_default()));
            }
            old.push(key.to_vec());
        }
        Ok((old, 0))
    })
    .await?;
    if old.is_empty() {
        return Ok(false);
    }
    forget(shared, topic, partition, old, first).await
}

async fn forget(
    shared: &Arc<Shared>,
    topic: Topic,
    partition: Partition,
    old: Vec<Vec<u8>>,
    first: Offset,
) -> Result<bool, Failure> {
    let more = old.len() == STEP_ROWS;
    // Out of range first, gone then: no reader finds a hole.
    shared.readable(topic, partition).forget(first);
    let change = move |pending: &mut Pending| {
        for key in old {
            pending.remove(Table::Log, key);
        }
        Ok(())
    };
    shared.change(OVERHEAD, change).await?;
    Ok(more)
}

/// A walk through a table, a step per round, round and round.
struct Walk {
    table: Table,
    next: Vec<u8>,
}

impl Walk {
    fn new(table: Table) -> Self {
        Self { table, next: Vec::new() }
    }

    async fn step(&mut self, shared: &Arc<Shared>) -> Result<(), Failure> {
        let (table, from, scan) = (self.table, std::mem::take(&mut self.next), shared.clone());
        let (old, next) = blocking(move || {
            let (mut old, mut seen) = (Vec::new(), 0);
            for row in scan.tables.range(table, from..) {
                let (key, value) = row?;
                if seen == STEP_SCAN || old.len() == STEP_ROWS {
                    return Ok((old, key.to_vec()));
                }
                seen += 1;
                let now = scan.clock.now();
                let is_old = match table {
                    Table::ClientMessages => is_forgotten(&scan, &value)?,
                    _ => is_old_tombstone(&scan, &key, &value, now)?,
                };
                if is_old {
                    old.push((key.to_vec(), value));
                }
            }
            Ok((old, Vec::new()))
        })
        .await?;
        self.next = next;
        if old.is_empty() {
            return Ok(());
        }
        let change = move |pending: &mut Pending| {
            for (key, value) in old {
                // Rewritten meanwhile: it stays.
                if pending.get(table, &key)?.is_some_and(|now| now == value) {
                    if table == Table::LogCompacted {
                        pending.remove(Table::LogLatest, latest_key(&key, &value)?);
                    }
                    pending.remove(table, key);
                }
            }
            Ok(())
        };
        shared.change(OVERHEAD, change).await
    }
}

/// Whether an answer of the dedup index is past its time, by the commands' own: ingest asks for what
/// is younger than 29 days by log time (DESIGN §3), and our clock may be ahead of that.
fn is_forgotten(shared: &Shared, value: &[u8]) -> Result<bool, Failure> {
    let ack = postcard::from_bytes::<StoredAck>(value)?.ack;
    let partition = of_conversation(ack.conversation_id, shared.partitions);
    let newest = shared.tables.prefix(Table::Log, &keys::log_prefix(Topic::Commands, partition)).next_back();
    let Some(newest) = newest else { return Ok(false) };
    Ok(ack.at.plus_millis(shared.tuning.acks_ms) < block::head(&newest?.1)?.at)
}

fn is_old_tombstone(
    shared: &Shared,
    key: &[u8],
    value: &bytes::Bytes,
    now: Timestamp,
) -> Result<bool, Failure> {
    let is_old = block::head(value)?.at.plus_millis(shared.tuning.tombstones_ms) < now;
    let offset = keys::last_number(key).unwrap_or_default();
    let Some(record) = block::records(0, offset, value, 0)?.pop() else { return Ok(false) };
    let (topic, partition) = place(key)?;
    // The newest record of the partition stays: it says where the partition ends.
    let is_newest = shared.readable(topic, partition).ends().end == offset + 1;
    Ok(is_old && record.value.is_none() && !is_newest)
}

fn latest_key(key: &[u8], value: &bytes::Bytes) -> Result<Vec<u8>, Failure> {
    let (topic, partition) = place(key)?;
    let record = block::records(partition, 0, value, 0)?.pop();
    Ok(keys::log_latest(topic, partition, &record.map(|record| record.key).unwrap_or_default()))
}

fn place(key: &[u8]) -> Result<(Topic, Partition), Failure> {
    let partition = key.get(1..keys::LOG_PREFIX).and_then(|bytes| bytes.try_into().ok());
    let topic = key.first().and_then(|code| TOPICS.get(usize::from(*code)));
    let place = topic.copied().zip(partition.map(u32::from_be_bytes));
    place.ok_or_else(|| Failure::new("a key of the log is short"))
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let reading = tokio::task::spawn_blocking(read).await;
    reading.unwrap_or_else(|error| Err(Failure::new(error.to_string())))
}

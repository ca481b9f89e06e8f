//! Reading one partition: the ring where it has the records, the database where it has not.

use super::{
    block,
    failure::Failure,
    keys,
    log::outside,
    partition::{Look, Room},
    running::{Running, Shared},
    tables::Table,
};
use crate::log::{LogError, LogRecord, Read, Reader};
use async_trait::async_trait;
use parlor_schemas::{
    Topic,
    topics::{Offset, Partition},
};
use std::{ops::Range, pin::pin, sync::Arc};

/// The records from `from` on and the offset to go on from; empty at the end.
pub(super) async fn fetch(
    shared: &Arc<Shared>,
    topic: Topic,
    partition: Partition,
    from: Offset,
) -> Result<(Vec<LogRecord>, Offset), LogError> {
    let room = shared.room();
    match shared.readable(topic, partition).look(from, room) {
        Look::End => Ok((Vec::new(), from)),
        Look::Outside(ends) => Err(outside(topic, partition, from, ends)),
        Look::Records(records) => {
            let next = records.last().map_or(from, |last| last.offset + 1);
            Ok((records, next))
        }
        Look::Older(end) => {
            let shared = shared.clone();
            let reading = tokio::task::spawn_blocking(move || {
                if topic.is_compacted() {
                    compacted(&shared, topic, partition, from, end, room)
                } else {
                    blocks(&shared, topic, partition, from..end, room)
                }
            });
            Ok(reading.await.map_err(|error| LogError::Failed(error.to_string()))??)
        }
    }
}

/// From the database: whole blocks, until the room is filled.
fn blocks(
    shared: &Shared,
    topic: Topic,
    partition: Partition,
    Range { start: from, end }: Range<Offset>,
    room: Room,
) -> Result<(Vec<LogRecord>, Offset), LogError> {
    let prefix = keys::log_prefix(topic, partition);
    let read = || -> Result<Vec<LogRecord>, Failure> {
        // The block that holds `from` is the last one that begins at or before it.
        let before = prefix.to_vec()..=keys::log(topic, partition, from);
        let before = shared.tables.range(Table::Log, before).next_back().transpose()?;
        let start = before.map_or(prefix.to_vec(), |(key, _)| key.to_vec());
        let (mut records, mut bytes) = (Vec::new(), 0);
        for row in shared.tables.range(Table::Log, start..=keys::log(topic, partition, Offset::MAX)) {
            let (key, value) = row?;
            let first = keys::last_number(&key).unwrap_or_default();
            bytes += value.len();
            records.extend(block::records(partition, first, &value, from)?);
            if records.len() >= room.records || bytes >= room.bytes {
                break;
            }
        }
        Ok(records)
    };
    let mut records = read()?;
    // The database may be ahead of what has been published: that is not readable yet.
    records.retain(|record| record.offset < end);
    records.truncate(room.records);
    // What begins later than asked was taken away by retention meanwhile.
    let ends = shared.readable(topic, partition).ends();
    match records.first() {
        Some(first) if first.offset == from => {}
        _ => return Err(outside(topic, partition, from, ends)),
    }
    let next = records.last().map_or(from, |last| last.offset + 1);
    Ok((records, next))
}

/// From the database: the newest record of each key. Between two reads a key may move to a higher
/// offset, where it is met later; within one, the snapshot keeps it in one place.
fn compacted(
    shared: &Shared,
    topic: Topic,
    partition: Partition,
    from: Offset,
    end: Offset,
    room: Room,
) -> Result<(Vec<LogRecord>, Offset), LogError> {
    let read = || -> Result<(Vec<LogRecord>, bool), Failure> {
        let snapshot = shared.tables.snapshot();
        let range = keys::log(topic, partition, from)..=keys::log(topic, partition, Offset::MAX);
        let (mut records, mut bytes) = (Vec::new(), 0);
        for row in snapshot.range(Table::LogCompacted, range) {
            if records.len() >= room.records || bytes >= room.bytes {
                return Ok((records, false));
            }
            let (key, value) = row?;
            let first = keys::last_number(&key).unwrap_or_default();
            bytes += value.len();
            records.extend(block::records(partition, first, &value, from)?);
        }
        Ok((records, true))
    };
    let (mut records, all) = read()?;
    records.retain(|record| record.offset < end);
    let next = records.last().map_or(from, |last| last.offset + 1);
    // After the last one there is nothing up to the end that was readable before the snapshot.
    Ok((records, if all { next.max(end) } else { next }))
}

/// A reader of one partition.
pub(super) struct From {
    running: Arc<Running>,
    topic: Topic,
    partition: Partition,
    position: Offset,
    told_end: bool,
}

impl From {
    pub(super) fn open(
        running: Arc<Running>,
        topic: Topic,
        partition: Partition,
        from: Offset,
    ) -> Result<Self, LogError> {
        let ends = running.shared.readable(topic, partition).ends();
        if from < ends.first || from > ends.end {
            return Err(outside(topic, partition, from, ends));
        }
        Ok(Self { running, topic, partition, position: from, told_end: false })
    }
}

#[async_trait]
impl Reader for From {
    async fn next(&mut self) -> Result<Read, LogError> {
        let shared = self.running.shared.clone();
        loop {
            let readable = shared.readable(self.topic, self.partition);
            let mut moved = pin!(readable.moved.notified());
            moved.as_mut().enable();
            let (records, next) = fetch(&shared, self.topic, self.partition, self.position).await?;
            let skipped = next > self.position;
            self.position = next;
            if !records.is_empty() {
                self.told_end = false;
                return Ok(Read::Records(records));
            }
            if skipped {
                continue;
            }
            if !self.told_end {
                self.told_end = true;
                return Ok(Read::End(self.position));
            }
            moved.await;
        }
    }
}

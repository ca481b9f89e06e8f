//! Records, heads, the dedup index.

use super::{
    CassandraStore,
    records::{BUCKET, RecordRow, bucket},
    rows::{AckRow, HeadRow},
};
use crate::store::{Effect, Head, History, StoreError, StoredAck};
use async_trait::async_trait;
use parlor_schemas::{
    ClientMsgId, ConversationId, RecordText, UserId,
    record::Kind,
    topics::{Offset, Partition},
};
use std::collections::{BTreeSet, HashSet};

/// The largest seq that a `bigint` holds.
pub(super) const SEQ_MAX: u64 = i64::MAX as u64;

#[async_trait]
impl History for CassandraStore {
    async fn write(
        &self,
        partition: Partition,
        effects: Vec<Effect>,
        written_to: Offset,
    ) -> Result<(), StoreError> {
        self.apply(effects).await?;
        if written_to == 0 {
            return Ok(());
        }
        let to = written_to as i64;
        self.put("write written_to", &self.statements.put_written_to, (partition as i32, to, to)).await
    }

    async fn written_to(&self, partition: Partition) -> Result<Offset, StoreError> {
        let statement = &self.statements.written_to;
        let row = self.requests.row::<(i64,)>("read written_to", statement, (partition as i32,)).await?;
        Ok(row.map_or(0, |(to,)| to as u64))
    }

    async fn heads(&self, of: &[ConversationId]) -> Result<Vec<Option<Head>>, StoreError> {
        self.requests.each(of, |id| self.head_of(*id)).await
    }

    async fn records(
        &self,
        conversation: ConversationId,
        after: u64,
        before: u64,
        limit: usize,
        last: bool,
    ) -> Result<Vec<RecordText>, StoreError> {
        let (from, to) = (after.saturating_add(1), before.saturating_sub(1).min(SEQ_MAX));
        if after == u64::MAX || from > to || limit == 0 {
            return Ok(Vec::new());
        }
        let range = Range { conversation, from, to };
        let mut records = if last {
            self.last_records(range, limit).await?
        } else {
            self.first_records(range, limit).await?
        };
        self.redact_edits(records.iter_mut().map(|record| (conversation, record))).await?;
        Ok(records)
    }

    async fn pick(&self, of: &[(ConversationId, u64)]) -> Result<Vec<Option<RecordText>>, StoreError> {
        let one = async |(conversation, seq): &(ConversationId, u64)| {
            if *seq > SEQ_MAX {
                return Ok(None);
            }
            let values = (conversation.0, bucket(*seq), *seq as i64);
            let row = self.requests.row::<RecordRow>("pick", &self.statements.record, values).await?;
            row.map_or(Ok(None), |row| Ok(row.text(*conversation)?))
        };
        let mut records = self.requests.each(of, one).await?;
        let found = of.iter().zip(&mut records);
        self.redact_edits(found.filter_map(|((id, _), record)| Some((*id, record.as_mut()?)))).await?;
        Ok(records)
    }

    async fn acks(
        &self,
        of: &[(ConversationId, UserId, ClientMsgId)],
    ) -> Result<Vec<Option<StoredAck>>, StoreError> {
        let one = async |(conversation, sender, id): &(ConversationId, UserId, ClientMsgId)| {
            let values = (conversation.0, sender.0, id.0);
            let row = self.requests.row::<AckRow>("read acks", &self.statements.ack, values).await?;
            let Some(row) = row else { return Ok(None) };
            Ok(Some(row.stored(*conversation, *id)?))
        };
        self.requests.each(of, one).await
    }
}

/// Seqs from ..= to of a conversation; from ≤ to.
#[derive(Clone, Copy)]
struct Range {
    conversation: ConversationId,
    from: u64,
    to: u64,
}

impl CassandraStore {
    async fn head_of(&self, conversation: ConversationId) -> Result<Option<Head>, StoreError> {
        let row =
            self.requests.row::<HeadRow>("read heads", &self.statements.head, (conversation.0,)).await?;
        Ok(row.map(Head::from))
    }

    /// Upwards, from bucket to bucket. A log has no holes: a bucket whose last record is not there
    /// is the last one.
    async fn first_records(&self, range: Range, limit: usize) -> Result<Vec<RecordText>, StoreError> {
        let mut records: Vec<RecordText> = Vec::new();
        for bucket in bucket(range.from)..=bucket(range.to) {
            let found = self.in_bucket(range, bucket, limit - records.len(), false).await?;
            records.extend(found);
            if records.len() >= limit || !is_full(bucket, records.last()) {
                break;
            }
        }
        Ok(records)
    }

    /// Downwards, from the end. Where the range may end above the log, the stored head says in which
    /// bucket to begin; records that are written already but not yet counted by it lie above.
    async fn last_records(&self, range: Range, limit: usize) -> Result<Vec<RecordText>, StoreError> {
        let (lowest, highest) = (bucket(range.from), bucket(range.to));
        let mut top = highest;
        if lowest < highest {
            let head = self.head_of(range.conversation).await?.map_or(0, |head| head.seq);
            top = bucket(head).clamp(lowest, highest);
        }
        let mut lowest_read = top;
        let mut records = self.in_bucket(range, top, limit, true).await?;
        while top < highest && is_full(top, records.last()) {
            top += 1;
            let above = self.in_bucket(range, top, limit, true).await?;
            if above.is_empty() {
                break;
            }
            records.extend(above);
        }
        while records.len() < limit && lowest_read > lowest {
            lowest_read -= 1;
            let mut below = self.in_bucket(range, lowest_read, limit - records.len(), true).await?;
            if below.is_empty() && !records.is_empty() {
                break;
            }
            below.append(&mut records);
            records = below;
        }
        records.drain(..records.len().saturating_sub(limit));
        Ok(records)
    }

    /// The records of a range that are in one bucket, ascending: the first ones, or the last ones.
    async fn in_bucket(
        &self,
        range: Range,
        bucket: i64,
        limit: usize,
        last: bool,
    ) -> Result<Vec<RecordText>, StoreError> {
        let statement = if last { &self.statements.records_down } else { &self.statements.records_up };
        let limit = i32::try_from(limit.min(BUCKET as usize)).unwrap_or(i32::MAX);
        let values = (range.conversation.0, bucket, range.from as i64, range.to as i64, limit);
        let rows = self.requests.rows::<RecordRow>("read records", statement, values).await?;
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            records.extend(row.text(range.conversation)?);
        }
        if last {
            records.reverse();
        }
        Ok(records)
    }

    /// An edit of something that is gone is gone too, whenever it was written. The writer empties
    /// such edits; this closes the moment until it has.
    async fn redact_edits(
        &self,
        records: impl Iterator<Item = (ConversationId, &mut RecordText)>,
    ) -> Result<(), StoreError> {
        let (mut gone, mut there, mut edits) = (HashSet::new(), HashSet::new(), Vec::new());
        for (id, record) in records {
            if record.redacted { &mut gone } else { &mut there }.insert((id, record.seq));
            match record.target {
                Some(target) if record.kind == Kind::Edit && !record.redacted => {
                    edits.push((id, target, record));
                }
                _ => {}
            }
        }
        let targets = edits.iter().map(|(id, target, _)| (*id, *target));
        let unknown: BTreeSet<_> =
            targets.filter(|target| !gone.contains(target) && !there.contains(target)).collect();
        gone.extend(self.redacted(&unknown).await?);
        for (id, target, record) in edits {
            if gone.contains(&(id, target)) {
                *record = record.redact();
            }
        }
        Ok(())
    }
}

/// Whether the last record of a bucket is there (seq 0 does not exist, so the first bucket has one
/// record less).
fn is_full(bucket: i64, last: Option<&RecordText>) -> bool {
    last.is_some_and(|record| record.seq == bucket as u64 * BUCKET + BUCKET - 1)
}

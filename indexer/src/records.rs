//! `chat.messages.v1` → the index, batch by batch.

use crate::refill;
use async_trait::async_trait;
use parlor_engines::{
    Engines,
    consume::{Feed, Role, Stop, letters},
    log::{LogError, Read},
    search::Change,
};
use parlor_schemas::{
    Body, Record, Topic, avro,
    topics::{Offset, Partition},
};

/// Offsets looked through for the last record, at first.
const LOOK_BACK: Offset = 64;

pub(crate) struct Records {
    engines: Engines,
}

impl Records {
    pub(crate) fn new(engines: Engines) -> Self {
        Self { engines }
    }

    /// Where to go on. The index's own offset counts; a group that was set back goes back, and an
    /// index that is not of this group (its directory came from elsewhere), or too old for the log, is
    /// made anew.
    async fn start_of(&self, feed: &Feed) -> Result<Offset, Stop> {
        let (index, log) = (&self.engines.index, &self.engines.log);
        let covered = feed.retry.run("open the index", || index.covered(feed.partition)).await?;
        let ends =
            feed.retry.run("read the log's ends", || log.ends(Topic::Messages, feed.partition)).await?;
        let stored = feed.stored.as_ref().map(|stored| stored.offset);
        if let (Some(covered), Some(stored)) = (covered.filter(|at| *at >= ends.first), stored) {
            return Ok(covered.min(stored).max(ends.first));
        }
        if covered.is_some() {
            feed.retry.run("clear the index", || index.clear(feed.partition)).await?;
        }
        if ends.first == 0 {
            return Ok(0);
        }
        let from = refill::from_store(&self.engines, feed).await?;
        Ok(from.max(ends.first))
    }

    async fn follow(&self, feed: &mut Feed) -> Result<(), Stop> {
        let start = self.start_of(feed).await?;
        let end = feed.retry.run("look for the log's end", || self.end(feed.partition, start)).await?;
        let index = &self.engines.index;
        feed.start(start).await?;
        let mut is_behind = start < end;
        index.serve(feed.partition, !is_behind);
        loop {
            let batch = feed.next().await?;
            let Some(last) = batch.last() else { continue };
            let next = last.offset + 1;
            let records = letters::decode(&self.engines, feed, &batch, avro::decode_record).await?;
            let changes: Vec<Change> = records.iter().filter_map(|(_, record)| change_of(record)).collect();
            let has_more = feed.has_more();
            let write = || index.write(feed.partition, changes.clone(), next, has_more);
            feed.retry.run("write the index", write).await?;
            metrics::counter!("parlor_indexer_records_total").increment(records.len() as u64);
            feed.done(next, "");
            if is_behind && next >= end {
                is_behind = false;
                index.serve(feed.partition, true);
            }
        }
    }

    /// The offset after the last record at present, as far as it is above `start`. The log's own end
    /// may be further: on Kafka commit markers follow.
    async fn end(&self, partition: Partition, start: Offset) -> Result<Offset, LogError> {
        let end = self.engines.log.ends(Topic::Messages, partition).await?.end;
        let mut back = LOOK_BACK;
        loop {
            let from = end.saturating_sub(back).max(start);
            let mut reader = self.engines.log.read(Topic::Messages, partition, from).await?;
            let at = loop {
                if let Read::End(at) = reader.next().await? {
                    break at;
                }
            };
            if at > from || from == start {
                return Ok(at);
            }
            back = back.saturating_mul(4);
        }
    }
}

#[async_trait]
impl Role for Records {
    async fn serve(&self, mut feed: Feed) -> Result<(), Stop> {
        let outcome = self.follow(&mut feed).await;
        self.engines.index.serve(feed.partition, false);
        outcome
    }
}

/// A message without a text is in the index, too: an edit may give it one.
pub(crate) fn text_of(text: Option<&String>) -> String {
    text.cloned().unwrap_or_default()
}

/// What a record does to the index; most do nothing.
fn change_of(record: &Record) -> Option<Change> {
    let conversation_id = record.conversation_id;
    match &record.body {
        Body::Message(message) => Some(Change::Message {
            conversation_id,
            seq: record.seq,
            at: record.at,
            ends: record.expires_at(),
            text: text_of(message.text.as_ref()),
        }),
        Body::Edit(edit) => Some(Change::Edit {
            conversation_id,
            seq: edit.target,
            text_seq: record.seq,
            text: text_of(edit.text.as_ref()),
        }),
        Body::Delete(delete) => Some(Change::Delete { conversation_id, seq: delete.target }),
        _ => None,
    }
}

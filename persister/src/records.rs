//! `chat.messages.v1` → history, batch by batch.

use crate::{departed, effects::Fold};
use async_trait::async_trait;
use parlor_engines::{
    Engines,
    consume::{Feed, Role, Stop, letters},
    crash::{self, Point},
    log::LogRecord,
    sabotage::{self, Sabotage},
    store::Head,
};
use parlor_schemas::{ConversationId, Record, avro};
use std::collections::HashMap;

/// Heads kept in memory per partition; beyond it the store is asked again.
const HEADS_MAX: usize = 100_000;

pub(crate) struct Records {
    engines: Engines,
}

impl Records {
    pub(crate) fn new(engines: Engines) -> Self {
        Self { engines }
    }
}

#[async_trait]
impl Role for Records {
    async fn serve(&self, mut feed: Feed) -> Result<(), Stop> {
        feed.start(feed.stored.clone().unwrap_or_default().offset).await?;
        let mut heads: HashMap<ConversationId, u64> = HashMap::new();
        loop {
            let batch = feed.next().await?;
            if heads.len() > HEADS_MAX {
                heads.clear();
            }
            self.persist(&feed, &batch, &mut heads).await?;
        }
    }
}

impl Records {
    async fn persist(
        &self,
        feed: &Feed,
        batch: &[LogRecord],
        heads: &mut HashMap<ConversationId, u64>,
    ) -> Result<(), Stop> {
        let next = batch.last().map_or(0, |record| record.offset + 1);
        let records = letters::decode(&self.engines, feed, batch, avro::decode_record).await?;
        self.load_heads(feed, &records, heads).await?;
        let mut fold = Fold::default();
        for (log_record, record) in &records {
            let last = heads.entry(record.conversation_id).or_default();
            if record.seq <= *last {
                fold.repeat(log_record, record)?;
                continue;
            }
            if record.seq > *last + 1 {
                let reason = format!(
                    "{}: record {} follows {last} at offset {}: a record is missing",
                    record.conversation_id, record.seq, log_record.offset
                );
                return Err(Stop::Alarm(reason));
            }
            *last = record.seq;
            fold.add(log_record, record)?;
        }
        fold.load(&self.engines, &feed.retry).await?;
        let effects = fold.effects();
        let store = &self.engines.store;
        let write = || store.write(feed.partition, effects.clone(), next);
        if sabotage::is(Sabotage::CommitBeforeWrite) {
            feed.done(next, "");
        }
        if sabotage::is(Sabotage::PastFailure) {
            drop(write().await);
        } else {
            feed.retry.run("write history", write).await?;
        }
        crash::pass(Point::PersisterWritten);
        departed::leave_again(&self.engines, feed, records.iter().map(|(_, record)| record)).await?;
        metrics::counter!("parlor_persister_records_total").increment(records.len() as u64);
        feed.done(next, "");
        Ok(())
    }

    async fn load_heads(
        &self,
        feed: &Feed,
        records: &[(&LogRecord, Record)],
        heads: &mut HashMap<ConversationId, u64>,
    ) -> Result<(), Stop> {
        let mut unknown: Vec<_> = records
            .iter()
            .map(|(_, record)| record.conversation_id)
            .filter(|id| !heads.contains_key(id))
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        if unknown.is_empty() {
            return Ok(());
        }
        let store = &self.engines.store;
        let found: Vec<Option<Head>> = feed.retry.run("read heads", || store.heads(&unknown)).await?;
        heads.extend(unknown.into_iter().zip(found.into_iter().map(|head| head.map_or(0, |head| head.seq))));
        Ok(())
    }
}

//! `chat.messages.v1` → `chat.push.v1`: a job for every member whose devices did not acknowledge a
//! message in time. One whose devices are not connected can't have acknowledged it; the sender never
//! gets one; a muted conversation makes none but for mentions.

use crate::marks::marks;
use async_trait::async_trait;
use bytes::Bytes;
use parlor_engines::{
    Engines,
    consume::{Feed, Role, Stop, letters},
    log::{Entry, LogRecord},
    table::{Table, Tables},
};
use parlor_schemas::{
    Body, ConversationId, Record, Topic, UserId, avro,
    header::{self, Header},
    push::{PushAction, PushJob},
    topics::of_user,
};
use std::{collections::HashMap, sync::Arc, time::Duration};

pub(crate) struct Planner {
    engines: Engines,
    tables: Arc<Tables>,
    patience_ms: i64,
}

/// What one member is to be told of a batch: within it the newest message stands for all.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    newest: &'a Record,
    /// The newest that mentions the member.
    mention: Option<&'a Record>,
}

impl Planner {
    pub(crate) fn new(engines: Engines, tables: Arc<Tables>, patience_ms: i64) -> Self {
        Self { engines, tables, patience_ms }
    }
}

#[async_trait]
impl Role for Planner {
    async fn serve(&self, mut feed: Feed) -> Result<(), Stop> {
        let table = self.tables.open(feed.partition, &feed.retry).await?;
        feed.start(feed.stored.clone().unwrap_or_default().offset).await?;
        loop {
            let batch = feed.next().await?;
            let Some(last) = batch.last() else { continue };
            self.wait_for(last, &feed).await?;
            self.plan(&feed, &table, &batch).await?;
            feed.done(last.offset + 1, "");
        }
    }
}

impl Planner {
    /// Gives devices their time; what is older has had it.
    async fn wait_for(&self, last: &LogRecord, feed: &Feed) -> Result<(), Stop> {
        let due = last.at.plus_millis(self.patience_ms);
        let wait = due.0 - self.engines.clock.now().0;
        if wait <= 0 {
            return Ok(());
        }
        // A clock that went back must not hold the group up.
        let wait = Duration::from_millis(wait.min(self.patience_ms) as u64);
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = feed.retry.closing().cancelled() => Err(Stop::Closing),
        }
    }

    async fn plan(&self, feed: &Feed, table: &Table, batch: &[LogRecord]) -> Result<(), Stop> {
        // Only messages count; the header tells without decoding the rest.
        let countable: Vec<LogRecord> = batch
            .iter()
            .filter(|record| {
                let header = record.header(header::NAME).and_then(|bytes| Header::decode(bytes));
                header.is_none_or(|header| header.kind.is_countable())
            })
            .cloned()
            .collect();
        let records = letters::decode(&self.engines, feed, &countable, avro::decode_record).await?;
        let mut wanted: HashMap<(ConversationId, UserId), Wanted> = HashMap::new();
        for (_, record) in &records {
            let row = table.at_least(record.conversation_id, record.members_seq, &feed.retry).await?;
            let members = row.members.iter().filter(|m| m.receives(record.seq) && m.left_seq.is_none());
            for member in members.filter(|m| m.user_id != record.sender_id) {
                let key = (record.conversation_id, member.user_id);
                let known = wanted.entry(key).or_insert(Wanted { newest: record, mention: None });
                known.newest = record;
                if mentions(record, member.user_id) {
                    known.mention = Some(record);
                }
            }
        }
        let jobs = self.late(feed, wanted.into_iter().collect()).await?;
        let entries: Vec<Entry> = jobs.iter().map(|job| entry(&self.engines, job)).collect();
        if entries.is_empty() {
            return Ok(());
        }
        metrics::counter!("parlor_pusher_jobs_total").increment(entries.len() as u64);
        let append = || async { self.engines.log.append(entries.clone()).await?.await };
        feed.retry.run("write push jobs", append).await
    }

    /// Jobs for those who have not acknowledged, nor muted, what was for them.
    async fn late(
        &self,
        feed: &Feed,
        wanted: Vec<((ConversationId, UserId), Wanted<'_>)>,
    ) -> Result<Vec<PushJob>, Stop> {
        let keys: Vec<_> = wanted.iter().map(|(key, _)| *key).collect();
        let marks = marks(&self.engines, feed, &keys).await?;
        let late: Vec<_> = wanted
            .into_iter()
            .zip(marks)
            .filter_map(|((key, wanted), marks)| {
                let has = marks.delivered_seq.max(marks.own_read().0);
                let mention = wanted.mention.filter(|record| record.seq > has);
                (wanted.newest.seq > has).then_some((key, Wanted { mention, ..wanted }))
            })
            .collect();
        let of: Vec<_> = late.iter().map(|((conversation, user), _)| (*user, *conversation)).collect();
        let store = &self.engines.store;
        let settings = feed.retry.run("read settings", || store.settings(&of)).await?;
        let now = self.engines.clock.now();
        let jobs = late.into_iter().zip(settings).filter_map(|(((_, user), wanted), own)| {
            let is_muted = own.muted_until.is_some_and(|until| until > now);
            let record = if is_muted { wanted.mention? } else { wanted.newest };
            Some(notification(user, record, wanted.mention.is_some()))
        });
        Ok(jobs.collect())
    }
}

/// The entry of a job.
pub(crate) fn entry(engines: &Engines, job: &PushJob) -> Entry {
    Entry {
        topic: Topic::Push,
        partition: of_user(job.user_id, engines.log.partitions(Topic::Push)),
        key: Bytes::from(job.user_id.to_string()),
        value: Some(avro::encode_push(job)),
        headers: Vec::new(),
    }
}

fn mentions(record: &Record, user: UserId) -> bool {
    matches!(&record.body, Body::Message(message) if message.mentions.contains(&user))
}

fn notification(user_id: UserId, record: &Record, mention: bool) -> PushJob {
    let (conversation_id, seq) = (record.conversation_id, record.seq);
    PushJob {
        job_id: PushJob::id(user_id, conversation_id, seq, PushAction::Notify),
        user_id,
        conversation_id,
        action: PushAction::Notify,
        seq,
        sender_id: record.sender_id,
        at: record.at,
        mention,
    }
}

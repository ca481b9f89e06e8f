//! `chat.messages.v1` → `chat.push.v1`: a job for every member whose devices did not acknowledge a
//! message in time.

use async_trait::async_trait;
use bytes::Bytes;
use parlor_engines::{
    Engines,
    consume::{Feed, Role, Stop, letters},
    log::{Entry, LogRecord},
    table::{Table, Tables},
};
use parlor_schemas::{
    ConversationId, Record, Topic, UserId, avro,
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
        // One notification per conversation: within a batch the newest message stands for all.
        let mut newest: HashMap<(ConversationId, UserId), &Record> = HashMap::new();
        for (_, record) in &records {
            let row = table.at_least(record.conversation_id, record.members_seq, &feed.retry).await?;
            let members = row.members.iter().filter(|m| m.receives(record.seq) && m.left_seq.is_none());
            for member in members.filter(|m| m.user_id != record.sender_id) {
                newest.insert((record.conversation_id, member.user_id), record);
            }
        }
        let (wanted, newest): (Vec<_>, Vec<_>) = newest.into_iter().unzip();
        let live = &self.engines.live;
        let marks = feed.retry.run("read marks", || live.live_marks(&wanted)).await?;
        let late = wanted.into_iter().zip(newest).zip(marks).filter(|((_, record), live)| {
            live.marks.delivered_seq < record.seq && live.marks.own_read().0 < record.seq
        });
        let jobs = late.map(|(((_, user), record), _)| notification(user, record));
        let entries: Vec<Entry> = jobs.map(|job| self.entry(&job)).collect();
        if entries.is_empty() {
            return Ok(());
        }
        metrics::counter!("parlor_pusher_jobs_total").increment(entries.len() as u64);
        let append = || async { self.engines.log.append(entries.clone()).await?.await };
        feed.retry.run("write push jobs", append).await
    }

    fn entry(&self, job: &PushJob) -> Entry {
        Entry {
            topic: Topic::Push,
            partition: of_user(job.user_id, self.engines.log.partitions(Topic::Push)),
            key: Bytes::from(job.user_id.to_string()),
            value: Some(avro::encode_push(job)),
            headers: Vec::new(),
        }
    }
}

fn notification(user_id: UserId, record: &Record) -> PushJob {
    let (conversation_id, seq) = (record.conversation_id, record.seq);
    PushJob {
        job_id: PushJob::id(user_id, conversation_id, seq, PushAction::Notify),
        user_id,
        conversation_id,
        action: PushAction::Notify,
        seq,
        sender_id: record.sender_id,
        at: record.at,
    }
}

//! `chat.push.v1` → the provider. The provider here is the log of the process; a job that was read
//! meanwhile is cancelled.

use async_trait::async_trait;
use parlor_engines::{
    Engines,
    consume::{Feed, Role, Stop, letters},
};
use parlor_schemas::avro;

pub(crate) struct Sender {
    engines: Engines,
}

impl Sender {
    pub(crate) fn new(engines: Engines) -> Self {
        Self { engines }
    }
}

#[async_trait]
impl Role for Sender {
    async fn serve(&self, mut feed: Feed) -> Result<(), Stop> {
        feed.start(feed.stored.clone().unwrap_or_default().offset).await?;
        loop {
            let batch = feed.next().await?;
            let next = batch.last().map_or(0, |record| record.offset + 1);
            let jobs = letters::decode(&self.engines, &feed, &batch, avro::decode_push).await?;
            let keys: Vec<_> = jobs.iter().map(|(_, job)| (job.conversation_id, job.user_id)).collect();
            let live = &self.engines.live;
            let marks = feed.retry.run("read marks", || live.live_marks(&keys)).await?;
            for ((_, job), live) in jobs.iter().zip(marks) {
                let cancelled = live.marks.read_seq >= job.seq;
                let (user, conversation) = (job.user_id, job.conversation_id);
                tracing::debug!(%user, %conversation, seq = job.seq, cancelled, "push");
            }
            feed.done(next, "");
        }
    }
}

//! `chat.receipts.v1` → `chat.push.v1`: who reads a message takes its notification away.
//!
//! A mark is live before it is asked here whether there was a notification; the sender notes a
//! notification before it looks at the marks. So of the two at least one sees the other, and no
//! notification of something that was read stays.

use crate::{marks::marks, planner::entry};
use async_trait::async_trait;
use parlor_engines::{
    Engines,
    consume::{Feed, Role, Stop, letters},
    log::Entry,
};
use parlor_schemas::{
    ConversationId, Receipt, UserId, avro,
    push::{PushAction, PushJob},
};
use std::{collections::HashMap, time::Duration};

/// A mark that is not live yet is looked for again after this time.
const AGAIN: Duration = Duration::from_millis(50);

pub(crate) struct Cancels {
    engines: Engines,
}

impl Cancels {
    pub(crate) fn new(engines: Engines) -> Self {
        Self { engines }
    }
}

#[async_trait]
impl Role for Cancels {
    async fn serve(&self, mut feed: Feed) -> Result<(), Stop> {
        feed.start(feed.stored.clone().unwrap_or_default().offset).await?;
        loop {
            let batch = feed.next().await?;
            let next = batch.last().map_or(0, |record| record.offset + 1);
            let receipts = letters::decode(&self.engines, &feed, &batch, avro::decode_receipt).await?;
            let mut read: HashMap<(ConversationId, UserId), Receipt> = HashMap::new();
            for (_, receipt) in receipts.into_iter().filter(|(_, receipt)| receipt.read_seq > 0) {
                let newest = read.entry((receipt.conversation_id, receipt.user_id)).or_insert(receipt);
                if receipt.read_seq > newest.read_seq {
                    *newest = receipt;
                }
            }
            if !read.is_empty() {
                let (keys, read) = read.into_iter().unzip();
                self.cancel(&feed, keys, read).await?;
            }
            feed.done(next, "");
        }
    }
}

impl Cancels {
    async fn cancel(
        &self,
        feed: &Feed,
        keys: Vec<(ConversationId, UserId)>,
        read: Vec<Receipt>,
    ) -> Result<(), Stop> {
        self.are_known(feed, &keys, &read).await?;
        let of: Vec<_> = keys.iter().map(|(conversation, user)| (*user, *conversation)).collect();
        let store = &self.engines.store;
        let pushed = feed.retry.run("read pushed", || store.pushed(&of)).await?;
        let cancelled =
            read.iter().zip(pushed).filter(|(mark, pushed)| pushed.is_cancelled_by(mark.read_seq));
        let entries: Vec<Entry> =
            cancelled.map(|(mark, _)| entry(&self.engines, &cancellation(mark))).collect();
        if entries.is_empty() {
            return Ok(());
        }
        metrics::counter!("parlor_pusher_cancels_total").increment(entries.len() as u64);
        let append = || async { self.engines.log.append(entries.clone()).await?.await };
        feed.retry.run("write push jobs", append).await
    }

    /// Waits until the marks can be read by the sender.
    async fn are_known(
        &self,
        feed: &Feed,
        keys: &[(ConversationId, UserId)],
        read: &[Receipt],
    ) -> Result<(), Stop> {
        loop {
            let known = marks(&self.engines, feed, keys).await?;
            if known.iter().zip(read).all(|(known, mark)| known.read_seq >= mark.read_seq) {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                () = feed.retry.closing().cancelled() => return Err(Stop::Closing),
            }
        }
    }
}

fn cancellation(mark: &Receipt) -> PushJob {
    let (user_id, conversation_id, seq) = (mark.user_id, mark.conversation_id, mark.read_seq);
    PushJob {
        job_id: PushJob::id(user_id, conversation_id, seq, PushAction::Cancel),
        user_id,
        conversation_id,
        action: PushAction::Cancel,
        seq,
        sender_id: user_id,
        at: mark.at,
        mention: false,
    }
}

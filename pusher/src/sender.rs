//! `chat.push.v1` → the provider. Without one jobs are passed and nothing leaves.

use crate::{
    badge::badge,
    marks::marks,
    settings::PushSettings,
    webhook::{Push, Sent, Webhook},
};
use async_trait::async_trait;
use futures_util::future::join_all;
use parlor_engines::{
    Engines,
    consume::{Feed, Role, Stop, dead_letter, letters},
    log::{Entry, LogRecord},
    store::{PushToken, Pushed},
};
use parlor_schemas::{
    ConversationId, UserId, avro,
    push::{PushAction, PushJob},
};
use std::collections::{HashMap, hash_map};

pub(crate) struct Sender {
    engines: Engines,
    settings: PushSettings,
    webhook: Option<Webhook>,
}

impl Sender {
    pub(crate) fn new(engines: Engines, settings: PushSettings, webhook: Option<Webhook>) -> Self {
        Self { engines, settings, webhook }
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
            if let Some(webhook) = &self.webhook {
                self.send(&feed, webhook, collapsed(jobs)).await?;
            }
            feed.done(next, "");
        }
    }
}

/// A job with the record that it came in.
type Job<'a> = (&'a LogRecord, PushJob);

/// One job for each user and conversation: the newest message, unless a later mark cancels it.
fn collapsed(jobs: Vec<Job<'_>>) -> Vec<Job<'_>> {
    let mut newest: HashMap<(UserId, ConversationId), Job> = HashMap::new();
    for (record, job) in jobs {
        let key = (job.user_id, job.conversation_id);
        // Of a message and a mark at the same place the mark counts: it was read.
        let rank = |job: &PushJob| (job.seq, job.action == PushAction::Cancel);
        if newest.get(&key).is_none_or(|(_, known)| rank(known) <= rank(&job)) {
            newest.insert(key, (record, job));
        }
    }
    newest.into_values().collect()
}

impl Sender {
    async fn send(&self, feed: &Feed, webhook: &Webhook, mut jobs: Vec<Job<'_>>) -> Result<(), Stop> {
        let tokens = self.tokens(feed, &jobs).await?;
        jobs.retain(|(_, job)| tokens.contains_key(&job.user_id));
        self.note(feed, &jobs, PushAction::Notify).await?;
        let jobs = self.unread(feed, jobs).await?;
        let mut badges: HashMap<UserId, u64> = HashMap::new();
        for (_, job) in &jobs {
            if let hash_map::Entry::Vacant(entry) = badges.entry(job.user_id) {
                let max = self.settings.badge_conversations_max;
                entry.insert(badge(&self.engines, feed, job.user_id, max).await?);
            }
        }
        let sending = jobs.iter().flat_map(|(record, job)| {
            let badge = badges[&job.user_id];
            tokens[&job.user_id].iter().map(move |token| async move {
                let sent = webhook.send(&push(job, token, badge)).await;
                (*record, token, sent)
            })
        });
        let sent = tokio::select! {
            sent = join_all(sending) => sent,
            () = feed.retry.closing().cancelled() => return Err(Stop::Closing),
        };
        self.settle(feed, sent).await?;
        self.note(feed, &jobs, PushAction::Cancel).await
    }

    /// The tokens of those who have any.
    async fn tokens(&self, feed: &Feed, jobs: &[Job<'_>]) -> Result<HashMap<UserId, Vec<PushToken>>, Stop> {
        let mut users: Vec<UserId> = jobs.iter().map(|(_, job)| job.user_id).collect();
        users.sort_unstable();
        users.dedup();
        let store = &self.engines.store;
        let tokens = feed.retry.run("read push tokens", || store.tokens(&users)).await?;
        Ok(users.into_iter().zip(tokens).filter(|(_, tokens)| !tokens.is_empty()).collect())
    }

    /// Keeps how far users were notified (before they are), or that it was taken away (after it was).
    async fn note(&self, feed: &Feed, jobs: &[Job<'_>], action: PushAction) -> Result<(), Stop> {
        let pushed = |seq| match action {
            PushAction::Notify => Pushed { notified_seq: seq, ..Pushed::default() },
            PushAction::Cancel => Pushed { cancelled_seq: seq, ..Pushed::default() },
        };
        let of: Vec<_> = jobs
            .iter()
            .filter(|(_, job)| job.action == action)
            .map(|(_, job)| (job.user_id, job.conversation_id, pushed(job.seq)))
            .collect();
        if of.is_empty() {
            return Ok(());
        }
        let store = &self.engines.store;
        feed.retry.run("write pushed", || store.raise_pushed(of.clone())).await
    }

    /// Without notifications of what was read meanwhile.
    async fn unread<'a>(&self, feed: &Feed, jobs: Vec<Job<'a>>) -> Result<Vec<Job<'a>>, Stop> {
        let keys: Vec<_> = jobs.iter().map(|(_, job)| (job.conversation_id, job.user_id)).collect();
        let marks = marks(&self.engines, feed, &keys).await?;
        let is_wanted = |job: &PushJob, read: u64| job.action == PushAction::Cancel || read < job.seq;
        let jobs = jobs.into_iter().zip(marks);
        Ok(jobs.filter(|((_, job), marks)| is_wanted(job, marks.own_read().0)).map(|(job, _)| job).collect())
    }

    /// Drops dead tokens; what was refused goes to the dead letters.
    async fn settle(&self, feed: &Feed, sent: Vec<(&LogRecord, &PushToken, Sent)>) -> Result<(), Stop> {
        let mut dead: Vec<Entry> = Vec::new();
        for (record, token, sent) in sent {
            let outcome = match sent {
                Sent::Taken => "taken",
                Sent::Dead => {
                    let store = &self.engines.store;
                    feed.retry.run("drop a push token", || store.drop_token(token)).await?;
                    "dead"
                }
                Sent::Refused(reason) => {
                    dead.push(dead_letter(feed.group, record, &reason));
                    "refused"
                }
            };
            metrics::counter!("parlor_pushes_total", "outcome" => outcome).increment(1);
        }
        if dead.is_empty() {
            return Ok(());
        }
        tracing::warn!(count = dead.len(), "pushes were not taken and went to the dead letters");
        let append = || async { self.engines.log.append(dead.clone()).await?.await };
        feed.retry.run("write dead letters", append).await
    }
}

fn push<'a>(job: &PushJob, token: &'a PushToken, badge: u64) -> Push<'a> {
    Push {
        push_id: Push::id(job, token.device_id),
        action: job.action,
        user_id: job.user_id,
        device_id: token.device_id,
        platform: &token.platform,
        token: &token.token,
        conversation_id: job.conversation_id,
        collapse_key: job.conversation_id,
        seq: job.seq,
        sender_id: job.sender_id,
        mention: job.mention,
        badge,
        at: job.at,
    }
}

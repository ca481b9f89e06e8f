//! `chat.receipts.v1` → live marks → `receipt` frames.

mod hearers;

use crate::{
    Settings,
    links::{Items, Links},
};
use async_trait::async_trait;
use hearers::Hearers;
use parlor_engines::{
    Engines, Privacies,
    consume::{Feed, Role, Stop, letters},
    live::Route,
    table::{Table, Tables},
};
use parlor_schemas::{
    ConversationId, Privacy, Receipt, UserId, avro, receipt::Marks, rows::MembersRow, topics::Group,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

pub(crate) struct Receipts {
    engines: Engines,
    settings: Settings,
    tables: Arc<Tables>,
    links: Links,
    privacies: Privacies,
}

impl Receipts {
    pub(crate) fn new(engines: Engines, settings: Settings, tables: Arc<Tables>, links: Links) -> Self {
        let limits = &settings.limits;
        let believed = Duration::from_millis(limits.privacy_cache_ms);
        let privacies = Privacies::new(engines.store.clone(), believed, limits.privacy_cache_max);
        Self { engines, settings, tables, links, privacies }
    }
}

#[async_trait]
impl Role for Receipts {
    async fn serve(&self, mut feed: Feed) -> Result<(), Stop> {
        let table = self.tables.open(feed.partition, &feed.retry).await?;
        feed.start(self.beginning(&feed).await?).await?;
        loop {
            let batch = feed.next().await?;
            let next = batch.last().map_or(0, |record| record.offset + 1);
            let receipts = letters::decode(&self.engines, &feed, &batch, avro::decode_receipt).await?;
            let receipts: Vec<Receipt> = receipts.into_iter().map(|(_, receipt)| receipt).collect();
            self.take(&feed, &table, &receipts).await?;
            feed.done(next, "");
        }
    }
}

/// Who hears of a mark besides its owner: nobody in large conversations, and nobody whom the owner
/// does not reach (PROTOCOL §1: the marks of the blocked are not told).
fn others(row: Option<&Arc<MembersRow>>, owner: UserId, members_max: usize) -> Vec<UserId> {
    let Some(row) = row.filter(|row| row.all_present().count() <= members_max) else { return Vec::new() };
    if row.is_blocked(owner) {
        return Vec::new();
    }
    row.all_present().map(|member| member.user_id).filter(|user| *user != owner).collect()
}

impl Receipts {
    /// What the store may not have yet is raised again: after a live loss marks never fall back.
    async fn beginning(&self, feed: &Feed) -> Result<u64, Stop> {
        let log = &self.engines.log;
        let stored = feed.retry.run("read offsets", || log.stored(Group::PersisterReceipts)).await?;
        let written = stored.get(feed.partition as usize).cloned().flatten().unwrap_or_default();
        Ok(feed.stored.clone().unwrap_or_default().offset.min(written.offset))
    }

    /// Raises the marks, then tells those that moved.
    async fn take(&self, feed: &Feed, table: &Table, receipts: &[Receipt]) -> Result<(), Stop> {
        let max = self.settings.limits.receipt_members_max;
        let hearing: Vec<Vec<UserId>> = receipts
            .iter()
            .map(|receipt| others(table.get(receipt.conversation_id).as_ref(), receipt.user_id, max))
            .collect();
        let mut users: HashSet<UserId> = receipts.iter().map(|receipt| receipt.user_id).collect();
        users.extend(hearing.iter().flatten());
        let users: Vec<UserId> = users.into_iter().collect();
        let privacies = feed.retry.run("read privacy", || self.privacies.of(&users)).await?;
        let privacies: HashMap<UserId, Privacy> = users.iter().copied().zip(privacies).collect();
        let (whole, mut before) = self.whole(feed, receipts).await?;
        let live = &self.engines.live;
        let moved = feed.retry.run("raise marks", || live.raise_live(&whole)).await?;
        if moved.is_empty() {
            return Ok(());
        }
        let routes = feed.retry.run("read routes", || live.routes(&users)).await?;
        let routes: HashMap<UserId, Vec<Route>> = users.into_iter().zip(routes).collect();
        let mut items: Items = Vec::new();
        for (at, marks) in moved {
            let receipt = &receipts[at];
            let was = before.insert(key(receipt), marks.delivered_seq).unwrap_or(0);
            let mut hearers = Hearers::new(receipt, &routes);
            hearers.add(receipt.user_id, true);
            for other in &hearing[at] {
                hearers.add(*other, tells_reads(&privacies, receipt.user_id, *other));
            }
            items.extend(hearers.items(&marks, marks.delivered_seq > was));
        }
        self.links.publish(items, &feed.retry).await
    }

    /// The receipts as they are to be raised, and the delivered marks as they stood. With a mark that the
    /// live engine does not know (it has forgotten it, or it is new) goes what the store has, so that
    /// what is told never falls back.
    async fn whole(
        &self,
        feed: &Feed,
        receipts: &[Receipt],
    ) -> Result<(Vec<Receipt>, HashMap<Key, u64>), Stop> {
        let keys: HashSet<Key> = receipts.iter().map(key).collect();
        let keys: Vec<Key> = keys.into_iter().collect();
        let Engines { live, store, .. } = &self.engines;
        let known = feed.retry.run("read marks", || live.live_marks(&keys)).await?;
        let known: Vec<_> = keys.into_iter().zip(known).map(|(key, live)| (key, live.marks)).collect();
        let is_new = |(_, marks): &&(Key, Marks)| (marks.delivered_seq, marks.read_seq) == (0, 0);
        let new: Vec<Key> = known.iter().filter(is_new).map(|(key, _)| *key).collect();
        let mut before = known.into_iter().map(|(key, marks)| (key, marks.delivered_seq)).collect();
        if new.is_empty() {
            return Ok((receipts.to_vec(), before));
        }
        let stored = feed.retry.run("read marks", || store.stored_marks(&new)).await?;
        let stored: HashMap<Key, Marks> = new.into_iter().zip(stored).collect();
        let mut whole = receipts.to_vec();
        for receipt in &mut whole {
            if let Some(stored) = stored.get(&key(receipt)) {
                merge(receipt, stored, &mut before);
            }
        }
        Ok((whole, before))
    }
}

type Key = (ConversationId, UserId);

fn key(receipt: &Receipt) -> Key {
    (receipt.conversation_id, receipt.user_id)
}

/// Raises a receipt to what the store has, which may be this very receipt: the persister is no slower.
fn merge(receipt: &mut Receipt, stored: &Marks, before: &mut HashMap<Key, u64>) {
    let own = receipt.delivered_seq;
    let stood = if own > 0 { stored.delivered_seq.min(own - 1) } else { stored.delivered_seq };
    let known = before.entry(key(receipt)).or_default();
    *known = (*known).max(stood);
    receipt.delivered_seq = own.max(stored.delivered_seq);
    receipt.read_seq = receipt.read_seq.max(stored.read_seq);
    receipt.read_ord = receipt.read_ord.max(stored.read_ord);
}

fn tells_reads(privacies: &HashMap<UserId, Privacy>, owner: UserId, other: UserId) -> bool {
    match (privacies.get(&owner), privacies.get(&other)) {
        (Some(owner), Some(other)) => owner.tells_reads_to(*other),
        _ => false,
    }
}

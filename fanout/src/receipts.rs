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
    live::{LiveError, Route},
    log::{LogRecord, StoredOffset},
    table::{Table, Tables},
};
use parlor_schemas::{
    ConversationId, Privacy, Receipt, Topic, UserId, avro,
    receipt::Marks,
    rows::MembersRow,
    topics::{Group, Offset},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, MissedTickBehavior};

/// How often the live epoch is checked.
const CHECK_EVERY: Duration = Duration::from_secs(1);

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

/// One partition between two live losses.
struct Beginning {
    live_epoch: String,
    from: Offset,
    /// The live engine was lost.
    lost: Option<Lost>,
}

/// What a live loss asks for: first everything that the store may lack is raised again in silence, up to
/// the end as it was then, since a mark must not be told smaller than it was; then the marks are whole,
/// and what nobody may have been told is told as it stands now.
#[derive(Clone, Copy)]
struct Lost {
    untold_from: Offset,
    end: Offset,
}

#[async_trait]
impl Role for Receipts {
    async fn serve(&self, mut feed: Feed) -> Result<(), Stop> {
        let table = self.tables.open(feed.partition, &feed.retry).await?;
        loop {
            let beginning = self.begin(&feed).await?;
            feed.start(beginning.from).await?;
            if self.rebuild(&mut feed, &beginning).await? {
                self.run(&mut feed, &table, &beginning).await?;
            }
            // The live engine was lost: what is stored was stored for another epoch.
            feed.stored = feed.stored.take().map(|stored| StoredOffset { metadata: String::new(), ..stored });
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
    /// At the stored offset if the live epoch kept with it is still the present one.
    async fn begin(&self, feed: &Feed) -> Result<Beginning, Stop> {
        let (Engines { log, live, .. }, retry) = (&self.engines, &feed.retry);
        loop {
            let live_epoch = retry.run("read the live epoch", || live.epoch()).await?;
            let stored = feed.stored.clone().unwrap_or_default();
            if stored.metadata == live_epoch {
                return Ok(Beginning { live_epoch, from: stored.offset, lost: None });
            }
            let rebuilding = || live.set_marks_whole(feed.partition, false, &live_epoch);
            if !retry.run("announce the rebuild", rebuilding).await? {
                continue;
            }
            retry.health().set(retry.name(), false, "rebuilding the marks");
            let written = retry.run("read offsets", || log.stored(Group::PersisterReceipts)).await?;
            let written = written.get(feed.partition as usize).cloned().flatten().unwrap_or_default();
            let end = retry.run("read the end", || log.ends(Topic::Receipts, feed.partition)).await?.end;
            let lost = Some(Lost { untold_from: stored.offset, end });
            return Ok(Beginning { live_epoch, from: stored.offset.min(written.offset), lost });
        }
    }

    /// Raises again what the store may lack. `false`: the live engine was lost once more.
    async fn rebuild(&self, feed: &mut Feed, beginning: &Beginning) -> Result<bool, Stop> {
        let (Some(lost), epoch) = (beginning.lost, &beginning.live_epoch) else { return Ok(true) };
        let mut next = beginning.from;
        while next < lost.end {
            let batch = feed.next().await?;
            next = batch.last().map_or(next, |record| record.offset + 1);
            // What can't be decoded has its dead letter already, or gets it when it is read again to be told.
            let decode = |record: &LogRecord| avro::decode_receipt(record.value.as_deref()?).ok();
            // What came after the end as it was then is raised when it is told: what does not move is not.
            let before = |record: &&LogRecord| record.offset < lost.end;
            let receipts = batch.iter().filter(before).filter_map(decode).collect();
            if !self.again(feed, receipts, epoch).await? {
                return Ok(false);
            }
        }
        let live = &self.engines.live;
        let say = || live.set_marks_whole(feed.partition, true, epoch);
        let is_whole = feed.retry.run("say that the marks are whole", say).await?;
        feed.retry.health().set(feed.retry.name(), true, "running");
        feed.start(lost.untold_from).await?;
        Ok(is_whole)
    }

    /// Returns when the live engine was lost.
    async fn run(&self, feed: &mut Feed, table: &Table, beginning: &Beginning) -> Result<(), Stop> {
        let epoch = &beginning.live_epoch;
        let untold_to = beginning.lost.map_or(0, |lost| lost.end);
        let mut check = tokio::time::interval_at(Instant::now() + CHECK_EVERY, CHECK_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                batch = feed.next() => {
                    let batch = batch?;
                    let next = batch.last().map_or(0, |record| record.offset + 1);
                    let receipts = letters::decode(&self.engines, feed, &batch, avro::decode_receipt).await?;
                    let (again, new): (Vec<_>, Vec<_>) =
                        receipts.into_iter().partition(|(record, _)| record.offset < untold_to);
                    for (receipts, is_again) in [(again, true), (new, false)] {
                        let receipts: Vec<Receipt> = receipts.into_iter().map(|(_, receipt)| receipt).collect();
                        if !self.take(feed, table, (&receipts, is_again), epoch).await? {
                            return Ok(());
                        }
                    }
                    // Until all is told nobody may take this offset for that of told ones.
                    let metadata = if next < untold_to { "" } else { epoch };
                    feed.done(next, metadata);
                    feed.stored = Some(StoredOffset { offset: next, metadata: metadata.to_owned() });
                }
                _ = check.tick() => {
                    let live = &self.engines.live;
                    if feed.retry.run("read the live epoch", || live.epoch()).await? != *epoch {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Raises marks without a word. `false`: the live engine was lost.
    async fn again(&self, feed: &Feed, mut receipts: Vec<Receipt>, epoch: &str) -> Result<bool, Stop> {
        let keys: HashSet<Key> = receipts.iter().map(key).collect();
        let stored = self.stored(feed, keys.into_iter().collect()).await?;
        for receipt in &mut receipts {
            merge(receipt, &stored[&key(receipt)], &mut HashMap::new());
        }
        let live = &self.engines.live;
        let raise = || live.raise_live(feed.partition, &receipts, epoch);
        Ok(feed.retry.run("raise marks", raise).await?.is_some())
    }

    /// What the store has.
    async fn stored(&self, feed: &Feed, keys: Vec<Key>) -> Result<HashMap<Key, Marks>, Stop> {
        let store = &self.engines.store;
        let stored = feed.retry.run("read marks", || store.stored_marks(&keys)).await?;
        Ok(keys.into_iter().zip(stored).collect())
    }

    /// Raises the marks, then tells those that moved; all of them, if they were raised before in silence.
    /// `false`: the live engine was lost.
    async fn take(
        &self,
        feed: &Feed,
        table: &Table,
        (receipts, is_again): (&[Receipt], bool),
        epoch: &str,
    ) -> Result<bool, Stop> {
        if receipts.is_empty() {
            return Ok(true);
        }
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
        let Some((whole, mut before)) = self.whole(feed, receipts, epoch).await? else { return Ok(false) };
        let live = &self.engines.live;
        let raise = || live.raise_live(feed.partition, &whole, epoch);
        let Some(mut moved) = feed.retry.run("raise marks", raise).await? else { return Ok(false) };
        if is_again {
            let Some(marks) = self.as_they_stand(feed, receipts, epoch).await? else { return Ok(false) };
            moved = marks;
            before.clear();
        }
        if moved.is_empty() {
            return Ok(true);
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
        self.links.publish(items, &feed.retry).await?;
        Ok(true)
    }

    /// Live marks. `None`: the live engine was lost, and it is for us to raise them again.
    async fn marks(&self, feed: &Feed, of: &[Key], epoch: &str) -> Result<Option<Vec<Marks>>, Stop> {
        let live = &self.engines.live;
        let read = async || match live.live_marks(of).await {
            Err(LiveError::Rebuilding) if live.epoch().await? != epoch => Ok(None),
            read => read.map(|all| Some(all.into_iter().map(|live| live.marks).collect())),
        };
        feed.retry.run("read marks", read).await
    }

    /// The marks of those who are concerned, once each.
    async fn as_they_stand(
        &self,
        feed: &Feed,
        receipts: &[Receipt],
        epoch: &str,
    ) -> Result<Option<Vec<(usize, Marks)>>, Stop> {
        let last: HashMap<Key, usize> = receipts.iter().map(key).zip(0..).collect();
        let (keys, places): (Vec<Key>, Vec<usize>) = last.into_iter().unzip();
        let marks = self.marks(feed, &keys, epoch).await?;
        Ok(marks.map(|marks| places.into_iter().zip(marks).collect()))
    }

    /// The receipts as they are to be raised, and the delivered marks as they stood. With a mark that the
    /// live engine does not know (it has forgotten it, or it is new) goes what the store has, so that
    /// what is told never falls back.
    async fn whole(
        &self,
        feed: &Feed,
        receipts: &[Receipt],
        epoch: &str,
    ) -> Result<Option<(Vec<Receipt>, HashMap<Key, u64>)>, Stop> {
        let keys: HashSet<Key> = receipts.iter().map(key).collect();
        let keys: Vec<Key> = keys.into_iter().collect();
        let Some(known) = self.marks(feed, &keys, epoch).await? else { return Ok(None) };
        let known: Vec<_> = keys.into_iter().zip(known).collect();
        let is_new = |(_, marks): &&(Key, Marks)| (marks.delivered_seq, marks.read_seq) == (0, 0);
        let new: Vec<Key> = known.iter().filter(is_new).map(|(key, _)| *key).collect();
        let mut before = known.into_iter().map(|(key, marks)| (key, marks.delivered_seq)).collect();
        if new.is_empty() {
            return Ok(Some((receipts.to_vec(), before)));
        }
        let stored = self.stored(feed, new).await?;
        let mut whole = receipts.to_vec();
        for receipt in &mut whole {
            if let Some(stored) = stored.get(&key(receipt)) {
                merge(receipt, stored, &mut before);
            }
        }
        Ok(Some((whole, before)))
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

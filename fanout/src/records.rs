//! `chat.messages.v1` → tails → routes → links, batch by batch.

use crate::{
    Settings,
    deliver::Delivery,
    links::Links,
    rebuild::{Beginning, begin},
    typing::Held,
};
use async_trait::async_trait;
use parlor_engines::{
    Engines,
    consume::{Feed, Role, Stop, letters},
    crash::{self, Point},
    live::TailWrite,
    log::LogRecord,
    sabotage::{self, Sabotage},
    table::{Table, Tables},
};
use parlor_schemas::{Record, RecordText, avro, link::Item, membership::MembershipChange, topics::Offset};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, MissedTickBehavior};

/// How often the live epoch is checked and the tails learn how far the persister is.
const CHECK_EVERY: Duration = Duration::from_secs(1);

pub(crate) struct Records {
    engines: Engines,
    settings: Settings,
    tables: Arc<Tables>,
    links: Links,
    held: Held,
}

impl Records {
    pub(crate) fn new(
        engines: Engines,
        settings: Settings,
        tables: Arc<Tables>,
        (links, held): (Links, Held),
    ) -> Self {
        Self { engines, settings, tables, links, held }
    }
}

/// One partition between two live losses.
struct Partition<'a> {
    role: &'a Records,
    table: Arc<Table>,
    beginning: Beginning,
    written_to: Offset,
}

#[async_trait]
impl Role for Records {
    async fn serve(&self, mut feed: Feed) -> Result<(), Stop> {
        let table = self.tables.open(feed.partition, &feed.retry).await?;
        let _hold = self.held.hold(feed.partition, table.clone());
        loop {
            let beginning = begin(&self.engines, &feed).await?;
            feed.start(beginning.from).await?;
            self.links.announce(Item::Took(vec![feed.partition]), &feed.retry).await?;
            let written_to = beginning.from;
            let mut partition = Partition { role: self, table: table.clone(), beginning, written_to };
            partition.run(&mut feed).await?;
            // The live engine was lost: what is stored was stored for another epoch.
            feed.stored = feed
                .stored
                .take()
                .map(|stored| parlor_engines::log::StoredOffset { metadata: String::new(), ..stored });
        }
    }
}

impl Partition<'_> {
    /// Returns when the live engine was lost.
    async fn run(&mut self, feed: &mut Feed) -> Result<(), Stop> {
        let mut check = tokio::time::interval_at(Instant::now() + CHECK_EVERY, CHECK_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if !self.whole(feed, self.beginning.from).await? {
            return Ok(());
        }
        loop {
            tokio::select! {
                batch = feed.next() => {
                    let batch = batch?;
                    let next = batch.last().map_or(0, |record| record.offset + 1);
                    if !self.fan_out(feed, &batch).await? || !self.whole(feed, next).await? {
                        return Ok(());
                    }
                    // Until the tails are whole nobody may take this offset for that of whole ones.
                    let is_whole = self.beginning.whole_at.is_none();
                    let metadata = if is_whole { self.beginning.live_epoch.clone() } else { String::new() };
                    feed.done(next, &metadata);
                    feed.stored = Some(parlor_engines::log::StoredOffset { offset: next, metadata });
                }
                _ = check.tick() => {
                    if !self.check(feed).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Whether the live engine is still the same; tells the tails what may be trimmed.
    async fn check(&mut self, feed: &Feed) -> Result<bool, Stop> {
        if sabotage::is(Sabotage::NoLiveCheck) {
            return Ok(true);
        }
        let engines = &self.role.engines;
        let epoch = feed.retry.run("read the live epoch", || engines.live.epoch()).await?;
        if epoch != self.beginning.live_epoch {
            return Ok(false);
        }
        // While the store is down the last known value stands: nothing unwritten is trimmed.
        if let Ok(written_to) = engines.store.written_to(feed.partition).await {
            self.written_to = self.written_to.max(written_to);
        }
        if self.beginning.whole_at.is_some() {
            return Ok(true);
        }
        self.say_whole(feed).await
    }

    /// `false`: the live engine was lost meanwhile.
    async fn say_whole(&self, feed: &Feed) -> Result<bool, Stop> {
        let (live, written_to, epoch) =
            (&self.role.engines.live, self.written_to, &self.beginning.live_epoch);
        let say = || live.set_whole(feed.partition, true, written_to, epoch);
        feed.retry.run("say that the tails are whole", say).await
    }

    /// After a loss: once everything that was there at the start is done again, reads may go on.
    /// `false`: the live engine was lost once more.
    async fn whole(&mut self, feed: &Feed, next: Offset) -> Result<bool, Stop> {
        if self.beginning.whole_at.is_none_or(|end| next < end) {
            return Ok(true);
        }
        if !self.say_whole(feed).await? {
            return Ok(false);
        }
        self.role.links.announce(Item::TailsRebuilt(vec![feed.partition]), &feed.retry).await?;
        feed.retry.health().set(feed.retry.name(), true, "running");
        self.beginning.whole_at = None;
        self.beginning.deleted.clear();
        Ok(true)
    }

    /// `false`: the live engine was lost meanwhile.
    async fn fan_out(&self, feed: &Feed, batch: &[LogRecord]) -> Result<bool, Stop> {
        let engines = &self.role.engines;
        let records = letters::decode(engines, feed, batch, avro::decode_record).await?;
        let mut delivery = Delivery::new(&self.role.settings.epoch);
        let mut writes = Vec::with_capacity(records.len());
        for (log_record, record) in &records {
            let row = self.table.at_least(record.conversation_id, record.members_seq, &feed.retry).await?;
            let text = self.text_of(record);
            let concerned = MembershipChange::of(record).into_iter();
            let memberships =
                concerned.filter_map(|change| row.standing(change.user_id(), record.seq)).collect();
            delivery.add(record, &text, row);
            let (conversation_id, offset) = (record.conversation_id, log_record.offset);
            writes.push(TailWrite { conversation_id, offset, text, memberships });
        }
        let live = &engines.live;
        let users = delivery.users();
        let read_routes = || feed.retry.run("read routes", || live.routes(&users));
        let mut early = None;
        if sabotage::is(Sabotage::RoutesBeforeTail) {
            early = Some(read_routes().await?);
            // Wide enough that a few runs meet it.
            tokio::time::sleep(CHECK_EVERY).await;
        }
        let epoch = &self.beginning.live_epoch;
        let write = || live.write_tails(feed.partition, writes.clone(), epoch);
        if !feed.retry.run("write tails", write).await? {
            return Ok(false);
        }
        crash::pass(Point::FanoutTailed);
        let routes = if let Some(early) = early { early } else { read_routes().await? };
        self.role.links.publish(delivery.items(&users, routes), &feed.retry).await?;
        crash::pass(Point::FanoutPublished);
        metrics::counter!("parlor_fanout_records_total").increment(records.len() as u64);
        Ok(true)
    }

    /// The record's text, without the body if it is known to be deleted.
    fn text_of(&self, record: &Record) -> RecordText {
        let text = RecordText::of(record);
        let deleted = &self.beginning.deleted;
        let gone = |seq| deleted.contains(&(record.conversation_id, seq));
        if text.is_expired(self.role.engines.clock.now()) {
            return text.redact();
        }
        if gone(record.seq)
            || (record.body.target().is_some_and(gone) && text.kind == parlor_schemas::record::Kind::Edit)
        {
            text.redact()
        } else {
            text
        }
    }
}

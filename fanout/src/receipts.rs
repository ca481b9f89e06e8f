//! `chat.receipts.v1` → live marks → `receipt` frames.

use crate::{
    Settings,
    links::{Items, Links},
};
use async_trait::async_trait;
use bytes::Bytes;
use parlor_engines::{
    Engines,
    consume::{Feed, Role, Stop, letters},
    live::Route,
    table::{Table, Tables},
};
use parlor_schemas::{
    GatewayId, Receipt, UserId, avro, frames::ServerFrame, link::Item, receipt::Marks, rows::MembersRow,
    topics::Group,
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

pub(crate) struct Receipts {
    engines: Engines,
    settings: Settings,
    tables: Arc<Tables>,
    links: Links,
}

impl Receipts {
    pub(crate) fn new(engines: Engines, settings: Settings, tables: Arc<Tables>, links: Links) -> Self {
        Self { engines, settings, tables, links }
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
            let live = &self.engines.live;
            let moved = feed.retry.run("raise marks", || live.raise_live(&receipts)).await?;
            let told: Vec<(Receipt, Marks, Option<Arc<MembersRow>>)> = moved
                .into_iter()
                .map(|(at, marks)| (receipts[at], marks, self.others(&table, &receipts[at])))
                .collect();
            self.tell(&feed, &told).await?;
            feed.done(next, "");
        }
    }
}

impl Receipts {
    /// What the store may not have yet is raised again: after a live loss marks never fall back.
    async fn beginning(&self, feed: &Feed) -> Result<u64, Stop> {
        let log = &self.engines.log;
        let stored = feed.retry.run("read offsets", || log.stored(Group::PersisterReceipts)).await?;
        let written = stored.get(feed.partition as usize).cloned().flatten().unwrap_or_default();
        Ok(feed.stored.clone().unwrap_or_default().offset.min(written.offset))
    }

    /// Whose members hear of a mark besides its user: those of conversations of few, unless the
    /// other side blocks the user (PROTOCOL §1).
    fn others(&self, table: &Table, receipt: &Receipt) -> Option<Arc<MembersRow>> {
        let max = self.settings.limits.receipt_members_max;
        let row = table.get(receipt.conversation_id)?;
        (row.all_present().count() <= max && !row.is_blocked(receipt.user_id)).then_some(row)
    }

    /// Own other devices always, and the others who are to hear of it.
    async fn tell(
        &self,
        feed: &Feed,
        told: &[(Receipt, Marks, Option<Arc<MembersRow>>)],
    ) -> Result<(), Stop> {
        let mut users: HashSet<UserId> = HashSet::new();
        for (receipt, _, row) in told {
            users.insert(receipt.user_id);
            if let Some(row) = row {
                users.extend(row.all_present().map(|member| member.user_id));
            }
        }
        let users: Vec<_> = users.into_iter().collect();
        let live = &self.engines.live;
        let routes = feed.retry.run("read routes", || live.routes(&users)).await?;
        let routes: HashMap<UserId, Vec<Route>> = users.into_iter().zip(routes).collect();
        let mut items: Items = Vec::new();
        for (receipt, marks, row) in told {
            let mut connections: BTreeMap<GatewayId, Vec<u64>> = BTreeMap::new();
            let mut add = |user: UserId| {
                let routes = routes.get(&user).into_iter().flatten();
                for route in routes.filter(|route| route.device_id != receipt.device_id) {
                    connections.entry(route.gateway_id).or_default().push(route.connection);
                }
            };
            add(receipt.user_id);
            if let Some(row) = row {
                row.all_present().filter(|m| m.user_id != receipt.user_id).for_each(|m| add(m.user_id));
            }
            let text = frame(receipt, marks);
            items.extend(
                connections
                    .into_iter()
                    .map(|(gateway, connections)| (gateway, Item::Frame { connections, text: text.clone() })),
            );
        }
        self.links.publish(items, &feed.retry).await
    }
}

fn frame(receipt: &Receipt, marks: &Marks) -> Bytes {
    let frame = ServerFrame::Receipt {
        conversation_id: receipt.conversation_id,
        user_id: receipt.user_id,
        delivered_seq: marks.delivered_seq,
        read_seq: marks.read_seq,
        at: receipt.at,
    };
    frame.text().into()
}

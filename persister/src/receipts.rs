//! `chat.receipts.v1` → marks.

use async_trait::async_trait;
use parlor_engines::{
    Engines,
    consume::{Feed, Role, Stop, letters},
};
use parlor_schemas::avro;

pub(crate) struct Receipts {
    engines: Engines,
}

impl Receipts {
    pub(crate) fn new(engines: Engines) -> Self {
        Self { engines }
    }
}

#[async_trait]
impl Role for Receipts {
    async fn serve(&self, mut feed: Feed) -> Result<(), Stop> {
        feed.start(feed.stored.clone().unwrap_or_default().offset).await?;
        loop {
            let records = feed.next().await?;
            let next = records.last().map_or(0, |record| record.offset + 1);
            let receipts = letters::decode(&self.engines, &feed, &records, avro::decode_receipt).await?;
            let receipts: Vec<_> = receipts.into_iter().map(|(_, receipt)| receipt).collect();
            let store = &self.engines.store;
            feed.retry.run("write marks", || store.raise(receipts.clone())).await?;
            feed.done(next, "");
        }
    }
}

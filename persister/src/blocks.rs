//! `chat.conversations.v1` → blocks: who blocks whom, as the members rows of direct conversations
//! say. A block makes no record, so that there is no other place to learn it from (DESIGN §3).

use async_trait::async_trait;
use parlor_engines::{
    Engines,
    consume::{Feed, Role, Stop, letters},
    log::LogRecord,
    store::Block,
};
use parlor_schemas::{Row, avro};

pub(crate) struct Blocks {
    engines: Engines,
}

impl Blocks {
    pub(crate) fn new(engines: Engines) -> Self {
        Self { engines }
    }
}

#[async_trait]
impl Role for Blocks {
    async fn serve(&self, mut feed: Feed) -> Result<(), Stop> {
        feed.start(feed.stored.clone().unwrap_or_default().offset).await?;
        loop {
            let batch = feed.next().await?;
            let next = batch.last().map_or(0, |record| record.offset + 1);
            // Position and head rows are most of the topic, and nothing is to be learnt from them.
            let members: Vec<LogRecord> = batch
                .into_iter()
                .filter(|record| record.key.ends_with(b"/members") && record.value.is_some())
                .collect();
            let rows = letters::decode(&self.engines, &feed, &members, avro::decode_row).await?;
            let blocks: Vec<Block> = rows.iter().flat_map(|(record, row)| blocks_of(record, row)).collect();
            if !blocks.is_empty() {
                let store = &self.engines.store;
                feed.retry.run("write blocks", || store.put_blocks(blocks.clone())).await?;
            }
            feed.done(next, "");
        }
    }
}

/// Both directions of a conversation in which there ever was a block.
fn blocks_of(record: &LogRecord, row: &Row) -> Vec<Block> {
    let Row::Members(row) = row else { return Vec::new() };
    let [a, b] = row.sides[..] else { return Vec::new() };
    let block = |by, user_id| Block { by, user_id, on: row.blocked_by.contains(&by), rank: record.offset };
    vec![block(a, b), block(b, a)]
}

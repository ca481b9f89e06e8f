//! Where a partition begins, and what is done again after a live loss (DESIGN §4).

use parlor_engines::{
    Engines,
    consume::{Feed, Stop},
    log::Read,
};
use parlor_schemas::{
    ConversationId, Topic,
    header::{self, Header},
    record::Kind,
    topics::Offset,
};
use std::collections::HashSet;

/// How a partition begins.
pub(crate) struct Beginning {
    /// The live engine's epoch.
    pub(crate) live_epoch: String,
    pub(crate) from: Offset,
    /// The live engine was lost: the tails are whole again at this offset. `None`: they are whole.
    pub(crate) whole_at: Option<Offset>,
    /// Targets of the deletes in what is done again: their bodies are not shown any more.
    pub(crate) deleted: HashSet<(ConversationId, u64)>,
}

/// At the stored offset if the live epoch kept with it is still the present one; else at
/// min(stored offset, the persister's `written_to`).
pub(crate) async fn begin(engines: &Engines, feed: &Feed) -> Result<Beginning, Stop> {
    loop {
        if let Some(beginning) = attempt(engines, feed).await? {
            return Ok(beginning);
        }
    }
}

/// `None`: the live engine was lost once more meanwhile.
async fn attempt(engines: &Engines, feed: &Feed) -> Result<Option<Beginning>, Stop> {
    let retry = &feed.retry;
    let live_epoch = retry.run("read the live epoch", || engines.live.epoch()).await?;
    let stored = feed.stored.clone().unwrap_or_default();
    if stored.metadata == live_epoch {
        let from = stored.offset;
        return Ok(Some(Beginning { live_epoch, from, whole_at: None, deleted: HashSet::new() }));
    }
    let partition = feed.partition;
    let written_to = retry.run("read written_to", || engines.store.written_to(partition)).await?;
    let rebuilding = || engines.live.set_whole(partition, false, written_to, &live_epoch);
    if !retry.run("announce the rebuild", rebuilding).await? {
        return Ok(None);
    }
    let from = written_to.min(stored.offset);
    retry.health().set(retry.name(), false, "rebuilding the tails");
    let (deleted, end) = retry.run("read the deletes", || deletes(engines, feed, from)).await?;
    Ok(Some(Beginning { live_epoch, from, whole_at: Some(end), deleted }))
}

async fn deletes(
    engines: &Engines,
    feed: &Feed,
    from: Offset,
) -> Result<(HashSet<(ConversationId, u64)>, Offset), parlor_engines::log::LogError> {
    let mut deleted = HashSet::new();
    let mut reader = engines.log.read(Topic::Messages, feed.partition, from).await?;
    loop {
        match reader.next().await? {
            Read::Records(records) => {
                let headers = records.iter().filter_map(|record| record.header(header::NAME));
                for header in headers.filter_map(|bytes| Header::decode(bytes)) {
                    if let (Kind::Delete, Some(target)) = (header.kind, header.target) {
                        deleted.insert((header.conversation_id, target));
                    }
                }
            }
            Read::End(end) => return Ok((deleted, end)),
        }
    }
}

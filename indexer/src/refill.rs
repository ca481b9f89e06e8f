//! An index made anew where the log does not have everything any more: the store has. Its history is
//! put in, conversation by conversation, as far as the persister has come; the log goes on from there.

use super::records::text_of;
use parlor_engines::{
    Engines,
    consume::{Feed, Stop},
    log::{LogError, Read},
    search::Change,
};
use parlor_schemas::{
    ConversationId, RecordText, Row, Topic, avro,
    frames::INTEGER_MAX,
    record::{Edit, Kind, Message},
    topics::{Offset, Partition},
};
use std::collections::BTreeSet;

/// Records read at once, and changes written at once.
const PAGE: usize = 1_000;

/// Puts a partition's history into the index; where the log goes on.
pub(crate) async fn from_store(engines: &Engines, feed: &Feed) -> Result<Offset, Stop> {
    let (retry, partition) = (&feed.retry, feed.partition);
    retry.health().set(retry.name(), true, "making the index anew from the store");
    // Read first: what is written later comes from the log.
    let written_to = retry.run("read written_to", || engines.store.written_to(partition)).await?;
    let ids = retry.run("list conversations", || conversations(engines, partition)).await?;
    // Not covered before all is in: a restart begins again.
    let write = async |changes: &mut Vec<Change>, next, has_more| {
        let changes = std::mem::take(changes);
        let write = || engines.index.write(partition, changes.clone(), next, has_more);
        retry.run("write the index", write).await
    };
    let mut changes: Vec<Change> = Vec::new();
    for id in ids {
        let mut after = 0;
        loop {
            let read = || engines.store.records(id, after, INTEGER_MAX, PAGE, false);
            let page = retry.run("read history", read).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            changes.extend(page.iter().filter_map(|record| change_of(id, record)));
            if changes.len() >= PAGE {
                write(&mut changes, 0, true).await?;
            }
        }
    }
    write(&mut changes, written_to, true).await?;
    retry.health().set(retry.name(), true, "running");
    Ok(written_to)
}

/// All conversations of a partition: each has a row that is kept for ever.
async fn conversations(
    engines: &Engines,
    partition: Partition,
) -> Result<BTreeSet<ConversationId>, LogError> {
    let mut ids = BTreeSet::new();
    let mut reader = engines.log.read(Topic::Conversations, partition, 0).await?;
    while let Read::Records(records) = reader.next().await? {
        for value in records.into_iter().filter_map(|record| record.value) {
            let row = avro::decode_row(&value).map_err(|error| LogError::Failed(error.to_string()))?;
            if let Row::Members(row) = row {
                ids.insert(row.conversation_id);
            }
        }
    }
    Ok(ids)
}

fn change_of(conversation_id: ConversationId, record: &RecordText) -> Option<Change> {
    let seq = record.seq;
    match record.kind {
        Kind::Message if !record.redacted => {
            let body: Message = serde_json::from_slice(record.body()).ok()?;
            let text = text_of(body.text.as_ref());
            Some(Change::Message { conversation_id, seq, at: record.at, ends: record.expires_at, text })
        }
        Kind::Edit if !record.redacted => {
            let body: Edit = serde_json::from_slice(record.body()).ok()?;
            let text = text_of(body.text.as_ref());
            Some(Change::Edit { conversation_id, seq: body.target, text_seq: seq, text })
        }
        Kind::Delete => Some(Change::Delete { conversation_id, seq: record.target? }),
        _ => None,
    }
}

//! What only an operator sees: the log's topic and the store, noted in the history before it is
//! checked. A run against a foreign deployment does without, and the report says so.

use crate::{book::Book, wire::Record};
use parlor_checker::history::{Event, Source};
use parlor_engines::{
    Engines,
    log::{LogError, Read},
    store::StoreError,
};
use parlor_schemas::{ConversationId, RecordText, Topic, avro, frames::INTEGER_MAX};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// Records of one read of the store.
const PAGE: usize = 500;
/// The store is asked this often whether it has everything.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A dump could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The log does not give its records.
    #[error("the log can't be read")]
    Log(#[from] LogError),
    /// The store does not give its records.
    #[error("the store can't be read")]
    Store(#[from] StoreError),
    /// What is there is no record.
    #[error("{0}")]
    Strange(String),
}

/// Notes all records of `chat.messages.v1` of these conversations, and that there are no others. The
/// seq that each of them has come to.
pub async fn dump_log(
    engines: &Engines,
    book: &Book,
    of: &[ConversationId],
) -> Result<BTreeMap<ConversationId, u64>, DumpError> {
    let mut heads: BTreeMap<ConversationId, u64> = of.iter().map(|id| (*id, 0)).collect();
    let by: Arc<str> = "log".into();
    let log = &engines.log;
    for partition in 0..log.partitions(Topic::Messages) {
        let first = log.ends(Topic::Messages, partition).await?.first;
        let mut reader = log.read(Topic::Messages, partition, first).await?;
        while let Read::Records(records) = reader.next().await? {
            for record in records {
                let Some(value) = &record.value else { continue };
                let decoded =
                    avro::decode_record(value).map_err(|why| DumpError::Strange(why.to_string()))?;
                let Some(head) = heads.get_mut(&decoded.conversation_id) else { continue };
                *head = (*head).max(decoded.seq);
                let text = RecordText::of(&decoded);
                let place = Some((partition, record.offset));
                note(book, &by, &text, Source::Log, place).await?;
            }
        }
    }
    book.note(&by, Event::End { source: Source::Log, conversation_id: None }).await;
    Ok(heads)
}

/// Notes all records of these conversations in the store, as soon as it has come to these heads or
/// `patience` is over: what then lacks is lost, for all that can be known.
pub async fn dump_store(
    engines: &Engines,
    book: &Book,
    heads: &BTreeMap<ConversationId, u64>,
    patience: Duration,
) -> Result<(), DumpError> {
    let (of, until): (Vec<ConversationId>, _) = (heads.keys().copied().collect(), Instant::now() + patience);
    while Instant::now() < until {
        let stored = engines.store.heads(&of).await?;
        let has = |(stored, head): (Option<parlor_engines::store::Head>, &u64)| {
            stored.map_or(0, |stored| stored.seq) >= *head
        };
        if stored.into_iter().zip(heads.values()).all(has) {
            break;
        }
        sleep(LOOK_EVERY).await;
    }
    let by: Arc<str> = "store".into();
    for id in of {
        let mut after = 0;
        loop {
            let page = engines.store.records(id, after, INTEGER_MAX, PAGE, false).await?;
            for text in &page {
                note(book, &by, text, Source::Store, None).await?;
                after = text.seq;
            }
            if page.is_empty() {
                break;
            }
        }
    }
    book.note(&by, Event::End { source: Source::Store, conversation_id: None }).await;
    Ok(())
}

async fn note(
    book: &Book,
    by: &Arc<str>,
    text: &RecordText,
    source: Source,
    place: Option<(u32, u64)>,
) -> Result<(), DumpError> {
    let record: Record =
        serde_json::from_slice(text.json()).map_err(|why| DumpError::Strange(why.to_string()))?;
    book.note(by, Event::Record(record.seen(source, None, place))).await;
    Ok(())
}

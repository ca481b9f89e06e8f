//! Decoding a batch; what can't be decoded goes to the dead letters, durably, before it is passed.

use super::{Feed, Stop, dead_letter};
use crate::{Engines, log::LogRecord};

/// The decoded values of a batch, in order, with their records.
pub async fn decode<'a, T, E: std::fmt::Display>(
    engines: &Engines,
    feed: &Feed,
    batch: &'a [LogRecord],
    decode: impl Fn(&[u8]) -> Result<T, E>,
) -> Result<Vec<(&'a LogRecord, T)>, Stop> {
    let mut values = Vec::with_capacity(batch.len());
    let mut dead = Vec::new();
    for record in batch {
        match decode(record.value.as_deref().unwrap_or_default()) {
            Ok(value) => values.push((record, value)),
            Err(error) => dead.push(dead_letter(feed.group, record, &error.to_string())),
        }
    }
    if !dead.is_empty() {
        tracing::error!(group = feed.group.name(), count = dead.len(), "records went to the dead letters");
        let append = || async { engines.log.append(dead.clone()).await?.await };
        feed.retry.run("write dead letters", append).await?;
        metrics::counter!("parlor_dead_letters_total", "group" => feed.group.name())
            .increment(dead.len() as u64);
    }
    Ok(values)
}

//! From rows and the end of the log back to the sequencer's state (DESIGN §3, "state and rebuild").

use crate::core::Core;
use parlor_engines::{
    Log,
    consume::{Retry, Stop, alarm},
    log::{LogError, LogRecord, Read},
    sabotage::{self, Sabotage},
};
use parlor_schemas::{
    Limits, Row, Topic, avro,
    header::{self, Header},
    rows::PositionRow,
    topics::{Offset, Partition},
};

/// Progress is reported after so many records.
const PROGRESS_EVERY: usize = 50_000;

/// Rebuilds the state of a partition. The caller has claimed it: nothing is written meanwhile.
pub async fn rebuild(
    log: &dyn Log,
    limits: &Limits,
    partition: Partition,
    retry: &Retry,
) -> Result<Core, Stop> {
    retry.health().set(retry.name(), false, "rebuilding");
    let core = retry.run("rebuild", || attempt(log, limits, partition, retry)).await?;
    let core = core.map_err(alarm)?;
    retry.health().set(retry.name(), true, "running");
    Ok(core)
}

/// The inner error is an alarm; the outer one may be mended by waiting.
async fn attempt(
    log: &dyn Log,
    limits: &Limits,
    partition: Partition,
    retry: &Retry,
) -> Result<Result<Core, String>, LogError> {
    // Before the rows: should another owner have claimed since, its first commit is no alarm for us.
    let new = is_new(log, partition).await?;
    let mut rows = Vec::new();
    let mut position: Option<PositionRow> = None;
    let mut bad = None;
    each(log, Topic::Conversations, partition, 0, |record| {
        match record.value.as_ref().map(|value| avro::decode_row(value)) {
            None => {}
            Some(Ok(Row::Position(row))) => position = Some(row),
            Some(Ok(row)) => rows.push(row),
            Some(Err(error)) => bad = Some(format!("a row can't be read: {error}")),
        }
        progress(retry, "rows", rows.len());
    })
    .await?;
    if let (None, Err(reason)) = (&position, new) {
        return Ok(Err(reason));
    }
    let kept_from = log.ends(Topic::Messages, partition).await?.first;
    let position = position.map(|position| forget_before(position, kept_from));
    let mut core = Core::new(partition, limits.clone(), position);
    for row in rows {
        core.load(row);
    }
    let mut from = core.fold_from();
    if sabotage::is(Sabotage::SeqFromRows) {
        from = log.ends(Topic::Messages, partition).await?.end;
    }
    let (mut folded, mut foreign) = (0, 0_usize);
    each(log, Topic::Messages, partition, from, |record| {
        let header = record.header(header::NAME).and_then(|bytes| Header::decode(bytes));
        match header.map(|header| core.fold(record.offset, &header)) {
            Some(Ok(())) => {}
            Some(Err(gap)) => bad = Some(gap.to_string()),
            // Somebody else wrote it: ours all have one. If it stood in the place of one of ours, the
            // next record of that conversation shows the gap.
            None => foreign += 1,
        }
        folded += 1;
        progress(retry, "records", folded);
    })
    .await?;
    if foreign > 0 {
        tracing::error!(partition, foreign, "records in the ordered topic that no sequencer wrote");
    }
    Ok(bad.map_or(Ok(core), Err))
}

/// Retention may have taken records that an idle partition still remembered. They are in the rows
/// (`covered`), so they are only forgotten, and the store's index decides about their ids. What is
/// not in the rows either stays an alarm: reading it is out of range.
fn forget_before(position: PositionRow, kept_from: Offset) -> PositionRow {
    if position.remembered >= kept_from || position.covered < kept_from {
        return position;
    }
    PositionRow {
        remembered: kept_from,
        forgotten: Some(kept_from - 1),
        forgotten_at: position.forgotten_at.max(position.log_time),
        ..position
    }
}

fn progress(retry: &Retry, what: &str, count: usize) {
    if count > 0 && count.is_multiple_of(PROGRESS_EVERY) {
        retry.health().set(retry.name(), false, format!("rebuilding: {count} {what}"));
    }
}

/// Reads a partition from an offset to its present end.
async fn each(
    log: &dyn Log,
    topic: Topic,
    partition: Partition,
    from: Offset,
    mut take: impl FnMut(&LogRecord),
) -> Result<(), LogError> {
    let mut reader = log.read(topic, partition, from).await?;
    loop {
        match reader.next().await? {
            Read::Records(records) => records.iter().for_each(&mut take),
            Read::End(_) => return Ok(()),
        }
    }
}

/// No position row means a new partition only if nothing was ever written.
async fn is_new(log: &dyn Log, partition: Partition) -> Result<Result<(), String>, LogError> {
    let commands = log.ends(Topic::Commands, partition).await?;
    let messages = log.ends(Topic::Messages, partition).await?;
    let rows = log.ends(Topic::Conversations, partition).await?;
    let empty = commands.first == 0 && messages.end == 0 && rows.end == 0;
    let reason = "no position row, but the log is not new: was a topic deleted or made anew?";
    Ok(if empty { Ok(()) } else { Err(reason.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_schemas::Timestamp;

    #[test]
    fn what_retention_took_is_forgotten_only_if_it_is_in_the_rows() {
        let position =
            PositionRow { covered: 50, remembered: 10, log_time: Timestamp(7), ..PositionRow::default() };
        let forgotten = forget_before(position, 30);
        assert_eq!((forgotten.remembered, forgotten.forgotten), (30, Some(29)));
        assert_eq!(forgotten.forgotten_at, Timestamp(7), "no id of before is taken for new");
        assert_eq!(forget_before(position, 10), position, "nothing was taken");
        assert_eq!(forget_before(position, 51), position, "records that no row covers: an alarm follows");
    }
}

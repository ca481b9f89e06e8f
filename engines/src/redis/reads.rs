//! What the scripts answer, as the port's types.

use super::{
    client::{bytes, text},
    unexpected,
};
use crate::live::{LiveError, LiveHead, LiveMarks, LiveMembership, TailRead, Version};
use parlor_schemas::{ConversationId, RecordText, Timestamp, receipt::Marks};
use redis::Value;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// The stored form of records and standings; another one needs another format of the keys.
pub(super) fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("records and standings can be encoded")
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, LiveError> {
    postcard::from_bytes(bytes)
        .map_err(|error| LiveError::Unavailable(format!("redis: a stored value: {error}")))
}

/// Numbers with spaces between them.
fn numbers<const N: usize>(value: &str) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut parts = value.split(' ');
    for number in &mut numbers {
        *number = parts.next()?.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// "seq ord at version", or nothing.
pub(super) fn head(value: &Value) -> Result<Option<LiveHead>, LiveError> {
    if *value == Value::Nil {
        return Ok(None);
    }
    let read = text(value).and_then(numbers).ok_or_else(|| unexpected("a head"))?;
    let [seq, ord, at, version] = read;
    Ok(Some(LiveHead { seq: seq as u64, ord: ord as u64, at: Timestamp(at), version: version as u64 }))
}

/// "delivered read read_ord own own_ord version"; zeroes where there are none.
pub(super) fn marks(value: &Value) -> Result<LiveMarks, LiveError> {
    if *value == Value::Nil {
        return Ok(LiveMarks::default());
    }
    let read = text(value).and_then(numbers).ok_or_else(|| unexpected("marks"))?;
    let [delivered_seq, read_seq, read_ord, own_seq, own_ord, version] =
        read.map(|number: i64| number as u64);
    Ok(LiveMarks { marks: Marks { delivered_seq, read_seq, read_ord, own_seq, own_ord }, version })
}

/// The head, the deletes, the records.
pub(super) fn tail(items: Vec<Value>) -> Result<TailRead, LiveError> {
    let mut items = items.into_iter();
    let head = head(&items.next().unwrap_or_default())?;
    let deletes = items.next().unwrap_or_default();
    let deletes = text(&deletes).ok_or_else(|| unexpected("deletes"))?;
    let target = |delete: &str| delete.split_once(':')?.1.parse().ok();
    let deleted = deletes.split_terminator(',').map(target).collect::<Option<_>>();
    Ok(TailRead {
        records: items.map(|item| record(&item)).collect::<Result<_, _>>()?,
        deleted: deleted.ok_or_else(|| unexpected("deletes"))?,
        head,
    })
}

/// "offset at kind target length\n", the redacted record of that length, the whole one if it is
/// still to be seen.
fn record(value: &Value) -> Result<RecordText, LiveError> {
    let split = || {
        let value = bytes(value)?;
        let line = value.iter().position(|byte| *byte == b'\n')?;
        let length = std::str::from_utf8(&value[..line]).ok()?.rsplit(' ').next()?.parse().ok()?;
        value[line + 1..].split_at_checked(length)
    };
    match split().ok_or_else(|| unexpected("a record"))? {
        (redacted, []) => decode(redacted),
        (_, whole) => decode(whole),
    }
}

/// The version, then conversation and standing in turn.
pub(super) fn standings(items: &[Value]) -> Result<(Version, Vec<LiveMembership>), LiveError> {
    let missing = || unexpected("standings");
    let (version, rest) = items.split_first().ok_or_else(missing)?;
    let version = text(version).and_then(|version| version.parse().ok()).ok_or_else(missing)?;
    let standing = |pair: &[Value]| {
        let value = bytes(&pair[1]).ok_or_else(missing)?;
        let line = value.iter().position(|byte| *byte == b'\n').ok_or_else(missing)?;
        let fields = std::str::from_utf8(&value[..line]).ok().and_then(numbers::<5>).ok_or_else(missing)?;
        Ok(LiveMembership { membership: decode(&value[line + 1..])?, version: fields[0] as u64 })
    };
    Ok((version, rest.chunks_exact(2).map(standing).collect::<Result<_, _>>()?))
}

/// Ids as text.
pub(super) fn conversations(items: &[Value]) -> Result<Vec<ConversationId>, LiveError> {
    let id = |item: &Value| text(item)?.parse::<Uuid>().ok().map(ConversationId);
    items.iter().map(id).collect::<Option<_>>().ok_or_else(|| unexpected("conversations"))
}

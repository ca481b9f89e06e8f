//! Records on the wire and ours.

use crate::log::{Entry, Header, LogRecord};
use bytes::{BufMut as _, Bytes, BytesMut};
use parlor_schemas::{Timestamp, header};
use rdkafka::{
    Message as _,
    message::{BorrowedMessage, Headers as _, OwnedHeaders},
    producer::BaseRecord,
    util::IntoOpaque,
};
use std::borrow::Cow;

/// What a record weighs beside its own bytes.
const OVERHEAD: usize = 128;

/// The record as the client takes it.
pub(super) fn outgoing<'a, D: IntoOpaque>(
    topic: &'a str,
    entry: &'a Entry,
    opaque: D,
) -> BaseRecord<'a, [u8], [u8], D> {
    let record =
        BaseRecord::with_opaque_to(topic, opaque).partition(entry.partition as i32).key(&entry.key[..]);
    let record = match &entry.value {
        Some(value) => record.payload(&value[..]),
        None => record,
    };
    if entry.headers.is_empty() {
        return record;
    }
    let mut headers = OwnedHeaders::new_with_capacity(entry.headers.len());
    for (name, value) in &entry.headers {
        headers = headers.insert(rdkafka::message::Header { key: name, value: Some(&value[..]) });
    }
    record.headers(headers)
}

/// The record as it was read. One allocation holds key, value and headers.
pub(super) fn incoming(message: &BorrowedMessage<'_>) -> LogRecord {
    let (key, value) = (message.key().unwrap_or_default(), message.payload());
    let headers = message.headers();
    let in_headers = headers
        .map_or(0, |headers| headers.iter().map(|header| header.value.map_or(0, <[u8]>::len)).sum::<usize>());
    let mut bytes = BytesMut::with_capacity(key.len() + value.map_or(0, <[u8]>::len) + in_headers);
    bytes.put_slice(key);
    bytes.put_slice(value.unwrap_or_default());
    for header in headers.iter().flat_map(|headers| headers.iter()) {
        bytes.put_slice(header.value.unwrap_or_default());
    }
    let mut bytes = bytes.freeze();
    let key = bytes.split_to(key.len());
    let value = value.map(|value| bytes.split_to(value.len()));
    let headers = headers.iter().flat_map(|headers| headers.iter());
    let headers =
        headers.map(|header| named(header.key, bytes.split_to(header.value.map_or(0, <[u8]>::len))));
    LogRecord {
        partition: message.partition() as u32,
        offset: message.offset() as u64,
        at: Timestamp(message.timestamp().to_millis().unwrap_or_default()),
        key,
        value,
        headers: headers.collect(),
    }
}

/// The name that every record of ours has is not copied.
fn named(name: &str, value: Bytes) -> Header {
    let name = if name == header::NAME { Cow::Borrowed(header::NAME) } else { Cow::Owned(name.to_owned()) };
    (name, value)
}

/// What an entry takes of a queue.
pub(super) fn weight(entry: &Entry) -> usize {
    let headers: usize = entry.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    OVERHEAD + entry.key.len() + entry.value.as_ref().map_or(0, Bytes::len) + headers
}

/// What a record takes of a batch.
pub(super) fn size(record: &LogRecord) -> usize {
    let headers: usize = record.headers.iter().map(|(_, value)| value.len()).sum();
    OVERHEAD + record.key.len() + record.value.as_ref().map_or(0, Bytes::len) + headers
}

//! How records lie in the database: blocks of up to 64 KiB, so that a commit of a thousand records
//! is a few rows. All integers of the head are big-endian, lengths of records are LEB128.
//!
//! ```text
//! head:   version (1) · records (4) · append time, ms (8) · bytes of the partition before it (8)
//! record: flags (1) · key length, key · [value length, value] · headers · { name, value }*
//! ```

use super::failure::Failure;
use crate::log::{Entry, LogRecord};
use bytes::{Buf as _, Bytes};
use parlor_schemas::{
    Timestamp, header,
    topics::{Offset, Partition},
};
use std::borrow::Cow;

const VERSION: u8 = 1;
/// Bytes of the head.
const HEAD: usize = 21;
/// The record has a value; otherwise it is a tombstone.
const HAS_VALUE: u8 = 1;
/// A block is full at this size.
pub(super) const FULL: usize = 64 * 1024;

/// A block as it is being filled.
pub(super) struct Builder {
    pub(super) first: Offset,
    at: Timestamp,
    bytes: Vec<u8>,
    records: Vec<LogRecord>,
}

/// The same records as a row of the database and as they are handed to consumers.
pub(super) struct Block {
    pub(super) first: Offset,
    pub(super) bytes: Bytes,
    pub(super) records: Vec<LogRecord>,
}

impl Builder {
    /// `before`: bytes of the partition before this block.
    pub(super) fn new(first: Offset, at: Timestamp, before: u64) -> Self {
        let mut bytes = Vec::with_capacity(1024);
        bytes.push(VERSION);
        bytes.extend([0; 4]);
        bytes.extend(at.0.to_be_bytes());
        bytes.extend(before.to_be_bytes());
        Self { first, at, bytes, records: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn push(&mut self, entry: Entry) {
        let out = &mut self.bytes;
        out.push(if entry.value.is_some() { HAS_VALUE } else { 0 });
        put(out, &entry.key);
        if let Some(value) = &entry.value {
            put(out, value);
        }
        put_length(out, entry.headers.len());
        for (name, value) in &entry.headers {
            put(out, name.as_bytes());
            put(out, value);
        }
        self.records.push(LogRecord {
            partition: entry.partition,
            offset: self.first + self.records.len() as u64,
            at: self.at,
            key: entry.key,
            value: entry.value,
            headers: entry.headers,
        });
    }

    pub(super) fn finish(mut self) -> Block {
        self.bytes[1..5].copy_from_slice(&(self.records.len() as u32).to_be_bytes());
        Block { first: self.first, bytes: self.bytes.into(), records: self.records }
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// What the head of a block says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) records: u32,
    pub(super) at: Timestamp,
    /// Bytes of the partition before the block.
    pub(super) before: u64,
}

/// The head of a block.
pub(super) fn head(block: &[u8]) -> Result<Head, Failure> {
    let mut block = block;
    if block.len() < HEAD || block.get_u8() != VERSION {
        return Err(broken());
    }
    Ok(Head { records: block.get_u32(), at: Timestamp(block.get_i64()), before: block.get_u64() })
}

/// The records of a block from offset `from` on; their bytes are the block's.
pub(super) fn records(
    partition: Partition,
    first: Offset,
    block: &Bytes,
    from: Offset,
) -> Result<Vec<LogRecord>, Failure> {
    let Head { records, at, .. } = head(block)?;
    let mut rest = block.slice(HEAD..);
    let mut out = Vec::new();
    for offset in first..first + u64::from(records) {
        let flags = rest.try_get_u8().map_err(|_| broken())?;
        let key = take(&mut rest)?;
        let value = if flags & HAS_VALUE == 0 { None } else { Some(take(&mut rest)?) };
        let mut headers = Vec::new();
        for _ in 0..take_length(&mut rest)? {
            let name = name_of(&take(&mut rest)?)?;
            headers.push((name, take(&mut rest)?));
        }
        if offset >= from {
            out.push(LogRecord { partition, offset, at, key, value, headers });
        }
    }
    Ok(out)
}

fn take(from: &mut Bytes) -> Result<Bytes, Failure> {
    let length = take_length(from)?;
    if length > from.len() {
        return Err(broken());
    }
    Ok(from.split_to(length))
}

fn take_length(from: &mut Bytes) -> Result<usize, Failure> {
    let mut length = 0;
    for shift in (0..35).step_by(7) {
        let byte = from.try_get_u8().map_err(|_| broken())?;
        length |= usize::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok(length);
        }
    }
    Err(broken())
}

/// The name that nearly all headers have costs no allocation.
fn name_of(bytes: &Bytes) -> Result<Cow<'static, str>, Failure> {
    if bytes == header::NAME.as_bytes() {
        return Ok(header::NAME.into());
    }
    let name = std::str::from_utf8(bytes).map_err(|_| broken())?;
    Ok(name.to_owned().into())
}

fn broken() -> Failure {
    Failure::new("a block of the log can't be read")
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_schemas::Topic;

    fn entry(n: usize) -> Entry {
        Entry {
            topic: Topic::Messages,
            partition: 3,
            key: Bytes::from(vec![n as u8; n]),
            value: (!n.is_multiple_of(3)).then(|| Bytes::from(vec![7; n * 100])),
            headers: (0..n % 4).map(|i| (format!("h{i}").into(), Bytes::from(vec![1; i]))).collect(),
        }
    }

    #[test]
    fn reads_back_what_it_wrote_from_any_offset() {
        let mut builder = Builder::new(40, Timestamp(5), 77);
        (0..20).for_each(|n| builder.push(entry(n)));
        let block = builder.finish();
        let Head { records: count, at, before } = head(&block.bytes).unwrap();
        assert_eq!((count, at, before), (20, Timestamp(5), 77));
        assert_eq!(records(3, 40, &block.bytes, 0).unwrap(), block.records);
        assert_eq!(records(3, 40, &block.bytes, 55).unwrap(), block.records[15..]);
        assert_eq!(records(3, 40, &block.bytes, 60).unwrap(), []);
    }

    #[test]
    fn a_cut_block_is_an_error() {
        let mut builder = Builder::new(0, Timestamp(5), 0);
        (0..5).for_each(|n| builder.push(entry(n)));
        let block = builder.finish().bytes;
        for length in 0..block.len() {
            assert!(records(0, 0, &block.slice(..length), 0).is_err(), "{length}");
        }
    }
}

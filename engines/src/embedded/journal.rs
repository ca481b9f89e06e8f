//! The database's journal, checked before the database opens it.
//!
//! A crash may leave the last batch half written: it was never acknowledged and is cut. Every batch
//! before it was on the disk before the next one began, so damage with an intact batch behind it is
//! not a crash but a loss of acknowledged data: that refuses to open, where the database itself
//! would drop everything from there on in silence.

use super::directory::io_error;
use crate::OpenError;
use bytes::Buf as _;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    path::{Path, PathBuf},
};
use xxhash_rust::xxh3::xxh3_64;

/// Tags and the trailer of fjall's journal, format 3.
const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: &[u8] = b"FJL\x03";
/// Between two batches of a journal lie at most so many numbers that went elsewhere.
const NUMBERS_SKIPPED_MAX: u64 = 1 << 32;

/// Checks all journals of a database; cuts the half-written end of the newest one.
pub(super) fn check(database: &Path) -> Result<(), OpenError> {
    let mut journals = journals(database).map_err(|source| io_error(database, source))?;
    journals.sort();
    let newest = journals.last().cloned();
    for (_, path) in &journals {
        let bytes = read(path).map_err(|source| io_error(path, source))?;
        let intact = intact(&bytes);
        let rest = &bytes[intact..];
        if rest.is_empty() {
            continue;
        }
        let is_newest = newest.as_ref().is_some_and(|(_, newest)| newest == path);
        if !is_newest || has_batch(rest) {
            return Err(OpenError::Damaged { file: path.clone(), at: intact as u64 });
        }
        tracing::warn!(file = %path.display(), at = intact, "cuts a half-written commit");
        cut(path, intact as u64).map_err(|source| io_error(path, source))?;
    }
    Ok(())
}

fn journals(database: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    if !database.exists() {
        return Ok(Vec::new());
    }
    let mut journals = Vec::new();
    for entry in fs::read_dir(database)? {
        let path = entry?.path();
        let is_journal = path.extension().is_some_and(|extension| extension == "jnl");
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        if let (true, Some(number)) = (is_journal, number) {
            journals.push((number, path));
        }
    }
    Ok(journals)
}

/// A journal without the zeros at its end: space that was reserved and not written yet, mostly
/// tens of megabytes.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
    let mut file = File::open(path)?;
    let (mut bytes, mut zeros) = (Vec::new(), 0);
    let mut page = vec![0; ZEROS.len()];
    loop {
        let length = file.read(&mut page)?;
        if length == 0 {
            break;
        }
        if page[..length] == ZEROS[..length] {
            zeros += length;
        } else {
            bytes.resize(bytes.len() + zeros, 0);
            bytes.extend_from_slice(&page[..length]);
            zeros = 0;
        }
    }
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(end);
    Ok(bytes)
}

fn cut(path: &Path, at: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(at)?;
    file.sync_all()
}

/// Bytes of the intact batches that a journal begins with.
pub(super) fn intact(journal: &[u8]) -> usize {
    let (mut at, mut last) = (0, 0);
    while let Some(batch) = batch(&journal[at..]) {
        // The checksum does not cover the number; it rises, and never by much.
        if batch.number < last || batch.number - last > NUMBERS_SKIPPED_MAX {
            break;
        }
        at += batch.length;
        last = batch.number;
    }
    at
}

/// Whether an intact batch stands anywhere in here.
pub(super) fn has_batch(bytes: &[u8]) -> bool {
    (0..bytes.len()).any(|at| bytes[at] == START && batch(&bytes[at..]).is_some())
}

/// An intact batch.
struct Batch {
    number: u64,
    /// Bytes.
    length: usize,
}

/// The intact batch that stands here.
fn batch(journal: &[u8]) -> Option<Batch> {
    let mut rest = journal;
    if rest.try_get_u8().ok()? != START {
        return None;
    }
    let items = rest.try_get_u32_le().ok()?;
    let number = rest.try_get_u64_le().ok()?;
    let body = rest;
    for _ in 0..items {
        skip_item(&mut rest)?;
    }
    let body = &body[..body.len() - rest.len()];
    if rest.try_get_u8().ok()? != END {
        return None;
    }
    let checksum = rest.try_get_u64_le().ok()?;
    let whole = rest.starts_with(TRAILER) && xxh3_64(body) == checksum;
    let length = journal.len() - rest.len() + TRAILER.len();
    whole.then_some(Batch { number, length })
}

fn skip_item(rest: &mut &[u8]) -> Option<()> {
    match rest.try_get_u8().ok()? {
        ITEM => {
            // Value type, compression, keyspace, then the lengths of key, value, stored value.
            const FIXED: usize = 1 + 1 + 8;
            if rest.len() < FIXED {
                return None;
            }
            rest.advance(FIXED);
            let key = usize::from(rest.try_get_u16_le().ok()?);
            rest.try_get_u32_le().ok()?;
            let stored = rest.try_get_u32_le().ok()? as usize;
            *rest = rest.get(key.checked_add(stored)?..)?;
        }
        CLEAR => {
            rest.try_get_u64_le().ok()?;
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests;

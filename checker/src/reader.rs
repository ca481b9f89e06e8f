//! Reads a history, line by line.

use crate::history::Entry;
use std::io::{self, BufRead};

/// A line is at most so long, bytes: the largest record (a frame of 64 KiB, and escapes) with room.
pub const LINE_MAX: usize = 1024 * 1024;

/// The history is not whole, so nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum Damaged {
    /// It could not be read.
    #[error("the history can't be read")]
    Unreadable(#[from] io::Error),
    /// A line is no entry.
    #[error("line {line} of the history is damaged: {why}")]
    Line {
        /// Which one, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// It has no beginning or no end.
    #[error("the history is not whole: {0}")]
    NotWhole(String),
}

impl Damaged {
    /// A line that is wrong.
    pub(crate) fn line(line: u64, why: impl Into<String>) -> Self {
        Self::Line { line, why: why.into() }
    }
}

/// Hands every entry to `take`, with the number of its line, from 1. The number of lines.
pub fn read(
    mut from: impl BufRead,
    mut take: impl FnMut(u64, Entry) -> Result<(), Damaged>,
) -> Result<u64, Damaged> {
    let (mut text, mut line) = (Vec::with_capacity(4096), 0);
    while next(&mut from, &mut text)? {
        line += 1;
        if text.last() != Some(&b'\n') {
            return Err(Damaged::line(line, "it is cut off, or longer than any line may be"));
        }
        let entry = serde_json::from_slice(&text).map_err(|why| Damaged::line(line, why.to_string()))?;
        take(line, entry)?;
    }
    Ok(line)
}

fn next(from: &mut impl BufRead, text: &mut Vec<u8>) -> io::Result<bool> {
    text.clear();
    let limit = LINE_MAX as u64;
    io::Read::take(from, limit).read_until(b'\n', text).map(|bytes| bytes > 0)
}

/// The texts of some lines; `wanted` rises.
pub fn lines(mut from: impl BufRead, wanted: &[u64]) -> io::Result<Vec<String>> {
    let (mut found, mut text, mut line) = (Vec::new(), Vec::new(), 0);
    while found.len() < wanted.len() && next(&mut from, &mut text)? {
        line += 1;
        if wanted[found.len()] == line {
            found.push(String::from_utf8_lossy(&text).trim_end().to_owned());
        }
    }
    Ok(found)
}

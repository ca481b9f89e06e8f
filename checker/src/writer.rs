//! Writes a history.

use crate::history::{Entry, Event, Seen};
use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
};

/// Writes entries as lines, and each content once.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    /// 8 bytes for every content there is: 16 MB for 10^6 records.
    known: HashSet<u64>,
    buffer: Vec<u8>,
    lines: u64,
}

impl<W: Write> Writer<W> {
    /// Writes to `out`, which should be buffered.
    pub fn new(out: W) -> Self {
        Self { out, known: HashSet::new(), buffer: Vec::with_capacity(1024), lines: 0 }
    }

    /// Appends a line. A record comes with its content and leaves without it if it is known.
    pub fn write(&mut self, mut entry: Entry) -> io::Result<()> {
        if let Event::Record(seen) = &mut entry.event {
            self.name(seen)?;
        }
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, &entry)?;
        self.buffer.push(b'\n');
        self.lines += 1;
        self.out.write_all(&self.buffer)
    }

    fn name(&mut self, seen: &mut Seen) -> io::Result<()> {
        let Some(content) = &seen.content else { return Ok(()) };
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, content)?;
        let mut hasher = DefaultHasher::new();
        (seen.conversation_id, seen.seq, &self.buffer).hash(&mut hasher);
        seen.print = hasher.finish();
        if !self.known.insert(seen.print) {
            seen.content = None;
        }
        Ok(())
    }

    /// Lines written so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Hands what is buffered on.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes the last line, flushes, and gives the output back.
    pub fn finish(mut self, at_us: u64) -> io::Result<W> {
        self.write(Entry { at_us, by: "run".into(), event: Event::Done { lines: self.lines } })?;
        self.out.flush()?;
        Ok(self.out)
    }
}

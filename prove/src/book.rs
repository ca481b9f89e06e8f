//! The history of a run: all clients write through one bounded channel to one thread.

use parlor_checker::{
    Writer,
    history::{Entry, Event},
};
use std::{
    fs::File,
    io::{self, BufWriter},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
};
use tokio::{sync::mpsc, time::Instant};

/// Entries that wait for the writer; beyond that clients wait.
const WAITING_MAX: usize = 65_536;

/// Where clients write what they did and saw.
#[derive(Clone, Debug)]
pub struct Book {
    lines: mpsc::Sender<Line>,
    began: Instant,
    ops: Arc<AtomicU64>,
    counts: Arc<Counts>,
}

enum Line {
    Entry(Entry),
    End(u64),
}

/// What happened so far.
#[derive(Debug, Default)]
struct Counts {
    invoked: AtomicU64,
    acked: AtomicU64,
    refused: AtomicU64,
    received: AtomicU64,
    connects: AtomicU64,
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Operations begun, marks included.
    pub invoked: u64,
    /// Operations acknowledged.
    pub acked: u64,
    /// Operations refused.
    pub refused: u64,
    /// Records that came to a device, each time.
    pub received: u64,
    /// Connections that became ready.
    pub connects: u64,
}

/// The thread that writes.
#[derive(Debug)]
pub(crate) struct Writing(JoinHandle<io::Result<()>>);

impl Book {
    /// Opens the file and starts the thread.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Writing)> {
        let mut writer = Writer::new(BufWriter::with_capacity(1 << 20, File::create(path)?));
        let (lines, mut inbox) = mpsc::channel(WAITING_MAX);
        let writing = std::thread::Builder::new().name("history".into()).spawn(move || {
            loop {
                // Nothing waits: what is buffered goes to the file, so that a run that dies leaves its history.
                let next = match inbox.try_recv() {
                    Ok(line) => Some(line),
                    Err(_) => writer.flush().map(|()| inbox.blocking_recv())?,
                };
                let Some(line) = next else { return Ok(()) };
                match line {
                    Line::Entry(entry) => writer.write(entry)?,
                    Line::End(at_us) => return writer.finish(at_us).map(drop),
                }
            }
        })?;
        let book = Self { lines, began: Instant::now(), ops: Arc::default(), counts: Arc::default() };
        Ok((book, Writing(writing)))
    }

    /// Microseconds since the run began.
    pub fn now_us(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    /// Notes what happens now; waits while the writer is behind. Should the disk be full the run goes
    /// on, and its end says so.
    pub async fn note(&self, by: &Arc<str>, event: Event) {
        let counts = &self.counts;
        let counter = match &event {
            Event::Invoke(_) => Some(&counts.invoked),
            Event::Ok { .. } => Some(&counts.acked),
            Event::Fail { .. } => Some(&counts.refused),
            Event::Record(_) => Some(&counts.received),
            Event::Ready { .. } => Some(&counts.connects),
            _ => None,
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Relaxed);
        }
        let entry = Entry { at_us: self.now_us(), by: by.clone(), event };
        // Closed: the writer has failed, and `finish` tells why.
        let _ = self.lines.send(Line::Entry(entry)).await;
    }

    /// A number for an operation.
    pub(crate) fn op(&self) -> u64 {
        self.ops.fetch_add(1, Relaxed)
    }

    /// What happened so far.
    pub fn progress(&self) -> Progress {
        let counts = &self.counts;
        Progress {
            invoked: counts.invoked.load(Relaxed),
            acked: counts.acked.load(Relaxed),
            refused: counts.refused.load(Relaxed),
            received: counts.received.load(Relaxed),
            connects: counts.connects.load(Relaxed),
        }
    }
}

impl Writing {
    /// Writes the last line and waits until everything is in the file.
    pub async fn finish(self, book: &Book) -> io::Result<()> {
        let _ = book.lines.send(Line::End(book.now_us())).await;
        let done = tokio::task::spawn_blocking(move || self.0.join()).await;
        done.map_err(io::Error::other)?.map_err(|_| io::Error::other("the writer broke"))?
    }
}

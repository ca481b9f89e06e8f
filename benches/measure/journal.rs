//! The baseline of everything durable: a file, one thread that writes what has queued and syncs it,
//! and nothing else. No offsets, readers, checksums or tables.

use bytes::Bytes;
use std::{fs::File, io::Write as _, path::Path};
use tokio::sync::{mpsc, oneshot};

type Waiting = (Bytes, oneshot::Sender<()>);

/// A file with group commit.
#[derive(Clone)]
pub struct Journal {
    queue: mpsc::UnboundedSender<Waiting>,
}

impl Journal {
    /// A new file; its thread ends with the last handle.
    pub fn create(path: &Path) -> Self {
        let file = File::create(path).expect("the journal can be made");
        let (queue, waiting) = mpsc::unbounded_channel();
        std::thread::spawn(move || write(file, waiting));
        Self { queue }
    }

    /// Resolves when the bytes are synced.
    pub async fn append(&self, bytes: Bytes) {
        let (done, synced) = oneshot::channel();
        self.queue.send((bytes, done)).expect("the thread runs");
        synced.await.expect("the bytes are synced");
    }
}

fn write(mut file: File, mut waiting: mpsc::UnboundedReceiver<Waiting>) {
    let (mut out, mut waiters) = (Vec::new(), Vec::new());
    while let Some(first) = waiting.blocking_recv() {
        let mut next = Some(first);
        while let Some((bytes, waiter)) = next {
            out.extend_from_slice(&bytes);
            waiters.push(waiter);
            next = waiting.try_recv().ok();
        }
        file.write_all(&out).and_then(|()| file.sync_data()).expect("the disk takes it");
        out.clear();
        for waiter in waiters.drain(..) {
            // Whoever asked may have stopped waiting.
            waiter.send(()).unwrap_or_default();
        }
    }
}

//! What waits to be written to one socket: ready texts shared with all their other receivers,
//! bounded by bytes. The pump takes everything at once, so that it leaves in one write.

use super::session::Note;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use parlor_engines::sabotage::{self, Sabotage};
use parlor_schemas::frames::Close;
use std::{collections::VecDeque, task::Waker};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// The queue between everything that has something to say and the pump of one socket.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    pump: AtomicWaker,
    room: Notify,
    /// Bytes that may wait.
    max: usize,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Utf8Bytes>,
    /// Of `frames`, of `held`, and of what the pump has taken and not yet flushed.
    bytes: usize,
    /// Live records that came before `ready` was said.
    held: Option<Vec<Utf8Bytes>>,
    notes: Vec<Note>,
    close: Option<Close>,
    /// The pump was told and has not looked yet.
    woken: bool,
    /// The socket is gone.
    ended: bool,
}

/// What the pump finds.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// To be written, in order.
    pub frames: VecDeque<Utf8Bytes>,
    /// For the session.
    pub notes: Vec<Note>,
}

impl Outbox {
    /// An empty one that holds live records back until [`Outbox::ready`].
    pub fn new(max: usize) -> Self {
        let max = if sabotage::is(Sabotage::UnboundedOutbox) { usize::MAX / 2 } else { max };
        let queue = Queue { held: Some(Vec::new()), ..Queue::default() };
        Self { queue: Mutex::new(queue), pump: AtomicWaker::new(), room: Notify::new(), max }
    }

    /// Queues a frame and wakes the pump.
    pub fn push(&self, frame: impl Into<Utf8Bytes>) {
        if self.put(frame.into(), false) {
            self.pump.wake();
        }
    }

    /// Queues a frame that came over the bus; `true`: the pump is to be woken ([`Outbox::wake`]).
    /// Waking is left to the caller, so that a burst is queued whole before any pump runs.
    #[must_use]
    pub fn deliver(&self, frame: Utf8Bytes) -> bool {
        self.put(frame, true)
    }

    /// Queues a frame while the pump itself runs.
    pub fn push_unheard(&self, frame: impl Into<Utf8Bytes>) {
        self.put(frame.into(), false);
    }

    /// Says `ready`; the live records that were held back follow it.
    pub fn ready(&self, frame: impl Into<Utf8Bytes>) {
        self.put(frame.into(), false);
        let mut queue = self.queue.lock();
        let held = queue.held.take().unwrap_or_default();
        queue.frames.extend(held);
        drop(queue);
        self.pump.wake();
    }

    /// Tells the session something.
    pub fn note(&self, note: Note) {
        let mut queue = self.queue.lock();
        if !queue.ended {
            queue.notes.push(note);
        }
        drop(queue);
        self.pump.wake();
    }

    /// Closes the socket after what is queued; the first reason stays.
    pub fn close(&self, reason: Close) {
        self.queue.lock().close.get_or_insert(reason);
        self.pump.wake();
    }

    /// Queues a frame once less than half of the space is used, or nothing waits at all; looked at
    /// and queued under one lock, so that many waiting answers do not take the same room. `false`:
    /// the socket is gone.
    pub async fn push_with_room(&self, frame: impl Into<Utf8Bytes>) -> bool {
        let frame = frame.into();
        loop {
            let waiting = self.room.notified();
            {
                let mut queue = self.queue.lock();
                if queue.ended || queue.close.is_some() {
                    return false;
                }
                if queue.bytes == 0 || queue.bytes <= self.max / 2 && queue.bytes + frame.len() <= self.max {
                    queue.bytes += frame.len();
                    queue.frames.push_back(frame);
                    queue.woken = true;
                    drop(queue);
                    self.pump.wake();
                    return true;
                }
            }
            waiting.await;
        }
    }

    /// Wakes the pump.
    pub fn wake(&self) {
        self.pump.wake();
    }

    /// Everything that waits. The pump registers itself first, so that nothing is missed.
    pub fn take(&self, pump: &Waker) -> Taken {
        self.pump.register(pump);
        let mut queue = self.queue.lock();
        queue.woken = false;
        Taken { frames: std::mem::take(&mut queue.frames), notes: std::mem::take(&mut queue.notes) }
    }

    /// Whether the socket is to be closed, and why.
    pub fn closing(&self) -> Option<Close> {
        self.queue.lock().close
    }

    /// So many bytes have left.
    pub fn flushed(&self, bytes: usize) {
        let mut queue = self.queue.lock();
        let before = queue.bytes;
        queue.bytes = before.saturating_sub(bytes);
        // A frame of more than half of the space waits for an empty queue.
        let has_room = queue.bytes <= self.max / 2 && (before > self.max / 2 || queue.bytes == 0);
        drop(queue);
        if has_room {
            self.room.notify_waiters();
        }
    }

    /// The socket is gone: nothing is kept any more.
    pub fn end(&self) {
        let mut queue = self.queue.lock();
        *queue = Queue { ended: true, ..Queue::default() };
        drop(queue);
        self.room.notify_waiters();
    }

    /// Queues; `true`: the pump has to be woken.
    fn put(&self, frame: Utf8Bytes, live: bool) -> bool {
        let mut queue = self.queue.lock();
        if queue.ended || queue.close.is_some() {
            return false;
        }
        if queue.bytes + frame.len() > self.max {
            queue.close = Some(Close::TooSlow);
            return true;
        }
        queue.bytes += frame.len();
        match &mut queue.held {
            Some(held) if live => {
                held.push(frame);
                return false;
            }
            _ => queue.frames.push_back(frame),
        }
        !std::mem::replace(&mut queue.woken, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(outbox: &Outbox) -> Taken {
        outbox.take(Waker::noop())
    }

    #[test]
    fn live_records_wait_for_ready() {
        let outbox = Outbox::new(100);
        outbox.push("hello");
        assert!(!outbox.deliver("record".into()));
        assert_eq!(take(&outbox).frames, ["hello"]);
        outbox.ready("ready");
        assert_eq!(take(&outbox).frames, ["ready", "record"]);
    }

    #[test]
    fn order_is_ready_then_what_was_held() {
        let outbox = Outbox::new(100);
        let _ = outbox.deliver("1".into());
        outbox.ready("ready");
        let _ = outbox.deliver("2".into());
        assert_eq!(take(&outbox).frames, ["ready", "1", "2"]);
    }

    #[test]
    fn bytes_are_bounded_until_they_are_flushed() {
        let outbox = Outbox::new(10);
        outbox.push("12345678");
        assert_eq!(take(&outbox).frames.len(), 1);
        outbox.push("12");
        outbox.flushed(8);
        outbox.push("12345678");
        assert_eq!(outbox.closing(), None);
        outbox.push("1");
        assert_eq!(outbox.closing(), Some(Close::TooSlow));
    }

    #[test]
    fn a_burst_wakes_the_pump_once() {
        let outbox = Outbox::new(100);
        outbox.ready("ready");
        take(&outbox);
        assert!(outbox.deliver("1".into()));
        assert!(!outbox.deliver("2".into()));
        take(&outbox);
        assert!(outbox.deliver("3".into()));
    }
}

//! A device's copy of a conversation's log, as far as the client's rule needs it: only numbers, since
//! what records say stands in the history.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};
use tokio::time::Instant;

/// Records kept aside, at most; what is dropped is fetched.
const ASIDE_MAX: usize = 1_024;
/// The newest messages, from which targets are chosen.
const RECENT_MAX: usize = 32;
/// "Not yet" is asked again after this, doubling …
const AGAIN_MIN: Duration = Duration::from_secs(1);
/// … up to this (PROTOCOL §3, `fetch`).
const AGAIN_MAX: Duration = Duration::from_secs(10);
/// A fetch without an answer is asked again.
const FETCH_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Log {
    pub cursor: u64,
    pub head: u64,
    pub epoch: String,
    /// No longer a member.
    pub left: bool,
    aside: BTreeSet<u64>,
    /// (seq, whether it is the own user's).
    pub recent: VecDeque<(u64, bool)>,
    /// The marks that were sent.
    pub delivered: u64,
    pub read: u64,
    /// A fetch is on its way since.
    asked: Option<Instant>,
    /// "Not yet": not before this; the next pause is twice as long.
    again: Option<(Instant, Duration)>,
}

impl Log {
    /// Takes a record: applies the next one, keeps a later one aside. Whether it is new here.
    pub fn take(&mut self, seq: u64) -> bool {
        self.head = self.head.max(seq);
        if seq <= self.cursor || !self.aside.insert(seq) {
            return false;
        }
        self.advance();
        while self.aside.len() > ASIDE_MAX {
            self.aside.pop_last();
        }
        true
    }

    fn advance(&mut self) {
        while self.aside.remove(&(self.cursor + 1)) {
            self.cursor += 1;
        }
    }

    /// A cursor below the floor is set to the floor. Whether it was.
    pub fn raise_floor(&mut self, floor: u64) -> bool {
        if self.cursor >= floor {
            return false;
        }
        self.cursor = floor;
        self.aside.retain(|seq| *seq > floor);
        self.advance();
        true
    }

    /// A restore from backup: the local log is dropped.
    pub fn begin_again(&mut self, floor: u64) {
        self.aside.clear();
        self.recent.clear();
        (self.cursor, self.head) = (floor, floor);
        (self.delivered, self.read) = (0, 0);
        self.reconnected();
    }

    pub fn note_message(&mut self, seq: u64, is_own: bool) {
        self.recent.push_back((seq, is_own));
        if self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
    }

    pub fn is_behind(&self) -> bool {
        self.head > self.cursor
    }

    /// Whether a fetch is to be sent now; it is then taken as sent.
    pub fn wants_fetch(&mut self, now: Instant) -> bool {
        let is_asked = self.asked.is_some_and(|at| now < at + FETCH_MAX);
        let is_early = self.again.is_some_and(|(at, _)| now < at);
        let wants = self.is_behind() && !is_asked && !is_early;
        if wants {
            self.asked = Some(now);
        }
        wants
    }

    /// An answer came; `moved`: it had something.
    pub fn fetched(&mut self, now: Instant, moved: bool) {
        self.asked = None;
        let pause = self.again.map_or(AGAIN_MIN, |(_, pause)| (pause * 2).min(AGAIN_MAX));
        self.again = (!moved && self.is_behind()).then_some((now + pause, pause));
    }

    /// A new connection: what was asked on the old one is not answered.
    pub fn reconnected(&mut self) {
        (self.asked, self.again) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_next_record_moves_the_cursor() {
        let mut log = Log::default();
        for (seq, is_new, cursor) in [(1, true, 1), (3, true, 1), (3, false, 1), (2, true, 3), (1, false, 3)]
        {
            assert_eq!((log.take(seq), log.cursor), (is_new, cursor), "{seq}");
        }
        assert!(!log.is_behind());
        log.take(9);
        assert!(log.is_behind() && log.raise_floor(8) && log.cursor == 9 && !log.raise_floor(8));
    }

    #[test]
    fn not_yet_is_asked_again_more_and_more_slowly() {
        let (mut log, start) = (Log::default(), Instant::now());
        log.take(5);
        assert!(log.wants_fetch(start) && !log.wants_fetch(start));
        log.fetched(start, false);
        assert!(!log.wants_fetch(start) && log.wants_fetch(start + AGAIN_MIN));
        log.fetched(start, false);
        assert!(!log.wants_fetch(start + AGAIN_MIN) && log.wants_fetch(start + AGAIN_MIN * 2));
        log.fetched(start, true);
        assert!(log.wants_fetch(start));
    }
}

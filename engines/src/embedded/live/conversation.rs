//! What is live of one conversation: its head, the run of its newest records, marks.

use crate::live::{LiveHead, LiveMarks, TailRead, Version};
use parlor_schemas::{Limits, RecordText, Timestamp, UserId, receipt::Marks, record::Kind, topics::Offset};
use std::collections::{HashMap, VecDeque};

#[derive(Default)]
pub(super) struct Conversation {
    pub(super) head: Option<LiveHead>,
    /// When the head moved last, by our clock.
    pub(super) moved_at: Timestamp,
    /// Ascending by seq, without holes, up to the head.
    tail: VecDeque<(Offset, RecordText)>,
    /// The deletes in the tail: their seq, and the target.
    deletes: VecDeque<(u64, u64)>,
    marks: HashMap<UserId, LiveMarks>,
}

impl Conversation {
    /// Takes a record, if it is newer than what is there. `version` is asked for only then.
    pub(super) fn write(
        &mut self,
        offset: Offset,
        text: RecordText,
        now: Timestamp,
        version: impl FnOnce() -> Version,
    ) {
        let last = self.head.map_or(0, |head| head.seq);
        if text.seq <= last {
            // The tail reaches up to the head, or was trimmed: then the store has it, perhaps
            // redacted by a delete that we no longer know.
            return;
        }
        let RecordText { seq, ord, at, .. } = text;
        if seq > last + 1 {
            self.tail.clear();
            self.deletes.clear();
        }
        self.push(offset, text);
        self.head = Some(LiveHead { seq, ord, at, version: version() });
        self.moved_at = now;
    }

    fn push(&mut self, offset: Offset, text: RecordText) {
        let is_deleted = |target: u64| self.deletes.iter().any(|(_, gone)| *gone == target);
        let text = match (text.kind, text.target) {
            (Kind::Edit, Some(target)) if is_deleted(target) => text.redact(),
            (Kind::Delete, Some(target)) => {
                self.deletes.push_back((text.seq, target));
                self.redact(target);
                text
            }
            _ => text,
        };
        self.tail.push_back((offset, text));
    }

    fn redact(&mut self, target: u64) {
        for (_, text) in &mut self.tail {
            let is_edit = text.kind == Kind::Edit && text.target == Some(target);
            if text.seq == target || is_edit {
                *text = text.redact();
            }
        }
    }

    /// Drops what the limits do not keep: only what the store has, unless the cap is reached.
    pub(super) fn trim(&mut self, limits: &Limits, written_to: Offset, now: Timestamp) {
        while let Some((offset, oldest)) = self.tail.front() {
            let is_over =
                self.tail.len() > limits.tail_records || oldest.at.plus_millis(limits.tail_ms) < now;
            let may_go = *offset < written_to || self.tail.len() > limits.tail_records_cap;
            if !(is_over && may_go) {
                break;
            }
            self.tail.pop_front();
        }
        let first = self.tail.front().map_or(u64::MAX, |(_, text)| text.seq);
        while self.deletes.front().is_some_and(|(seq, _)| *seq < first) {
            self.deletes.pop_front();
        }
        if self.tail.is_empty() {
            self.tail.shrink_to_fit();
            self.deletes.shrink_to_fit();
        }
    }

    pub(super) fn read(&self, after: u64, before: u64, limit: usize, last: bool) -> TailRead {
        let at = |seq: u64| self.tail.partition_point(|(_, text)| text.seq < seq);
        let (start, end) = (at(after.saturating_add(1)), at(before));
        let length = end.saturating_sub(start).min(limit);
        let range = if last { end.saturating_sub(length)..end } else { start..start + length };
        TailRead {
            records: self.tail.range(range).map(|(_, text)| text.clone()).collect(),
            deleted: self.deletes.iter().map(|(_, target)| *target).collect(),
            head: self.head,
        }
    }

    /// Raises marks; the new ones if any moved. `version` is asked for only then.
    pub(super) fn raise(
        &mut self,
        user: UserId,
        marks: Marks,
        version: impl FnOnce() -> Version,
    ) -> Option<Marks> {
        let known = self.marks.get(&user).map_or(Marks::default(), |known| known.marks);
        let new = known.max(marks);
        if new == known {
            return None;
        }
        self.marks.insert(user, LiveMarks { marks: new, version: version() });
        Some(new)
    }

    pub(super) fn marks(&self, user: UserId) -> LiveMarks {
        self.marks.get(&user).copied().unwrap_or_default()
    }
}

//! How far a partition is behind, in records and seconds.

use crate::log::LogRecord;
use parlor_schemas::{
    Timestamp,
    topics::{Group, Offset, Partition},
};
use std::collections::VecDeque;

/// Batches whose times are remembered; with more of them in hand the time is that of a later one.
const MARKS: usize = 256;

/// What is delivered and what is done.
#[derive(Debug, Default)]
pub(super) struct Lag {
    /// Next offset after a delivered batch, and the time of its last record; oldest first.
    marks: VecDeque<(Offset, Timestamp)>,
    done: Offset,
    done_at: Option<Timestamp>,
    /// Next offset after what was delivered last.
    delivered: Offset,
    /// Nothing was there behind it.
    at_end: bool,
}

impl Lag {
    pub(super) fn starting_at(from: Offset) -> Self {
        Self { done: from, delivered: from, ..Self::default() }
    }

    pub(super) fn delivered(&mut self, records: &[LogRecord]) {
        let Some(last) = records.last() else { return };
        self.at_end = false;
        self.delivered = last.offset + 1;
        if self.marks.len() == MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back((self.delivered, last.at));
        // Until something is done it is as late as the first record that waits.
        self.done_at.get_or_insert(records[0].at);
    }

    pub(super) fn at_end(&mut self) {
        self.at_end = true;
    }

    pub(super) fn done(&mut self, offset: Offset) {
        self.done = self.done.max(offset);
        while let Some((next, at)) = self.marks.front()
            && *next <= offset
        {
            self.done_at = Some(*at);
            self.marks.pop_front();
        }
    }

    /// Records and milliseconds behind `end`, the offset after the last readable record.
    fn behind(&self, end: Offset, now: Timestamp) -> (u64, i64) {
        // Commit markers take offsets behind the last record.
        if self.at_end && self.done >= self.delivered {
            return (0, 0);
        }
        let records = end.max(self.delivered).saturating_sub(self.done);
        let late = self.done_at.map_or(0, |at| (now.0 - at.0).max(0));
        (records, if records == 0 { 0 } else { late })
    }

    pub(super) fn tell(&self, group: Group, partition: Partition, end: Offset, now: Timestamp) {
        let (records, millis) = self.behind(end, now);
        set(group, partition, records, millis);
    }

    /// The partition is another member's, which tells its lag from here on.
    pub(super) fn gone(group: Group, partition: Partition) {
        set(group, partition, 0, 0);
    }
}

fn set(group: Group, partition: Partition, records: u64, millis: i64) {
    let gauge = |name: &'static str| metrics::gauge!(name, "group" => group.name(), "partition" => partition.to_string());
    gauge("parlor_consumer_backlog_records").set(records as f64);
    gauge("parlor_consumer_lag_seconds").set(millis as f64 / 1e3);
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn record(offset: Offset, at: i64) -> LogRecord {
        LogRecord { partition: 0, offset, at: Timestamp(at), key: Bytes::new(), value: None, headers: vec![] }
    }

    #[test]
    fn it_is_as_late_as_the_last_record_that_is_done() {
        let mut lag = Lag::starting_at(10);
        lag.delivered(&[record(10, 1_000), record(11, 2_000)]);
        lag.delivered(&[record(12, 3_000)]);
        assert_eq!(lag.behind(20, Timestamp(9_000)), (10, 8_000), "nothing is done");
        lag.done(12);
        assert_eq!(lag.behind(20, Timestamp(9_000)), (8, 7_000));
        lag.done(13);
        assert_eq!(lag.behind(20, Timestamp(9_000)), (7, 6_000), "more is to be read");
        lag.at_end();
        assert_eq!(lag.behind(14, Timestamp(9_000)), (0, 0), "a marker is nothing to be done");
    }
}

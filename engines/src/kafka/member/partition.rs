//! One partition that a member has been given.

use super::{Client, context::Context, lag::Lag};
use crate::{
    kafka::{
        errors::is_out_of_range,
        record::{incoming, size},
    },
    log::LogRecord,
};
use parlor_schemas::topics::Offset;
use rdkafka::{
    consumer::base_consumer::PartitionQueue,
    error::{KafkaError, RDKafkaErrorCode},
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// What one look into a partition's queue gave.
pub(super) enum Found {
    Records(Vec<LogRecord>),
    End,
    /// The next offset is not in the log.
    OutOfRange,
    Error(KafkaError),
}

/// What has become of a partition since the group gave it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The caller does not know yet.
    #[default]
    Given,
    /// The caller has been told.
    Told,
    /// The group wants it back: nothing more is delivered.
    Wanted,
    /// The caller has given it up.
    Released,
}

/// Where a started partition is to go on.
#[derive(Clone, Copy)]
pub(super) struct Seeking {
    pub(super) from: Offset,
    /// Tried until then.
    pub(super) until: Instant,
}

#[derive(Default)]
pub(super) struct Held {
    pub(super) stage: Stage,
    pub(super) paused: bool,
    /// Of the last start.
    pub(super) generation: u64,
    /// Next offset to deliver.
    pub(super) position: Offset,
    pub(super) lag: Lag,
    told_end: bool,
    /// A new start that the client has not carried out yet: nothing is delivered meanwhile.
    pub(super) seeking: Option<Seeking>,
    /// Of the first start on: the client's queue of this partition.
    queue: Option<PartitionQueue<Context>>,
    /// Met behind records that had to be told first.
    next: Option<Found>,
}

impl Held {
    pub(super) fn is_started(&self) -> bool {
        self.queue.is_some()
    }

    /// Takes the partition's records out of the common queue. Before the client reads it.
    pub(super) fn split(&mut self, client: &Arc<Client>, topic: &str, partition: i32, wake: &super::Wake) {
        self.queue = client.split_partition_queue(topic, partition);
        let wake = wake.clone();
        if let Some(queue) = &mut self.queue {
            queue.set_nonempty_callback(move || wake.up());
        }
    }

    /// Nothing more is read of it.
    pub(super) fn stop(&mut self) -> bool {
        self.next = None;
        self.queue.take().is_some()
    }

    pub(super) fn begin(&mut self, from: Offset, generation: u64) {
        (self.position, self.generation) = (from, generation);
        (self.paused, self.told_end, self.next) = (false, false, None);
        self.lag = Lag::starting_at(from);
    }

    /// The next records that are there now, or what is there instead of them.
    pub(super) fn look(&mut self, records_max: usize, bytes_max: usize) -> Option<Found> {
        if self.stage != Stage::Told || self.paused || self.seeking.is_some() {
            return None;
        }
        if let Some(next) = self.next.take() {
            return self.tell(next);
        }
        let (mut records, mut bytes) = (Vec::new(), 0);
        while records.len() < records_max && bytes < bytes_max {
            match self.queue.as_ref()?.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => {
                    let record = incoming(&message);
                    bytes += size(&record);
                    records.push(record);
                }
                Some(Err(error)) => {
                    let found = named(error);
                    if records.is_empty() {
                        return self.tell(found);
                    }
                    self.next = Some(found);
                    break;
                }
            }
        }
        if records.is_empty() { None } else { self.tell(Found::Records(records)) }
    }

    fn tell(&mut self, found: Found) -> Option<Found> {
        match &found {
            Found::Records(records) => {
                self.position = records.last().map_or(self.position, |last| last.offset + 1);
                self.told_end = false;
                self.lag.delivered(records);
            }
            Found::End => {
                self.lag.at_end();
                // Also told when only a marker came; that is no news.
                if std::mem::replace(&mut self.told_end, true) {
                    return None;
                }
            }
            Found::OutOfRange | Found::Error(_) => {}
        }
        Some(found)
    }
}

fn named(error: KafkaError) -> Found {
    match &error {
        KafkaError::PartitionEOF(_) => Found::End,
        error if error.rdkafka_error_code().is_some_and(is_out_of_range) => Found::OutOfRange,
        error if error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF) => Found::End,
        _ => Found::Error(error),
    }
}

//! # The consume loop
//!
//! One loop serves every group: it joins, runs one task per assigned partition, hands records over
//! through a bounded queue, stores only offsets that the task has reported as done, drains a
//! partition before it gives it up, and never stops polling while a task waits for an engine.
//!
//! ```text
//!  consumer.next ──Records──▶ queue (bounded; full = pause) ──▶ Feed ──▶ Role::serve, one per partition
//!       ▲                                                                    │ feed.done(offset)
//!       └──────────────── store(offset), every 200 ms and before release ◀───┘
//! ```

mod feed;
pub mod letters;
mod partitions;
mod retry;

pub use feed::{Feed, Progress};
pub use retry::{Retry, Transient};

use crate::{
    Engines, Health,
    log::{Consumer, Entry, Event, LogError, LogRecord},
};
use async_trait::async_trait;
use bytes::Bytes;
use feed::Notice;
use parlor_schemas::{
    Topic,
    topics::{Group, Partition},
};
use partitions::{Partitions, Tasks};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How often done offsets are stored; what lies between is done again after a crash.
const STORE_EVERY: Duration = Duration::from_millis(200);

/// Why a partition's task, and with it the group, has to stop.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The partition is being given up, or the process ends: not a defect.
    #[error("the partition is being given up")]
    Closing,
    /// A person has to look: going on would lose or corrupt something.
    #[error("{0}")]
    Alarm(String),
}

/// What a group does with one partition.
#[async_trait]
pub trait Role: Send + Sync + 'static {
    /// Serves an assigned partition until the feed closes: says where to start
    /// ([`Feed::start`]), takes batches, reports what is done.
    async fn serve(&self, feed: Feed) -> Result<(), Stop>;
}

/// Runs one member of `group` until `shutdown`; returns early only on an alarm.
pub async fn run(
    engines: &Engines,
    group: Group,
    role: Arc<dyn Role>,
    health: Health,
    shutdown: CancellationToken,
) -> Result<(), Stop> {
    let retry = Retry::new(group.name(), health.clone(), shutdown.clone());
    let Ok(consumer) = retry.run("join the group", || engines.log.join(group)).await else {
        return Ok(());
    };
    health.set(group.name(), true, "running");
    let (partitions, notices) = Partitions::new(group, role, retry);
    let tasks = Tasks::new();
    let outcome = Loop { consumer, partitions, notices, tasks, shutdown }.run().await;
    health.clear(group.name());
    health.stop_beating(group.name());
    match outcome {
        Err(Stop::Closing) => Ok(()),
        other => other,
    }
}

struct Loop {
    consumer: Box<dyn Consumer>,
    partitions: Partitions,
    notices: mpsc::Receiver<Notice>,
    tasks: Tasks,
    shutdown: CancellationToken,
}

impl Loop {
    async fn run(mut self) -> Result<(), Stop> {
        let outcome = self.poll().await;
        self.partitions.close_all();
        let mut outcome = outcome;
        while let Some(joined) = self.tasks.join_next().await {
            let ended = self.partitions.ended(&mut self.tasks, joined);
            outcome = outcome.and(self.give_up(ended).await);
        }
        self.consumer.leave().await.map_err(alarm)?;
        outcome
    }

    async fn poll(&mut self) -> Result<(), Stop> {
        let mut store = tokio::time::interval(STORE_EVERY);
        store.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return Ok(()),
                event = self.consumer.next(), if !self.partitions.is_holding_too_much() => match event {
                    Ok(event) => self.on_event(event).await?,
                    Err(error) => self.partitions.wait_after(&error).await?,
                },
                Some(notice) = self.notices.recv() => self.on_notice(notice).await?,
                Some(joined) = self.tasks.join_next() => {
                    let ended = self.partitions.ended(&mut self.tasks, joined);
                    self.give_up(ended).await?;
                }
                _ = store.tick() => {
                    self.partitions.beat();
                    self.store_done().await?;
                    for partition in self.partitions.held() {
                        self.on_notice(Notice::Room(partition)).await?;
                    }
                }
            }
        }
    }

    async fn on_notice(&mut self, notice: Notice) -> Result<(), Stop> {
        match notice {
            Notice::Start { partition, generation, .. }
                if !self.partitions.is_current(partition, generation) =>
            {
                Ok(())
            }
            Notice::Start { partition, from, generation } => {
                match self.consumer.start(partition, from).await {
                    Ok(()) => {
                        self.partitions.started(partition, generation);
                        // A pause was for what was held, and that is gone.
                        self.resume(partition).await
                    }
                    // Lost meanwhile; its event comes.
                    Err(LogError::Fenced) => Ok(()),
                    Err(error) => Err(alarm(error)),
                }
            }
            Notice::Room(partition) if self.partitions.hand_over(partition) => self.resume(partition).await,
            Notice::Room(_) => Ok(()),
        }
    }

    async fn resume(&mut self, partition: Partition) -> Result<(), Stop> {
        match self.consumer.pause(partition, false).await {
            Ok(()) | Err(LogError::Fenced) => Ok(()),
            Err(error) => Err(alarm(error)),
        }
    }

    async fn on_event(&mut self, event: Event) -> Result<(), Stop> {
        match event {
            Event::Assigned(assigned) => {
                for (partition, stored) in assigned {
                    self.partitions.open(&mut self.tasks, partition, stored);
                }
            }
            Event::Revoked(revoked) => {
                for partition in revoked {
                    if self.partitions.close(partition, true) {
                        self.consumer.release(partition).await.map_err(alarm)?;
                    }
                }
            }
            Event::Lost(lost) => {
                for partition in lost {
                    self.partitions.close(partition, false);
                }
            }
            Event::Records(partition, records) => {
                if !self.partitions.offer(partition, records) {
                    self.consumer.pause(partition, true).await.map_err(alarm)?;
                }
            }
            Event::End(partition) => self.partitions.at_end(partition),
        }
        Ok(())
    }

    async fn store_done(&mut self) -> Result<(), Stop> {
        let done = self.partitions.take_done();
        if done.is_empty() {
            return Ok(());
        }
        match self.consumer.store(done.clone()).await {
            Ok(()) => Ok(()),
            // A partition that is another's already stores for itself; the others, and what is
            // unavailable, are stored with the next round.
            Err(LogError::Fenced | LogError::Unavailable(_)) => {
                self.partitions.put_back(done);
                Ok(())
            }
            Err(error) => Err(alarm(error)),
        }
    }

    async fn give_up(&mut self, ended: partitions::Ended) -> Result<(), Stop> {
        if let Some(done) = ended.done {
            match self.consumer.store(vec![(ended.partition, done)]).await {
                Ok(()) | Err(LogError::Fenced | LogError::Unavailable(_)) => {}
                Err(error) => return Err(alarm(error)),
            }
        }
        match ended.outcome {
            Ok(()) | Err(Stop::Closing) if ended.revoked => {
                self.consumer.release(ended.partition).await.map_err(alarm)
            }
            Ok(()) | Err(Stop::Closing) => Ok(()),
            Err(stop) => Err(stop),
        }
    }
}

/// An engine error that waiting does not mend.
pub fn alarm(error: impl std::fmt::Display) -> Stop {
    Stop::Alarm(error.to_string())
}

/// The dead letter of a record that `group` can't take: the original key, value and headers, with
/// where it stood and why. Append it, wait until it is durable, and only then pass the record.
pub fn dead_letter(group: Group, record: &LogRecord, reason: &str) -> Entry {
    let text = |value: String| Bytes::from(value.into_bytes());
    let mut headers = record.headers.clone();
    headers.push(("dlq.topic".into(), text(group.topic().name())));
    headers.push(("dlq.partition".into(), text(record.partition.to_string())));
    headers.push(("dlq.offset".into(), text(record.offset.to_string())));
    headers.push(("dlq.reason".into(), text(reason.to_owned())));
    Entry {
        topic: Topic::DeadLetters(group),
        partition: record.partition,
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
    }
}

/// A partition's name for people: `fanout/3`.
fn name_of(group: Group, partition: Partition) -> String {
    format!("{}/{partition}", group.name())
}

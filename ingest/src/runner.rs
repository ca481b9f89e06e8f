//! One partition's sequencer at work: claim, rebuild, then decide and commit, batch by batch.
//!
//! Two stages run side by side in one task: *prepare* (poll, decode, ask for facts) and *decide*
//! (decide, commit, apply, answer), so that facts are on their way while an earlier batch commits.

use crate::{
    answers::Answers,
    core::{Core, Decided, Duplicate, Facts, Input},
    facts::Finder,
    rebuild::rebuild,
};
use async_trait::async_trait;
use bytes::Bytes;
use parlor_engines::{
    Engines,
    consume::{Feed, Progress, Role, Stop, alarm, dead_letter},
    crash::{self, Point},
    log::{Entry, LogError, LogRecord, Owner, Read},
};
use parlor_schemas::{
    Limits, Outcome, Record, Row, Timestamp, Topic, avro,
    header::{self, Header},
    topics::{Group, Offset, Partition},
};
use std::time::Duration;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

/// Prepared batches that wait for the one being committed.
const PREPARED: usize = 2;
/// After a fencing: time for the group to tell a zombie that the partition is another's.
const FENCED_PAUSE: Duration = Duration::from_secs(1);

/// The role: what every partition of the group shares.
pub struct Ingest {
    engines: Engines,
    limits: Limits,
    answers: Answers,
}

/// Commands of one poll, decoded, with their facts.
struct Prepared {
    commands: Vec<(Input, Facts)>,
    /// Undecodable ones, with the reason.
    poison: Vec<(LogRecord, String)>,
}

/// What prepare needs to know of the state to tell which facts are needed.
#[derive(Clone, Copy, Debug, Default)]
struct Horizon {
    log_time: Timestamp,
    forgotten: Option<(Offset, Timestamp)>,
}

impl Horizon {
    fn of(core: &Core) -> Self {
        Self { log_time: core.log_time(), forgotten: core.memory().forgotten() }
    }
}

#[async_trait]
impl Role for Ingest {
    async fn serve(&self, mut feed: Feed) -> Result<(), Stop> {
        loop {
            match self.own(&mut feed).await {
                // An unclear commit: a new owner, and what was not committed is dropped.
                Ok(LogError::Unavailable(reason)) => {
                    tracing::warn!(part = feed.retry.name(), reason, "claims anew");
                }
                Ok(LogError::Fenced) => {
                    tracing::warn!(part = feed.retry.name(), "another owner has claimed the partition");
                    tokio::select! {
                        () = feed.retry.closing().cancelled() => return Err(Stop::Closing),
                        () = tokio::time::sleep(FENCED_PAUSE) => {}
                    }
                }
                Ok(error) => return Err(alarm(error)),
                Err(stop) => return Err(stop),
            }
        }
    }
}

impl Ingest {
    /// A role that leaves answers with `answers`.
    pub fn new(engines: Engines, limits: Limits, answers: Answers) -> Self {
        Self { engines, limits, answers }
    }

    /// One ownership of the partition; `Ok` is the commit error that ended it.
    async fn own(&self, feed: &mut Feed) -> Result<LogError, Stop> {
        let (partition, retry) = (feed.partition, feed.retry.clone());
        let owner = retry.run("claim", || self.engines.log.claim(partition)).await?;
        let core = rebuild(&*self.engines.log, &self.limits, partition, &retry).await?;
        feed.start(core.next_command()).await?;
        let progress = feed.progress();
        let (ready, prepared) = mpsc::channel(PREPARED);
        let (horizon, seen) = watch::channel(Horizon::of(&core));
        let sequencer = Sequencer { ingest: self, partition, owner, core, progress, horizon };
        tokio::select! {
            stop = self.prepare(feed, ready, seen) => Err(stop),
            error = sequencer.run(prepared) => Ok(error),
        }
    }

    /// Polls, decodes and asks for facts until the partition closes.
    async fn prepare(
        &self,
        feed: &mut Feed,
        ready: mpsc::Sender<Prepared>,
        horizon: watch::Receiver<Horizon>,
    ) -> Stop {
        let mut finder = Finder::new(self.engines.clone(), self.limits.clone(), feed.partition);
        loop {
            let records = match feed.next().await {
                Ok(records) => records,
                Err(stop) => return stop,
            };
            let (mut inputs, mut poison) = (Vec::with_capacity(records.len()), Vec::new());
            for record in records {
                match avro::decode_command(record.value.as_deref().unwrap_or_default()) {
                    Ok(command) => inputs.push(Input { offset: record.offset, at: record.at, command }),
                    Err(error) => poison.push((record, error.to_string())),
                }
            }
            let Horizon { log_time, forgotten } = *horizon.borrow();
            let newest = inputs.iter().map(|input| input.at).max().unwrap_or_default().max(log_time);
            let commands: Vec<_> = inputs.iter().map(|input| &input.command).collect();
            let facts = finder.gather(&commands, newest, forgotten).await;
            let commands = inputs.into_iter().zip(facts).collect();
            if ready.send(Prepared { commands, poison }).await.is_err() {
                return Stop::Closing;
            }
        }
    }

    /// A duplicate's ack with what only the first record knows. If it can't be read now nothing is
    /// answered: the client asks again.
    async fn answer_duplicate(&self, partition: Partition, duplicate: Duplicate) {
        let Duplicate { mut answer, offset } = duplicate;
        if let Outcome::Sequenced(ack) = &mut answer.outcome {
            let Some(record) = self.read(partition, offset).await else {
                return;
            };
            ack.skipped = record.body.skipped().to_vec();
            ack.owner_id = record.body.owner_id();
        }
        self.answers.give([answer]);
    }

    async fn read(&self, partition: Partition, offset: Offset) -> Option<Record> {
        let log = &self.engines.log;
        let mut reader = log.read(Topic::Messages, partition, offset).await.ok()?;
        match reader.next().await.ok()? {
            Read::Records(records) => {
                let record = records.into_iter().find(|record| record.offset == offset)?;
                avro::decode_record(record.value.as_deref()?).ok()
            }
            Read::End(_) => None,
        }
    }
}

struct Sequencer<'a> {
    ingest: &'a Ingest,
    partition: Partition,
    owner: Box<dyn Owner>,
    core: Core,
    progress: Progress,
    horizon: watch::Sender<Horizon>,
}

impl Sequencer<'_> {
    /// Decides and commits until a commit does not simply succeed.
    async fn run(mut self, mut prepared: mpsc::Receiver<Prepared>) -> LogError {
        let every = Duration::from_millis(self.ingest.limits.head_rows_every_ms);
        let mut heads_due = Instant::now() + every;
        loop {
            let batch = tokio::select! {
                biased;
                () = tokio::time::sleep_until(heads_due), if self.core.is_behind_in_rows() => None,
                batch = prepared.recv() => match batch {
                    Some(batch) => Some(batch),
                    None => std::future::pending().await,
                },
            };
            let heads = Instant::now() >= heads_due;
            if heads {
                heads_due = Instant::now() + every;
            }
            if let Err(error) = self.commit(batch, heads).await {
                return error;
            }
        }
    }

    async fn commit(&mut self, batch: Option<Prepared>, heads: bool) -> Result<(), LogError> {
        let Prepared { commands, poison } =
            batch.unwrap_or_else(|| Prepared { commands: Vec::new(), poison: Vec::new() });
        let mut draft = self.core.draft();
        let mut dead = Vec::new();
        let mut poison = poison.into_iter().peekable();
        for (input, facts) in &commands {
            while let Some((record, reason)) = poison.next_if(|(record, _)| record.offset < input.offset) {
                draft.skip(record.offset, record.at);
                dead.push(dead_letter(Group::Ingest, &record, &reason));
            }
            draft.decide(input, facts);
        }
        for (record, reason) in poison {
            draft.skip(record.offset, record.at);
            dead.push(dead_letter(Group::Ingest, &record, &reason));
        }
        let Decided { records, rows, answers, duplicates, change } = draft.finish(heads);
        let count = records.len();
        let mut entries = entries(self.partition, &records, &rows);
        entries.extend(dead);
        if count > 0 {
            crash::pass(Point::IngestDecided);
        }
        let offsets = self.owner.commit(entries).await?;
        if count > 0 {
            crash::pass(Point::IngestCommitted);
        }
        self.core.apply(change, &offsets[..count]);
        self.horizon.send_replace(Horizon::of(&self.core));
        self.progress.done(self.core.next_command(), "");
        metrics::counter!("parlor_ingest_records_total").increment(count as u64);
        self.ingest.answers.give(answers);
        for duplicate in duplicates {
            self.ingest.answer_duplicate(self.partition, duplicate).await;
        }
        Ok(())
    }
}

/// What a batch writes: its records, in order, and then its rows.
pub fn entries(partition: Partition, records: &[(Record, Header)], rows: &[Row]) -> Vec<Entry> {
    let record = |(record, header): &(Record, Header)| Entry {
        topic: Topic::Messages,
        partition,
        key: text(&record.conversation_id),
        value: Some(avro::encode_record(record)),
        headers: vec![(header::NAME.into(), header.encode().into())],
    };
    let row = |row: &Row| Entry {
        topic: Topic::Conversations,
        partition,
        key: text(&row.key()),
        value: Some(avro::encode_row(row)),
        headers: Vec::new(),
    };
    records.iter().map(record).chain(rows.iter().map(row)).collect()
}

fn text(value: &impl ToString) -> Bytes {
    Bytes::from(value.to_string())
}

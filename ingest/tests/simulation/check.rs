//! What must hold when a run is over.

use crate::{
    partition::{State, Verdict},
    schedule::{Run, decode},
};
use parlor_schemas::{
    Code, Command, Outcome, Record, avro, header::Header, time::message_ticks, topics::Offset,
};
use std::collections::{HashMap, HashSet};

/// What has happened, over all seeds.
#[derive(Debug, Default)]
pub struct Told {
    seeds: u64,
    commands: usize,
    records: usize,
    duplicates: usize,
    conflicts: usize,
    clocks: usize,
    unavailable: usize,
    crashes: u32,
    fenced: u32,
    unclear: u32,
    committed_late: u32,
    retentions: u32,
}

impl Told {
    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        self.seeds += 1;
        self.commands += other.commands;
        self.records += other.records;
        self.duplicates += other.duplicates;
        self.conflicts += other.conflicts;
        self.clocks += other.clocks;
        self.unavailable += other.unavailable;
        self.crashes += other.crashes;
        self.fenced += other.fenced;
        self.unclear += other.unclear;
        self.committed_late += other.committed_late;
        self.retentions += other.retentions;
    }

    /// Whether every kind of thing has happened often enough for the runs to mean something.
    pub fn has_seen_everything(&self) -> bool {
        let answers = [self.records, self.duplicates, self.conflicts, self.clocks, self.unavailable];
        let faults = [self.crashes, self.fenced, self.unclear, self.committed_late, self.retentions];
        let seeds = self.seeds.max(1);
        answers.iter().all(|count| *count as u64 * 10 > seeds)
            && faults.iter().all(|count| u64::from(*count) * 10 > seeds)
    }
}

/// Asserts everything.
pub fn all(run: &Run) -> Told {
    let state = run.log.0.lock();
    let records: Vec<(Record, Header)> = state.messages.iter().map(decode).collect();
    every_command_is_decided_once(&state, &records);
    conversations_are_dense(&records);
    each_id_is_once(&records);
    let mut told = answers_agree_with_the_log(&state, &records);
    told.records = records.len();
    (told.crashes, told.retentions) = (run.crashes, run.retentions);
    (told.fenced, told.unclear, told.committed_late) = (state.fenced, state.unclear, state.committed_late);
    told
}

fn every_command_is_decided_once(state: &State, records: &[(Record, Header)]) {
    let all: Vec<Offset> = (0..state.commands.len() as Offset).collect();
    assert!(state.decided.keys().copied().eq(all), "a command was passed over");
    let recorded = state.decided.iter().filter(|(_, verdict)| **verdict == Verdict::Recorded);
    let sources = records.iter().map(|(record, _)| record.source_offset);
    assert!(sources.eq(recorded.map(|(offset, _)| *offset)), "records in the order of their commands");
}

fn conversations_are_dense(records: &[(Record, Header)]) {
    let mut last = HashMap::new();
    let mut ids = HashSet::new();
    for (record, header) in records {
        let (seq, ord, ticks) = last.entry(record.conversation_id).or_insert((0, 0, 0));
        assert_eq!(record.seq, *seq + 1, "a hole or a double");
        assert_eq!(record.ord, *ord + u64::from(record.kind().is_countable()));
        let now = message_ticks(record.message_id);
        assert!(now > *ticks, "the id's time rises with seq");
        assert!(ids.insert(record.message_id), "two records share an id");
        assert_eq!((header.seq, header.ord, header.message_id), (record.seq, record.ord, record.message_id));
        (*seq, *ord, *ticks) = (record.seq, record.ord, now);
    }
}

fn each_id_is_once(records: &[(Record, Header)]) {
    let mut seen = HashSet::new();
    for (record, header) in records {
        assert!(seen.insert(header.key_hash), "{} made two records", record.client_msg_id);
    }
}

fn answers_agree_with_the_log(state: &State, records: &[(Record, Header)]) -> Told {
    let mut told = Told { commands: state.commands.len(), ..Told::default() };
    for (offset, verdict) in &state.decided {
        let Verdict::Answered(outcome) = verdict else { continue };
        let bytes = state.commands[*offset as usize].value.as_deref().unwrap_or_default();
        let command = avro::decode_command(bytes).expect("a command");
        let first = first(records, &command).filter(|(record, _)| record.source_offset < *offset);
        match outcome {
            Outcome::Sequenced(ack) => {
                told.duplicates += 1;
                let (record, header) = first.expect("an ack without a record");
                assert_eq!((ack.seq, ack.ord, ack.message_id), (record.seq, record.ord, record.message_id));
                assert!(ack.duplicate && header.payload_hash == command.payload_hash);
            }
            Outcome::Done { .. } => {}
            Outcome::Refused(refusal) => match refusal.code {
                Code::Unavailable => told.unavailable += 1,
                // Too old: what is said of an id that memory has forgotten is that it is too old.
                Code::InvalidRequest if refusal.now.is_some() => told.clocks += 1,
                Code::Conflict if first.is_some() => {
                    told.conflicts += 1;
                    let (_, header) = first.expect("seen above");
                    assert_ne!(header.payload_hash, command.payload_hash, "no conflict");
                }
                code => assert!(first.is_none(), "{code:?} for an id that has a record"),
            },
        }
    }
    told
}

/// The record that was made with the command's id.
fn first<'r>(records: &'r [(Record, Header)], command: &Command) -> Option<&'r (Record, Header)> {
    records.iter().find(|(record, _)| {
        record.conversation_id == command.conversation_id
            && record.sender_id == command.sender_id
            && record.client_msg_id == command.client_msg_id
    })
}

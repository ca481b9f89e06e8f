//! A log, rows and a store index in memory, and the ways in which a batch can end.

use crate::core::{Core, Facts, IndexFact, Input, TargetFact};
use parlor_engines::store::StoredAck;
use parlor_schemas::{
    Ack, Answer, ClientMsgId, Command, ConversationId, Limits, Record, RecordText, Row, Timestamp, UserId,
    command::{Action, Origin, dedup_key},
    header::Header,
    rows::PositionRow,
    topics::Offset,
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How a batch ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    Committed,
    /// Nothing was written; the next owner rebuilds.
    CrashBefore,
    /// All was written, but this owner does not know it; the next one rebuilds.
    CrashAfter,
}

pub(super) struct World {
    limits: Limits,
    pub(super) core: Core,
    pub(super) records: Vec<(Offset, Record, Header)>,
    rows: BTreeMap<String, Row>,
    pub(super) answers: Vec<Answer>,
    /// Every how many offsets the log puts something of its own (Kafka's commit markers).
    marker_every: u64,
}

pub(super) fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n + 1))
}

/// A UUIDv7 made at `millis`.
pub(super) fn v7(millis: i64, n: u128) -> ClientMsgId {
    ClientMsgId(Uuid::from_u128((millis as u128) << 80 | 7 << 76 | 0b10 << 62 | n))
}

pub(super) fn command(
    conversation_id: ConversationId,
    sender: UserId,
    id: ClientMsgId,
    action: Action,
) -> Command {
    let payload = parlor_schemas::command::dedup_key(conversation_id, sender, ClientMsgId(Uuid::nil()));
    Command {
        conversation_id,
        sender_id: sender,
        device_id: parlor_schemas::DeviceId(Uuid::from_u128(99)),
        client_msg_id: id,
        payload_hash: payload,
        origin: Origin { gateway_id: parlor_schemas::GatewayId(Uuid::from_u128(98)), request: 0 },
        action,
        refused: None,
    }
}

impl World {
    pub(super) fn new(limits: Limits, marker_every: u64) -> Self {
        Self {
            core: Core::new(0, limits.clone(), None),
            limits,
            records: Vec::new(),
            rows: BTreeMap::new(),
            answers: Vec::new(),
            marker_every,
        }
    }

    /// Decides a batch; `lag`: how many of the newest records the persister has not written.
    pub(super) fn batch(&mut self, commands: &[(Offset, i64, Command)], end: End, heads: bool, lag: usize) {
        let mut draft = self.core.draft();
        for (offset, at, command) in commands {
            let facts = self.facts(command, lag, &draft.records);
            draft.decide(&Input { offset: *offset, at: Timestamp(*at), command: command.clone() }, &facts);
        }
        let decided = draft.finish(heads);
        if end == End::CrashBefore {
            self.rebuild();
            return;
        }
        let mut next = self.records.last().map_or(0, |(offset, _, _)| offset + 1);
        let mut offsets = Vec::new();
        for (record, header) in decided.records {
            if self.marker_every > 0 && next.is_multiple_of(self.marker_every) {
                next += 1;
            }
            self.records.push((next, record, header));
            offsets.push(next);
            next += 1;
        }
        for row in decided.rows {
            self.rows.insert(row.key(), row);
        }
        if end == End::CrashAfter {
            self.rebuild();
        } else {
            self.core.apply(decided.change, &offsets);
            self.answers.extend(decided.answers);
            self.answers.extend(decided.duplicates.into_iter().map(|duplicate| duplicate.answer));
        }
    }

    /// What the store and the tail would say. `drafted`: a client acts on what it was acked, so in
    /// truth these are committed; here any batching must decide alike.
    fn facts(&self, command: &Command, lag: usize, drafted: &[(Record, Header)]) -> Facts {
        let written = &self.records[..self.records.len().saturating_sub(lag)];
        let written_to = written.last().map_or(0, |(offset, _, _)| offset + 1);
        let key = dedup_key(command.conversation_id, command.sender_id, command.client_msg_id);
        let first = written.iter().find(|(_, _, header)| header.key_hash == key);
        let ack = first.map(|(_, record, header)| StoredAck {
            payload_hash: header.payload_hash,
            ack: Ack::of(record, false),
        });
        let target = command.action.target().and_then(|seq| {
            let of = |r: &Record| r.conversation_id == command.conversation_id;
            let all = || self.records.iter().map(|(_, r, _)| r).chain(drafted.iter().map(|(r, _)| r));
            let text = all().find(|r| of(r) && r.seq == seq)?;
            // Deletes of the last moments are the core's own to remember.
            let deleted = self.records.iter().any(|(_, r, header)| {
                of(r) && r.kind() == parlor_schemas::record::Kind::Delete && header.target == Some(seq)
            });
            Some(TargetFact { text: RecordText::of(text), deleted })
        });
        Facts { index: Some(IndexFact { written_to, ack }), target }
    }

    /// What the next owner makes of rows and log.
    pub(super) fn rebuild(&mut self) {
        let position: Option<PositionRow> = self.rows.values().find_map(|row| match row {
            Row::Position(row) => Some(*row),
            _ => None,
        });
        let mut core = Core::new(0, self.limits.clone(), position);
        self.rows.values().for_each(|row| core.load(row.clone()));
        let from = core.fold_from();
        for (offset, _, header) in self.records.iter().filter(|(offset, _, _)| *offset >= from) {
            core.fold(*offset, header).expect("the log has no gap");
        }
        self.core = core;
    }

    /// The commands from the position on.
    pub(super) fn rest<'c>(&self, commands: &'c [(Offset, i64, Command)]) -> &'c [(Offset, i64, Command)] {
        let done = commands.partition_point(|(offset, _, _)| *offset < self.core.next_command());
        &commands[done..]
    }

    /// The log as a reader sees it.
    pub(super) fn log(&self) -> Vec<Record> {
        self.records.iter().map(|(_, record, _)| record.clone()).collect()
    }
}

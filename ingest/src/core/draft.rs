//! A batch being decided: an overlay over the state, thrown away or applied as a whole.

use super::{Conversation, Core, Facts, Remembered};
use parlor_engines::sabotage::{self, Sabotage};
use parlor_schemas::{
    Ack, Answer, Body, Code, Command, ConversationId, Limits, Outcome, Record, Refusal, Row, Timestamp,
    UserId,
    command::{Action, Hash, dedup_key},
    header::Header,
    record::{ConversationKind, HistoryRule, Kind},
    rows::{HeadRow, MembersRow, PositionRow},
    time::{message_id, of_ticks, ticks},
    topics::Offset,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// A command where it stands in the log.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Input {
    pub offset: Offset,
    /// The log's append time.
    pub at: Timestamp,
    pub command: Command,
}

/// A duplicate whose first ack needs more than memory keeps (`skipped`, `owner_id`): read the record.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Duplicate {
    /// The answer as far as memory has it.
    pub answer: Answer,
    /// The record's place in `chat.messages.v1`.
    pub offset: Offset,
}

/// What a batch came to.
#[derive(Debug)]
pub struct Decided {
    /// For `chat.messages.v1`, in order.
    pub records: Vec<(Record, Header)>,
    /// For `chat.conversations.v1`; the position row is the last one.
    pub rows: Vec<Row>,
    /// To be given once the batch is committed.
    pub answers: Vec<Answer>,
    /// Answers that need a look at the record first.
    pub duplicates: Vec<Duplicate>,
    /// For [`Core::apply`].
    pub change: Change,
}

/// How the state moves when the batch is committed.
#[derive(Debug)]
pub struct Change {
    pub(super) headers: Vec<Header>,
    pub(super) conversations: HashMap<ConversationId, Conversation>,
    pub(super) position: PositionRow,
    pub(super) forget_before: Timestamp,
    pub(super) wrote_heads: bool,
}

/// What a command comes to.
pub(super) enum Verdict {
    /// A record, and the members row after it where that changes.
    Record(Body, Option<MembersRow>),
    /// A changed row without a record.
    Row(MembersRow),
    /// Nothing to do.
    Done,
}

/// The overlay.
pub struct Draft<'a> {
    core: &'a Core,
    conversations: HashMap<ConversationId, Conversation>,
    rows_changed: HashSet<ConversationId>,
    pub(super) records: Vec<(Record, Header)>,
    by_key: HashMap<Hash, usize>,
    deleted: HashSet<(ConversationId, u64)>,
    answers: Vec<Answer>,
    duplicates: Vec<Duplicate>,
    log_time: Timestamp,
    next_command: Offset,
}

/// The row of a conversation that has no members yet.
pub(super) fn no_members(conversation_id: ConversationId) -> MembersRow {
    MembersRow {
        conversation_id,
        conversation_kind: ConversationKind::Direct,
        title: None,
        avatar_media_id: None,
        history: HistoryRule::All,
        members_seq: 0,
        members: Vec::new(),
        blocked_by: Vec::new(),
        sides: Vec::new(),
    }
}

impl<'a> Draft<'a> {
    pub(super) fn new(core: &'a Core) -> Self {
        Self {
            core,
            conversations: HashMap::new(),
            rows_changed: HashSet::new(),
            records: Vec::new(),
            by_key: HashMap::new(),
            deleted: HashSet::new(),
            answers: Vec::new(),
            duplicates: Vec::new(),
            log_time: core.log_time,
            next_command: core.next_command,
        }
    }

    /// Decides the next command. Commands come in offset order; one below the position was decided
    /// in an earlier life and is passed over.
    pub fn decide(&mut self, input: &Input, facts: &Facts) {
        if input.offset < self.next_command {
            return;
        }
        self.next_command = input.offset + 1;
        self.log_time = self.log_time.max(input.at);
        let command = &input.command;
        let key = dedup_key(command.conversation_id, command.sender_id, command.client_msg_id);
        let outcome = match self.first_time(command, &key, facts) {
            Ok(true) => self.judge(command, facts).map(|verdict| self.carry_out(input, key, verdict)),
            Ok(false) => return,
            Err(refusal) => Err(refusal),
        };
        match outcome {
            Ok(None) => {}
            Ok(Some(outcome)) => self.answers.push(Answer { origin: command.origin, outcome }),
            Err(refusal) => {
                self.answers.push(Answer { origin: command.origin, outcome: Outcome::Refused(refusal) });
            }
        }
    }

    /// Passes an undecodable command: it went to the dead letters in the same commit.
    pub fn skip(&mut self, offset: Offset, at: Timestamp) {
        if offset >= self.next_command {
            self.next_command = offset + 1;
            self.log_time = self.log_time.max(at);
        }
    }

    /// Deduplication, decided before anything else (DESIGN §3). `false`: a duplicate, answered.
    fn first_time(&mut self, command: &Command, key: &Hash, facts: &Facts) -> Result<bool, Refusal> {
        if sabotage::is(Sabotage::NoDedup) {
            return Ok(true);
        }
        if let Some(at) = self.by_key.get(key) {
            let (record, header) = &self.records[*at];
            same_payload(header.payload_hash, command)?;
            let outcome = Outcome::Sequenced(Ack::of(record, true));
            self.answers.push(Answer { origin: command.origin, outcome });
            return Ok(false);
        }
        if let Some(known) = self.core.memory.find(key) {
            same_payload(known.payload_hash, command)?;
            self.duplicate(command, *known);
            return Ok(false);
        }
        if is_certainly_new(self.limits(), command, self.log_time, self.core.memory.forgotten())? {
            return Ok(true);
        }
        let unsure = || {
            Refusal::new(
                Code::Unavailable,
                "the index of earlier ids is not available now: try again with the same id",
            )
        };
        let index = facts.index.as_ref().ok_or_else(unsure)?;
        if let Some(first) = &index.ack {
            same_payload(first.payload_hash, command)?;
            let ack = Ack { duplicate: true, ..first.ack.clone() };
            self.answers.push(Answer { origin: command.origin, outcome: Outcome::Sequenced(ack) });
            return Ok(false);
        }
        let forgotten = self.core.memory.forgotten();
        let knows_all = forgotten.is_none_or(|(offset, _)| index.written_to > offset);
        if knows_all { Ok(true) } else { Err(unsure()) }
    }

    fn duplicate(&mut self, command: &Command, known: Remembered) {
        let ack = Ack {
            conversation_id: command.conversation_id,
            client_msg_id: command.client_msg_id,
            seq: known.seq,
            ord: known.ord,
            message_id: known.message_id,
            at: of_ticks(parlor_schemas::time::message_ticks(known.message_id)),
            duplicate: true,
            skipped: Vec::new(),
            owner_id: None,
        };
        let answer = Answer { origin: command.origin, outcome: Outcome::Sequenced(ack) };
        if known.kind.changes_members() {
            self.duplicates.push(Duplicate { answer, offset: known.offset });
        } else {
            self.answers.push(answer);
        }
    }

    /// Whether the sender may, and what it comes to.
    fn judge(&self, command: &Command, facts: &Facts) -> Result<Verdict, Refusal> {
        if let Some(code) = command.refused {
            return Err(Refusal::new(code, "what this refers to is not there, or not for you"));
        }
        match &command.action {
            Action::Message(_) | Action::Edit(_) | Action::Delete(_) | Action::React(_) | Action::Pin(_) => {
                self.judge_message(command, facts)
            }
            _ => self.judge_group(command),
        }
    }

    /// Gives a record its place, or changes a row. `Some`: the answer for later; a new record is
    /// answered by fanout, from the record itself.
    fn carry_out(&mut self, input: &Input, key: Hash, verdict: Verdict) -> Option<Outcome> {
        let command = &input.command;
        let id = command.conversation_id;
        let done = Some(Outcome::Done { conversation_id: id });
        match verdict {
            Verdict::Done => done,
            Verdict::Row(row) => {
                let mut conversation = self.conversation(id).unwrap_or_else(|| new_conversation(id));
                conversation.members = Arc::new(row);
                self.conversations.insert(id, conversation);
                self.rows_changed.insert(id);
                done
            }
            Verdict::Record(body, row) => {
                self.emit(input, key, body, row);
                None
            }
        }
    }

    fn emit(&mut self, input: &Input, key: Hash, body: Body, row: Option<MembersRow>) {
        let command = &input.command;
        let id = command.conversation_id;
        let mut conversation = self.conversation(id).unwrap_or_else(|| new_conversation(id));
        conversation.seq += 1;
        conversation.ord += u64::from(body.kind().is_countable());
        conversation.ticks = ticks(input.at).max(conversation.ticks + 1);
        if let Some(row) = row {
            conversation.members = Arc::new(row);
            self.rows_changed.insert(id);
        }
        let record = Record {
            conversation_id: id,
            seq: conversation.seq,
            ord: conversation.ord,
            members_seq: conversation.members.members_seq,
            message_id: message_id(id, conversation.ticks),
            at: of_ticks(conversation.ticks),
            sender_id: command.sender_id,
            device_id: command.device_id,
            client_msg_id: command.client_msg_id,
            body,
            origin: command.origin,
            source_offset: input.offset,
        };
        let header = Header {
            kind: record.kind(),
            conversation_id: id,
            key_hash: key,
            payload_hash: command.payload_hash,
            message_id: record.message_id,
            log_time: self.log_time,
            seq: record.seq,
            ord: record.ord,
            target: record.body.target(),
        };
        if let (Kind::Delete, Some(target)) = (header.kind, header.target) {
            self.deleted.insert((id, target));
        }
        self.by_key.insert(key, self.records.len());
        self.records.push((record, header));
        self.conversations.insert(id, conversation);
    }

    /// Ends the batch. With `heads` every head row that is behind goes with it.
    pub fn finish(self, heads: bool) -> Decided {
        let core = self.core;
        let forget_before = self.log_time.plus_millis(-self.limits().dedup_window_ms);
        let forget = core.memory.to_forget(forget_before, self.limits().dedup_max);
        let (remembered, forgotten) = core.memory.after_forgetting(forget);
        let position = PositionRow {
            partition: core.partition,
            next_command: self.next_command,
            log_time: self.log_time,
            covered: if heads { core.messages_end } else { core.covered },
            remembered,
            forgotten: forgotten.map(|(offset, _)| offset),
            forgotten_at: forgotten.map_or(Timestamp(0), |(_, at)| at),
        };
        let newest = |id: &ConversationId| self.conversations.get(id).or_else(|| core.conversations.get(id));
        let members = self.rows_changed.iter().filter_map(newest);
        let mut rows: Vec<Row> = members.map(|c| Row::Members((*c.members).clone())).collect();
        if heads {
            rows.extend(core.dirty.iter().filter_map(|id| newest(id).map(|c| (id, c))).map(|(id, c)| {
                Row::Head(HeadRow { conversation_id: *id, seq: c.seq, ord: c.ord, ticks: c.ticks })
            }));
        }
        rows.push(Row::Position(position));
        let headers = self.records.iter().map(|(_, header)| *header).collect();
        Decided {
            records: self.records,
            rows,
            answers: self.answers,
            duplicates: self.duplicates,
            change: Change {
                headers,
                conversations: self.conversations,
                position,
                forget_before,
                wrote_heads: heads,
            },
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.core.limits
    }

    pub(super) fn log_time(&self) -> Timestamp {
        self.log_time
    }

    pub(super) fn conversation(&self, id: ConversationId) -> Option<Conversation> {
        self.conversations.get(&id).or_else(|| self.core.conversations.get(&id)).cloned()
    }

    pub(super) fn is_deleted(&self, id: ConversationId, seq: u64) -> bool {
        self.deleted.contains(&(id, seq)) || self.core.memory.is_deleted(id, seq)
    }

    /// The conversation, if `user` is a member of it now: strangers are told that there is none,
    /// former members that they are no longer in it.
    pub(super) fn conversation_of(&self, id: ConversationId, user: UserId) -> Result<Conversation, Refusal> {
        let gone = || Refusal::new(Code::NotFound, "there is no such conversation");
        let conversation = self.conversation(id).ok_or_else(gone)?;
        if conversation.members.present(user).is_some() {
            return Ok(conversation);
        }
        if conversation.members.members.iter().any(|m| m.user_id == user) {
            return Err(Refusal::new(Code::NotAMember, "you are no longer a member of this conversation"));
        }
        Err(gone())
    }
}

fn new_conversation(id: ConversationId) -> Conversation {
    Conversation { members: Arc::new(no_members(id)), seq: 0, ord: 0, ticks: 0 }
}

fn same_payload(first: Hash, command: &Command) -> Result<(), Refusal> {
    if first == command.payload_hash {
        Ok(())
    } else {
        Err(Refusal::new(Code::Conflict, "this client_msg_id was used for another request"))
    }
}

/// Whether no earlier command can have had this id, by its own time alone; an id whose time is
/// impossible is refused with the log's time (DESIGN §3).
pub fn is_certainly_new(
    limits: &Limits,
    command: &Command,
    log_time: Timestamp,
    forgotten: Option<(Offset, Timestamp)>,
) -> Result<bool, Refusal> {
    let made = command.client_msg_id.v7_millis();
    if let Some(made) = made {
        let ahead = made > log_time.0 + limits.id_ahead_ms;
        if ahead || made < log_time.0 - limits.id_age_max_ms {
            let message = if ahead {
                "clock: the id is ahead of the server's time"
            } else {
                "clock: the id is too old"
            };
            return Err(Refusal { code: Code::InvalidRequest, message: message.into(), now: Some(log_time) });
        }
    }
    let Some((_, forgotten_at)) = forgotten else {
        return Ok(true);
    };
    Ok(made.is_some_and(|made| made > forgotten_at.0 + limits.id_ahead_ms))
}

//! Entry by entry into the index.

use super::{
    Connection, Excerpt, Fact, HeadSeen, Index, MembersSeen, Noted, Op, PresenceSeen, ReceiptSeen, Set,
    Sighting, Who, fact::hashed,
};
use crate::{
    history::{CursorSet, Entry, Event, Invoke, OpKind, Phase, Seen, VERSION, canaries},
    reader::Damaged,
};
use parlor_schemas::ConversationId;
use std::collections::HashMap;

/// A conversation has at most so many records: its log is a vector here.
const SEQ_MAX: u64 = 10_000_000;

#[derive(Default)]
pub(super) struct Filling {
    index: Index,
    prints: HashMap<u64, u32>,
    numbers: HashMap<u64, u32>,
    is_final: bool,
    said: Option<(u64, u64)>,
}

type Taken = Result<(), Damaged>;

impl Filling {
    pub fn take(&mut self, line: u64, entry: Entry) -> Taken {
        if (line == 1) != matches!(entry.event, Event::Run { .. }) {
            return Err(Damaged::line(line, "a history begins with `run`, once"));
        }
        if self.said.is_some() {
            return Err(Damaged::line(line, "something stands after the end"));
        }
        let who = self.index.who.number(&entry.by);
        let at_us = entry.at_us;
        self.index.end_us = self.index.end_us.max(at_us);
        match entry.event {
            Event::Run { version, .. } if version != VERSION => {
                return Err(Damaged::line(line, format!("it is of version {version}, not {VERSION}")));
            }
            Event::Done { lines } => self.said = Some((line, lines)),
            Event::User { user_id, username } => {
                let user = self.index.users.number(&user_id);
                self.index.names.insert(user, username);
            }
            Event::Device { user_id, .. } => {
                let user = self.index.users.number(&user_id);
                self.index.devices.insert(who, user);
            }
            Event::Connecting { .. } | Event::Ready { .. } | Event::Gone { .. } => {
                return self.connection(line, at_us, who, &entry.event);
            }
            Event::Invoke(invoke) => return self.invoke(line, at_us, who, &invoke),
            Event::Attempt { .. }
            | Event::Ok { .. }
            | Event::Fail { .. }
            | Event::Unknown { .. }
            | Event::Later { .. }
            | Event::Accepted { .. } => {
                return self.outcome(line, at_us, &entry.event);
            }
            Event::Record(seen) => return self.record(line, at_us, who, &seen),
            Event::Run { .. } => {}
            event => self.look(line, at_us, who, event),
        }
        Ok(())
    }

    /// Everything that is only noted.
    fn look(&mut self, line: u64, at_us: u64, who: Who, event: Event) {
        let is_final = self.is_final;
        let index = &mut self.index;
        match event {
            Event::Cursor { conversation_id, cursor, why } => {
                let conv = index.conversations.number(&conversation_id);
                index.cursors.push(Set { line, who, conv, cursor, is_epoch: why == CursorSet::Epoch });
            }
            Event::Cursored { conversation_id, cursor } => {
                let conv = index.conversations.number(&conversation_id);
                index.ends.insert((who, conv), Noted { at_us, line, what: cursor });
            }
            Event::Receipt { conversation_id, user_id, delivered_seq: delivered, read_seq: read } => {
                let (conv, user) =
                    (index.conversations.number(&conversation_id), index.users.number(&user_id));
                index.receipts.push(ReceiptSeen { line, who, conv, user, delivered, read });
            }
            Event::Head(head) => {
                let conv = index.conversations.number(&head.conversation_id);
                index.heads.push(HeadSeen { line, who, conv, is_final, head });
            }
            Event::Presence { user_id, status } => {
                let user = index.users.number(&user_id);
                index.presences.push(PresenceSeen { at_us, line, who, user, status });
            }
            Event::Excerpt { conversation_id, text } => {
                let conv = index.conversations.number(&conversation_id);
                let canaries = canaries(&text).map(|id| index.conversations.number(&id)).collect();
                index.excerpts.push(Excerpt { line, who, conv, canaries });
            }
            Event::Members { conversation_id, items } => {
                let conv = index.conversations.number(&conversation_id);
                let items = items.into_iter().map(|item| (index.users.number(&item.user_id), item)).collect();
                index.members.push(MembersSeen { line, who, conv, is_final, items });
            }
            Event::Fault { name } => index.faults.push(Noted { at_us, line, what: Some(name) }),
            Event::Healed {} => index.faults.push(Noted { at_us, line, what: None }),
            Event::Phase { phase } => {
                self.is_final = phase == Phase::Final;
                index.phases.push(Noted { at_us, line, what: phase });
            }
            Event::End { source, conversation_id } => {
                let conv = conversation_id.map(|id| index.conversations.number(&id));
                index.complete.insert((who, source, conv), line);
            }
            _ => unreachable!("taken before"),
        }
    }

    fn connection(&mut self, line: u64, at_us: u64, who: Who, event: &Event) -> Taken {
        let all = self.index.connections.entry(who).or_default();
        let (Event::Connecting { connection: number, .. }
        | Event::Ready { connection: number }
        | Event::Gone { connection: number, .. }) = event
        else {
            return Ok(());
        };
        let known = all.iter_mut().rev().find(|connection| connection.number == *number);
        match (event, known) {
            (Event::Connecting { .. }, None) => all.push(Connection {
                number: *number,
                from_us: at_us,
                line,
                ready_us: None,
                gone_us: None,
                gone_line: line,
                by_choice: false,
            }),
            (Event::Ready { .. }, Some(known)) => known.ready_us = Some(at_us),
            (Event::Gone { by_choice, .. }, Some(known)) => {
                (known.gone_us, known.gone_line, known.by_choice) = (Some(at_us), line, *by_choice);
            }
            _ => return Err(Damaged::line(line, format!("connection {number} of this device is unknown"))),
        }
        Ok(())
    }

    fn invoke(&mut self, line: u64, at_us: u64, by: Who, invoke: &Invoke) -> Taken {
        let index = &mut self.index;
        let Some(user) = index.user_of(by) else {
            return Err(Damaged::line(line, format!("no device is declared for {:?}", index.who.get(by))));
        };
        // A group's id follows from its creator and the key, whatever becomes of the answer.
        let made = || match (invoke.kind, index.users.get(user), invoke.client_msg_id) {
            (OpKind::Create, Some(user), Some(key)) => Some(ConversationId::group(*user, key)),
            _ => None,
        };
        let conv = invoke.conversation_id.or_else(made).map(|id| index.conversations.number(&id));
        let number = index.ops.len() as u32;
        if self.numbers.insert(invoke.op, number).is_some() {
            return Err(Damaged::line(line, format!("operation {} is invoked twice", invoke.op)));
        }
        if let (Some(conv), Some(id)) = (conv, invoke.client_msg_id) {
            index.by_key.entry((conv, user, id)).or_insert(number);
        }
        index.ops.push(Op {
            line,
            at_us,
            by,
            user,
            kind: invoke.kind,
            conv,
            client_msg_id: invoke.client_msg_id,
            seq: invoke.seq,
            text: invoke.text.as_deref().map(hashed),
            attempts: Vec::new(),
            acks: Vec::new(),
            fails: Vec::new(),
            accepted: None,
            was_put_off: false,
            unknown: None,
            finished_us: None,
        });
        Ok(())
    }

    fn outcome(&mut self, line: u64, at_us: u64, event: &Event) -> Taken {
        let (Event::Attempt { op, .. }
        | Event::Accepted { op }
        | Event::Ok { op, .. }
        | Event::Fail { op, .. }
        | Event::Later { op, .. }
        | Event::Unknown { op }) = event
        else {
            return Ok(());
        };
        let Some(number) = self.numbers.get(op) else {
            return Err(Damaged::line(line, format!("operation {op} was never invoked")));
        };
        let op = &mut self.index.ops[*number as usize];
        match event {
            Event::Attempt { connection, .. } => {
                op.attempts.push(Noted { at_us, line, what: *connection });
            }
            Event::Ok { ack, .. } => op.acks.push(Noted { at_us, line, what: *ack }),
            Event::Fail { .. } => op.fails.push(line),
            Event::Unknown { .. } => op.unknown = Some(line),
            Event::Accepted { .. } => drop(op.accepted.get_or_insert(line)),
            Event::Later { .. } => op.was_put_off = true,
            _ => return Ok(()),
        }
        if matches!(event, Event::Ok { .. } | Event::Fail { .. }) {
            op.finished_us.get_or_insert(at_us);
        }
        Ok(())
    }

    fn record(&mut self, line: u64, at_us: u64, who: Who, seen: &Seen) -> Taken {
        if seen.seq == 0 || seen.seq > SEQ_MAX {
            return Err(Damaged::line(line, format!("no conversation of a run has a record {}", seen.seq)));
        }
        let index = &mut self.index;
        if let Some(content) = &seen.content {
            let fact = Fact::of(line, seen, content, &mut index.users, &mut index.conversations);
            let number = index.facts.len() as u32;
            index.facts.push(fact.map_err(|why| Damaged::line(line, why))?);
            if self.prints.insert(seen.print, number).is_some() {
                return Err(Damaged::line(line, format!("the content {} stands twice", seen.print)));
            }
        }
        let Some(fact) = self.prints.get(&seen.print) else {
            return Err(Damaged::line(line, format!("the content {} stands nowhere before", seen.print)));
        };
        let known = &index.facts[*fact as usize];
        if index.conversations.known(&seen.conversation_id) != Some(known.conv) || known.seq != seen.seq {
            return Err(Damaged::line(line, "the content belongs to another place"));
        }
        index.sightings.push(Sighting {
            at_us,
            line,
            fact: *fact,
            who,
            source: seen.source,
            is_final: self.is_final,
            cursor: seen.cursor,
        });
        Ok(())
    }

    pub fn finish(mut self, lines: u64) -> Result<Index, Damaged> {
        let Some((_, said)) = self.said else {
            return Err(Damaged::NotWhole(format!("its last line, {lines}, is not its end")));
        };
        if said + 1 != lines {
            return Err(Damaged::NotWhole(format!("{lines} lines, and {} were written", said + 1)));
        }
        self.index.lines = lines;
        Ok(self.index)
    }
}

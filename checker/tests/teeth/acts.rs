//! What may happen next, and what the server decides.

use super::system::{Conversation, Op, Push, Standing, System};
use parlor_checker::history::{Ack, Event, OpKind, Source};
use parlor_schemas::{
    ClientMsgId, Code, ConversationId,
    presence::Status,
    record::{Kind, Role},
};
use rand::{Rng, seq::IndexedRandom};
use serde_json::{Value, json};

impl System {
    /// One act of somebody.
    pub fn act(&mut self) {
        let device = self.random.random_range(0..self.devices.len());
        match self.random.random_range(0..100) {
            0..30 => self.ask(device),
            30..34 => self.over_rest(device),
            34..56 => (0..2).for_each(|_| self.take_command(device)),
            56..80 => (0..4).for_each(|_| self.take_push(device)),
            80..86 => self.mark(device),
            86..89 if self.devices[device].is_online => {
                let by_choice = self.random.random_bool(0.3);
                self.cut(device, by_choice);
            }
            86..94 if !self.devices[device].is_online => self.connect(device),
            94..97 => self.look(device),
            97 if !self.is_fault => {
                self.is_fault = true;
                self.note("run", Event::Fault { name: "answers are lost".into() });
            }
            98.. if self.is_fault => self.heal(),
            _ => {}
        }
    }

    pub fn heal(&mut self) {
        if self.is_fault {
            self.is_fault = false;
            self.note("run", Event::Healed {});
        }
    }

    pub fn create(&mut self, is_direct: bool, users: &[usize]) {
        let creator = users[0];
        let id = ClientMsgId(self.uuid());
        let of = |user: &usize| self.users[*user];
        let conversation = if is_direct {
            ConversationId::direct(of(&users[0]), of(&users[1]))
        } else {
            ConversationId::group(of(&creator), id)
        };
        let is_all = !is_direct && self.random.random_bool(0.3);
        let id_ = Some(conversation);
        self.convs.push(Conversation { id: id_, is_direct, is_all, ..Conversation::default() });
        let device = self.devices.iter().position(|device| device.user == creator).expect("a device");
        let (conv, others) = (self.convs.len() - 1, users.to_vec());
        let op = Op { kind: OpKind::Create, conv, user: creator, id, target: 0, others, text: None };
        let op = self.invoke(device, op);
        self.rest(device, op);
    }

    /// Over REST, at once.
    fn rest(&mut self, device: usize, op: usize) {
        self.note_of(device, Event::Attempt { op: op as u64, connection: None });
        let answer = self.serve(op);
        self.answered(device, op, answer);
    }

    fn answered(&mut self, device: usize, op: usize, answer: Result<Option<Ack>, Code>) {
        self.devices[device].outbox.retain(|waiting| *waiting != op);
        let op = op as u64;
        self.note_of(
            device,
            match answer {
                Ok(ack) => Event::Ok { op, ack },
                Err(code) => Event::Fail { op, code },
            },
        );
    }

    /// Something that makes a record.
    fn any(&mut self, device: usize) -> Option<Op> {
        let user = self.devices[device].user;
        let known: Vec<usize> = self.devices[device].logs.keys().copied().collect();
        let conv = *known.choose(&mut self.random)?;
        let cursor = self.devices[device].logs[&conv].cursor;
        let kind = match self.random.random_range(0..40) {
            0..24 => OpKind::Send,
            24..27 => OpKind::Edit,
            27..29 => OpKind::Delete,
            29..31 => OpKind::React,
            31 => OpKind::Pin,
            32..36 => OpKind::Add,
            36..39 => OpKind::Remove,
            _ => OpKind::Leave,
        };
        let is_on = matches!(kind, OpKind::Edit | OpKind::Delete | OpKind::React | OpKind::Pin);
        let target = if is_on { self.random.random_range(1..=cursor.max(1)) } else { 0 };
        let other = self.random.random_range(0..self.users.len());
        let others = if matches!(kind, OpKind::Add | OpKind::Remove) { vec![other] } else { vec![] };
        let id = ClientMsgId(self.uuid());
        Some(Op { kind, conv, user, id, target, others, text: None })
    }

    fn ask(&mut self, device: usize) {
        let Some(op) = self.any(device) else { return };
        let op = self.invoke(device, op);
        self.devices[device].outbox.push(op);
        if self.devices[device].is_online {
            self.attempt(device, op);
        }
    }

    fn over_rest(&mut self, device: usize) {
        let Some(op) = self.any(device) else { return };
        let op = self.invoke(device, op);
        self.rest(device, op);
    }

    /// Kind and body of the record, or why not.
    pub fn decide(&self, op: usize) -> Result<(Kind, Value), Code> {
        let op = &self.ops[op];
        let place = &self.convs[op.conv];
        let is_in = |user: &usize| place.members.get(user).is_some_and(Standing::is_present);
        if op.kind == OpKind::Create {
            let role = |user| if place.is_direct || user != op.user { "member" } else { "owner" };
            let members: Vec<Value> = op
                .others
                .iter()
                .map(|user| json!({"user_id": self.users[*user], "role": role(*user)}))
                .collect();
            let (kind, history) = (if place.is_direct { "direct" } else { "group" }, place.is_all);
            let history = if history { "all" } else { "joined" };
            let body = json!({"conversation_kind": kind, "history": history, "members": members});
            return Ok((Kind::Created, body));
        }
        if !is_in(&op.user) {
            return Err(Code::NotAMember);
        }
        let target = (op.target as usize).checked_sub(1).and_then(|at| place.records.get(at));
        let is_own = target.is_some_and(|target| target.sender_id == self.users[op.user]);
        let is_message = target.is_some_and(|target| target.kind == Kind::Message);
        if op.target > 0 && (!is_message || place.deleted.contains(&op.target)) {
            return Err(Code::InvalidRequest);
        }
        let leads = place.members[&op.user].role == Role::Owner;
        let by = self.users[op.user];
        let target = op.target;
        Ok(match op.kind {
            OpKind::Send => (Kind::Message, json!({"text": op.text})),
            OpKind::Edit if is_own => (Kind::Edit, json!({"target": target, "text": op.text})),
            OpKind::Delete if is_own => (Kind::Delete, json!({"target": target})),
            OpKind::React => (Kind::Reaction, json!({"target": target, "emoji": "👍", "op": "add"})),
            OpKind::Pin if leads => (Kind::Pin, json!({"target": target, "op": "add"})),
            OpKind::Add if leads => {
                let fresh = op.others.iter().filter(|user| !is_in(user));
                let fresh: Vec<Value> =
                    fresh.map(|user| json!({"user_id": self.users[*user], "role": "member"})).collect();
                (Kind::MembersAdded, json!({"members": fresh, "by": by}))
            }
            OpKind::Remove if leads && op.others[0] != op.user && is_in(&op.others[0]) => {
                (Kind::MemberRemoved, json!({"user_id": self.users[op.others[0]], "by": by}))
            }
            OpKind::Leave if !place.is_direct => {
                let heir = place.members.iter().find(|(user, s)| **user != op.user && s.is_present());
                let mut body = json!({"user_id": by, "by": by});
                if let Some((heir, _)) = heir.filter(|_| leads) {
                    body["owner_id"] = json!(self.users[*heir]);
                }
                (Kind::MemberLeft, body)
            }
            _ => return Err(Code::Forbidden),
        })
    }

    /// What the record at `seq` changes.
    pub fn settle(&mut self, op: usize, seq: u64) {
        let op = &self.ops[op];
        let place = &mut self.convs[op.conv];
        let (kind, body) = {
            let record = &place.records[seq as usize - 1];
            (record.kind, record.body.clone())
        };
        let number = |id: &Value| self.users.iter().position(|user| json!(user) == *id);
        match kind {
            Kind::Delete => drop(place.deleted.insert(op.target)),
            Kind::Created | Kind::MembersAdded => {
                let floor = if kind == Kind::Created || place.is_all { 0 } else { seq - 1 };
                for member in body["members"].as_array().expect("members") {
                    let user = number(&member["user_id"]).expect("a user");
                    let fresh = Standing { role: Role::Member, spans: Vec::new() };
                    let standing = place.members.entry(user).or_insert(fresh);
                    standing.role = if member["role"] == "owner" { Role::Owner } else { Role::Member };
                    standing.spans.push((floor, None));
                }
            }
            Kind::MemberRemoved | Kind::MemberLeft => {
                let user = number(&body["user_id"]).expect("a user");
                let standing = place.members.get_mut(&user).expect("a member");
                standing.spans.last_mut().expect("a span").1 = Some(seq);
                if let Some(heir) = number(&body["owner_id"]) {
                    standing.role = Role::Admin;
                    place.members.get_mut(&heir).expect("a member").role = Role::Owner;
                }
            }
            _ => {}
        }
    }

    /// The device takes what came.
    pub fn take_push(&mut self, device: usize) {
        match self.devices[device].inbox.pop_front() {
            Some(Push::Record(conv, seq, content)) => {
                self.take(device, Source::Live, (conv, seq), *content);
                if !self.devices[device].logs[&conv].aside.is_empty() {
                    self.fetch(device, conv);
                }
            }
            Some(Push::Answer(op, answer)) => self.answered(device, op, answer),
            Some(Push::Receipt(conv, user, (delivered_seq, read_seq))) => {
                let (conversation_id, user_id) = (self.id(conv), self.users[user]);
                let event = Event::Receipt { conversation_id, user_id, delivered_seq, read_seq };
                self.note_of(device, event);
            }
            None => {}
        }
    }

    fn mark(&mut self, device: usize) {
        let known: Vec<(usize, u64)> =
            self.devices[device].logs.iter().map(|(conv, log)| (*conv, log.cursor)).collect();
        let Some((conv, cursor)) = known.choose(&mut self.random).copied() else { return };
        if cursor == 0 || !self.devices[device].is_online {
            return;
        }
        let is_read = self.random.random_bool(0.6);
        let seq = self.random.random_range(1..=cursor);
        let marks = &mut self.devices[device].logs.get_mut(&conv).expect("known").marks;
        let mark = if is_read { &mut marks.1 } else { &mut marks.0 };
        if seq > *mark {
            *mark = seq;
            self.send_mark(device, conv, is_read, seq);
        }
    }

    pub fn mark_again(&mut self, device: usize, conv: usize) {
        let Some(marks) = self.devices[device].logs.get(&conv).map(|log| log.marks) else { return };
        for (seq, is_read) in [(marks.0, false), (marks.1, true)] {
            if seq > 0 {
                self.send_mark(device, conv, is_read, seq);
            }
        }
    }

    fn send_mark(&mut self, device: usize, conv: usize, is_read: bool, seq: u64) {
        let user = self.devices[device].user;
        let kind = if is_read { OpKind::Read } else { OpKind::Delivered };
        let id = ClientMsgId(self.uuid());
        let op = self.invoke(device, Op { kind, conv, user, id, target: seq, others: vec![], text: None });
        let connection = Some(self.devices[device].connection);
        self.note_of(device, Event::Attempt { op: op as u64, connection });
        let place = &mut self.convs[conv];
        if !place.members[&user].is_present() || self.is_fault && self.random.random_bool(0.5) {
            return;
        }
        let marks = place.marks.entry(user).or_default();
        let before = *marks;
        marks.0 = marks.0.max(seq);
        marks.1 = marks.1.max(if is_read { seq } else { 0 });
        let marks = *marks;
        let present: Vec<usize> =
            place.members.iter().filter(|(_, s)| s.is_present()).map(|(user, _)| *user).collect();
        for other in &mut self.devices {
            if marks != before && other.is_online && present.contains(&other.user) {
                other.inbox.push_back(Push::Receipt(conv, user, marks));
            }
        }
    }

    /// Somebody looks who is here.
    pub fn look(&mut self, device: usize) {
        let user = self.random.random_range(0..self.users.len());
        let is_here = self.devices.iter().any(|device| device.user == user && device.is_online);
        let status = if is_here { Status::Online } else { Status::Offline };
        let user_id = self.users[user];
        self.note_of(device, Event::Presence { user_id, status });
    }
}

impl Standing {
    pub fn is_present(&self) -> bool {
        self.spans.last().is_some_and(|(_, left)| left.is_none())
    }
}

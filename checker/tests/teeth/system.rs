//! A small correct system in memory: conversations with an order, members, marks; devices that lose
//! connections, resend and fetch. Whatever happens is noted as clients would note it.

use parlor_checker::history::{
    Ack, Content, CursorSet, Entry, Event, Invoke, OpKind, Seen, Source, VERSION, canary,
};
use parlor_schemas::{
    ClientMsgId, Code, ConversationId, DeviceId, Timestamp, UserId,
    record::{Kind, Role},
    time,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};
use uuid::Uuid;

/// When the log began, milliseconds since 1970.
const EPOCH_MS: i64 = 1_795_168_800_000;

pub struct System {
    pub random: StdRng,
    pub now: u64,
    pub out: Vec<Entry>,
    pub users: Vec<UserId>,
    pub devices: Vec<Device>,
    pub convs: Vec<Conversation>,
    pub ops: Vec<Op>,
    pub is_fault: bool,
}

#[derive(Default)]
pub struct Conversation {
    pub id: Option<ConversationId>,
    pub is_direct: bool,
    pub is_all: bool,
    pub records: Vec<Content>,
    pub members: BTreeMap<usize, Standing>,
    pub known: HashMap<(usize, ClientMsgId), u64>,
    pub deleted: HashSet<u64>,
    /// (delivered, read)
    pub marks: HashMap<usize, (u64, u64)>,
}

pub struct Standing {
    pub role: Role,
    /// (floor, left), oldest first.
    pub spans: Vec<(u64, Option<u64>)>,
}

pub struct Device {
    pub user: usize,
    pub label: Arc<str>,
    pub id: DeviceId,
    pub connection: u32,
    pub is_online: bool,
    pub logs: BTreeMap<usize, Log>,
    pub outbox: Vec<usize>,
    /// On their way to the server.
    pub wire: VecDeque<usize>,
    pub inbox: VecDeque<Push>,
}

#[derive(Default)]
pub struct Log {
    pub cursor: u64,
    pub aside: HashSet<u64>,
    pub marks: (u64, u64),
}

pub enum Push {
    Record(usize, u64, Box<Content>),
    Answer(usize, Result<Option<Ack>, Code>),
    Receipt(usize, usize, (u64, u64)),
}

pub struct Op {
    pub kind: OpKind,
    pub conv: usize,
    pub user: usize,
    pub id: ClientMsgId,
    pub target: u64,
    pub others: Vec<usize>,
    pub text: Option<String>,
}

impl System {
    /// A whole history.
    pub fn history(seed: u64) -> Vec<Entry> {
        let mut system = Self {
            random: StdRng::seed_from_u64(seed),
            now: 0,
            out: Vec::new(),
            users: Vec::new(),
            devices: Vec::new(),
            convs: Vec::new(),
            ops: Vec::new(),
            is_fault: false,
        };
        system.begin(seed);
        for _ in 0..150 {
            system.act();
        }
        system.end();
        system.out
    }

    pub fn uuid(&mut self) -> Uuid {
        Uuid::from_u128(self.random.random())
    }

    pub fn note(&mut self, by: &str, event: Event) {
        self.now += self.random.random_range(500..30_000);
        self.out.push(Entry { at_us: self.now, by: by.into(), event });
    }

    pub fn note_of(&mut self, device: usize, event: Event) {
        let label = self.devices[device].label.clone();
        self.note(&label, event);
    }

    pub fn id(&self, conv: usize) -> ConversationId {
        self.convs[conv].id.expect("it has an id")
    }

    fn begin(&mut self, seed: u64) {
        let run = Event::Run { version: VERSION, seed, settings: Value::Null, deployment: "memory".into() };
        self.note("run", run);
        for n in 0..self.random.random_range(3..5) {
            let user = UserId(self.uuid());
            self.users.push(user);
            self.note("run", Event::User { user_id: user, username: format!("p{n}") });
            for k in 0..self.random.random_range(1..3) {
                let (label, id) = (Arc::from(format!("{n}.{k}")), DeviceId(self.uuid()));
                self.devices.push(Device {
                    user: n,
                    label,
                    id,
                    connection: 0,
                    is_online: false,
                    logs: BTreeMap::new(),
                    outbox: Vec::new(),
                    wire: VecDeque::new(),
                    inbox: VecDeque::new(),
                });
                let device = self.devices.len() - 1;
                self.note_of(device, Event::Device { user_id: user, device_id: id });
                self.connect(device);
            }
        }
        self.create(true, &[0, 1]);
        let all: Vec<usize> = (0..self.users.len() - 1).collect();
        self.create(false, &all);
        self.create(false, &all[..2]);
    }

    pub fn connect(&mut self, device: usize) {
        self.devices[device].connection += 1;
        let connection = self.devices[device].connection;
        self.note_of(device, Event::Connecting { connection, url: "memory".into() });
        self.note_of(device, Event::Ready { connection });
        self.devices[device].is_online = true;
        for conv in 0..self.convs.len() {
            self.fetch(device, conv);
        }
        for op in self.devices[device].outbox.clone() {
            self.attempt(device, op);
        }
        for conv in 0..self.convs.len() {
            self.mark_again(device, conv);
        }
    }

    pub fn cut(&mut self, device: usize, by_choice: bool) {
        let connection = self.devices[device].connection;
        self.note_of(device, Event::Gone { connection, code: None, by_choice });
        let known = &mut self.devices[device];
        known.is_online = false;
        known.inbox.clear();
        // What was on its way may arrive all the same, or not.
        let wire = std::mem::take(&mut known.wire);
        for op in wire {
            if self.random.random_bool(0.5) {
                let _ = self.serve(op);
            }
        }
    }

    pub fn invoke(&mut self, device: usize, mut op: Op) -> usize {
        let number = self.ops.len();
        if matches!(op.kind, OpKind::Send | OpKind::Edit) {
            op.text = Some(format!("{} #{number}", canary(self.id(op.conv))));
        }
        let others = op.others.iter().map(|user| self.users[*user]).collect();
        let event = Event::Invoke(Invoke {
            op: number as u64,
            kind: op.kind,
            conversation_id: Some(self.id(op.conv)),
            client_msg_id: (!op.kind.is_mark()).then_some(op.id),
            seq: (op.target > 0).then_some(op.target),
            user_ids: others,
            text: op.text.clone(),
        });
        self.ops.push(op);
        self.note_of(device, event);
        number
    }

    pub fn attempt(&mut self, device: usize, op: usize) {
        let connection = Some(self.devices[device].connection);
        self.note_of(device, Event::Attempt { op: op as u64, connection });
        self.devices[device].wire.push_back(op);
    }

    /// The server takes the next command of a connection.
    pub fn take_command(&mut self, device: usize) {
        let Some(op) = self.devices[device].wire.pop_front() else { return };
        let answer = self.serve(op);
        // An answer may be lost with a fault.
        if !(self.is_fault && self.random.random_bool(0.3)) {
            self.devices[device].inbox.push_back(Push::Answer(op, answer));
        }
    }

    /// Decides a command; its answer.
    pub fn serve(&mut self, op: usize) -> Result<Option<Ack>, Code> {
        let (conv, user, id) = (self.ops[op].conv, self.ops[op].user, self.ops[op].id);
        if let Some(seq) = self.convs[conv].known.get(&(user, id)) {
            return Ok(Some(self.ack(conv, *seq, true)));
        }
        let (kind, body) = self.decide(op)?;
        let place = &self.convs[conv];
        let seq = place.records.len() as u64 + 1;
        let ord = place.records.last().map_or(0, |last| last.ord) + u64::from(kind.is_countable());
        let at = Timestamp(EPOCH_MS + self.now as i64 / 1_000);
        let content = Content {
            ord,
            message_id: time::message_id(self.id(conv), time::ticks(at) + seq),
            kind,
            at,
            sender_id: self.users[user],
            device_id: self.devices.iter().find(|device| device.user == user).expect("a device").id,
            client_msg_id: id,
            body,
            redacted: false,
        };
        let place = &mut self.convs[conv];
        place.records.push(content.clone());
        place.known.insert((user, id), seq);
        self.settle(op, seq);
        for device in 0..self.devices.len() {
            let user = self.devices[device].user;
            let is_shown = self.may_see(conv, user, seq) && self.devices[device].is_online;
            if is_shown && !self.random.random_bool(0.1) {
                let push = Push::Record(conv, seq, Box::new(content.clone()));
                self.devices[device].inbox.push_back(push);
            }
        }
        Ok(Some(self.ack(conv, seq, false)))
    }

    pub fn ack(&self, conv: usize, seq: u64, duplicate: bool) -> Ack {
        let record = &self.convs[conv].records[seq as usize - 1];
        let (ord, message_id, at) = (record.ord, record.message_id, record.at);
        Ack { conversation_id: self.id(conv), seq, ord, message_id, at, duplicate }
    }

    pub fn may_see(&self, conv: usize, user: usize, seq: u64) -> bool {
        let standing = self.convs[conv].members.get(&user);
        let last = standing.and_then(|standing| standing.spans.last());
        last.is_some_and(|(floor, left)| *floor < seq && left.is_none_or(|left| seq <= left))
    }

    /// The record as a read shows it now.
    pub fn shown(&self, conv: usize, seq: u64) -> Content {
        let place = &self.convs[conv];
        let mut content = place.records[seq as usize - 1].clone();
        let target = content.body["target"].as_u64().unwrap_or(0);
        let of_deleted = content.kind == Kind::Edit && place.deleted.contains(&target);
        if place.deleted.contains(&seq) || of_deleted {
            content.redacted = true;
            content.body = if of_deleted { json!({ "target": target }) } else { json!({}) };
        }
        content
    }

    /// A device takes a record: applies the next one, keeps a later one aside.
    pub fn take(&mut self, device: usize, source: Source, place: (usize, u64), content: Content) {
        let (conv, seq) = place;
        let log = self.devices[device].logs.entry(conv).or_default();
        if seq > log.cursor {
            log.aside.insert(seq);
        }
        while log.aside.remove(&(log.cursor + 1)) {
            log.cursor += 1;
        }
        let cursor = Some(log.cursor);
        self.see(device, source, place, content, cursor);
    }

    pub fn see(
        &mut self,
        device: usize,
        source: Source,
        (conv, seq): (usize, u64),
        content: Content,
        cursor: Option<u64>,
    ) {
        let (conversation_id, content) = (self.id(conv), Some(Box::new(content)));
        let seen = Seen { source, conversation_id, seq, print: 0, content, cursor, place: None };
        self.note_of(device, Event::Record(seen));
    }

    /// Everything above the cursor, after the floor.
    pub fn fetch(&mut self, device: usize, conv: usize) {
        let user = self.devices[device].user;
        let Some((floor, left)) =
            self.convs[conv].members.get(&user).and_then(|standing| standing.spans.last().copied())
        else {
            return;
        };
        let head = left.unwrap_or(self.convs[conv].records.len() as u64);
        let log = self.devices[device].logs.entry(conv).or_default();
        if log.cursor < floor {
            log.cursor = floor;
            log.aside.retain(|seq| *seq > floor);
            while log.aside.remove(&(log.cursor + 1)) {
                log.cursor += 1;
            }
            let conversation_id = self.id(conv);
            self.note_of(device, Event::Cursor { conversation_id, cursor: floor, why: CursorSet::Floor });
        }
        for seq in self.devices[device].logs[&conv].cursor + 1..=head {
            let content = self.shown(conv, seq);
            self.take(device, Source::Fetch, (conv, seq), content);
        }
    }
}

//! What happens next, as the seed says.

use crate::{
    clients::Clients,
    partition::{State, Topics},
    process::Process,
};
use parking_lot::Mutex;
use parlor_engines::store::StoredAck;
use parlor_ingest::core::TargetFact;
use parlor_schemas::{
    Ack, Command, Limits, Record, RecordText, Row, avro,
    command::{Hash, dedup_key},
    header::{self, Header},
    record::Kind,
    rows::PositionRow,
    topics::Offset,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{
    collections::HashMap,
    pin::Pin,
    sync::Arc,
    task::{Context, Waker},
};

/// Steps under faults.
const STEPS: usize = 700;
/// Commands of one run.
const COMMANDS: usize = 60;
/// Polls without faults after which everything must be decided.
const POLLS: usize = 20_000;

/// What the persister has written, and what is live.
#[derive(Default)]
pub struct Store {
    /// As it says.
    pub written_to: Offset,
    written: Offset,
    index: HashMap<Hash, StoredAck>,
    /// Every committed record, as the tails and the store have it together.
    records: Vec<(Record, Header)>,
}

impl Store {
    /// The dedup index's answer.
    pub fn ack(&self, command: &Command) -> Option<StoredAck> {
        self.index.get(&key(command)).cloned()
    }

    /// The record that a command acts on.
    pub fn target(&self, command: &Command) -> Option<TargetFact> {
        let target = command.action.target()?;
        let of = |record: &Record| record.conversation_id == command.conversation_id;
        let (record, _) = self.records.iter().find(|(record, _)| of(record) && record.seq == target)?;
        let deletes = |(record, header): &(Record, Header)| {
            of(record) && header.kind == Kind::Delete && header.target == Some(target)
        };
        Some(TargetFact { text: RecordText::of(record), deleted: self.records.iter().any(deletes) })
    }
}

fn key(command: &Command) -> Hash {
    dedup_key(command.conversation_id, command.sender_id, command.client_msg_id)
}

/// A record of `chat.messages.v1`, decoded.
pub fn decode(record: &parlor_engines::log::LogRecord) -> (Record, Header) {
    let header = record.header(header::NAME).and_then(|bytes| Header::decode(bytes)).expect("a header");
    (avro::decode_record(record.value.as_deref().expect("a record")).expect("a record"), header)
}

type Served = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One run.
pub struct Run {
    pub log: Topics,
    pub crashes: u32,
    pub retentions: u32,
    store: Arc<Mutex<Store>>,
    limits: Limits,
    processes: [Option<Served>; 2],
    clients: Clients,
    random: StdRng,
}

impl Run {
    /// The world of a seed.
    pub fn of(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let log = Topics::new(random.random());
        // Small windows, so that forgetting happens all the time.
        let limits = Limits {
            dedup_window_ms: random.random_range(50..400),
            id_ahead_ms: 60,
            id_age_max_ms: 2_000,
            dedup_max: random.random_range(2..20),
            ..Limits::default()
        };
        let (store, clients) = (Arc::default(), Clients::new());
        Self { log, crashes: 0, retentions: 0, store, limits, processes: [None, None], clients, random }
    }

    /// Faults, then rest.
    pub fn finished(mut self) -> Self {
        for _ in 0..STEPS {
            self.step();
        }
        while self.commands() < COMMANDS {
            self.send();
        }
        self.log.0.lock().arrive();
        self.log.0.lock().is_calm = true;
        self.processes = [None, None];
        for _ in 0..POLLS {
            if self.log.0.lock().decided.len() == COMMANDS {
                return self;
            }
            self.poll(0);
        }
        panic!("commands wait for ever");
    }

    fn commands(&self) -> usize {
        self.log.0.lock().commands.len()
    }

    fn step(&mut self) {
        let process = self.random.random_range(0..2);
        match self.random.random_range(0..1_000) {
            0..120 if self.commands() < COMMANDS => self.send(),
            120..135 => {
                self.crashes += u32::from(self.processes[process].is_some());
                self.processes[process] = None;
            }
            135..250 => self.write(),
            250..320 => {
                let mut store = self.store.lock();
                store.written_to = store.written;
            }
            320..350 => self.log.0.lock().arrive(),
            350..356 => self.retain(),
            // The first one has most of the time: the other is often a zombie.
            _ => {
                let process = usize::from(self.random.random_bool(0.15));
                self.poll(process);
            }
        }
    }

    fn send(&mut self) {
        let offset = self.commands() as Offset;
        let record = self.clients.send(&mut self.random, offset);
        self.log.0.lock().commands.push(record);
    }

    fn poll(&mut self, process: usize) {
        let served = self.processes[process].get_or_insert_with(|| {
            let (log, store, limits) = (self.log.clone(), self.store.clone(), self.limits.clone());
            Box::pin(Process { log, store, limits }.serve())
        });
        let ended = served.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        assert!(!ended, "a process serves for ever");
        self.go_live();
    }

    /// Fanout's tails have every committed record at once.
    fn go_live(&mut self) {
        let mut store = self.store.lock();
        let state = self.log.0.lock();
        let known = store.records.len();
        store.records.extend(state.messages[known..].iter().map(decode));
    }

    /// The persister writes some records.
    fn write(&mut self) {
        let mut store = self.store.lock();
        let state = self.log.0.lock();
        let from = state.messages.partition_point(|record| record.offset < store.written);
        for record in state.messages[from..].iter().take(self.random.random_range(1..6)) {
            let (body, header) = decode(record);
            let ack = StoredAck { payload_hash: header.payload_hash, ack: Ack::of(&body, false) };
            store.index.entry(header.key_hash).or_insert(ack);
            store.written = record.offset + 1;
        }
    }

    /// Retention takes what is in the store and in the rows, while nobody serves.
    fn retain(&mut self) {
        self.processes = [None, None];
        let mut state = self.log.0.lock();
        let most = position(&state).map_or(0, |row| row.covered).min(self.store.lock().written_to);
        if most > state.kept_from {
            state.kept_from = self.random.random_range(state.kept_from..=most);
            self.retentions += 1;
        }
    }
}

/// The position row that was committed last.
fn position(state: &State) -> Option<PositionRow> {
    let rows = state.rows.iter().rev().filter_map(|record| avro::decode_row(record.value.as_deref()?).ok());
    rows.into_iter().find_map(|row| if let Row::Position(row) = row { Some(row) } else { None })
}

//! The load: windows or an open loop, and what comes back.

use crate::{
    people::People,
    server::{cpu, now},
    socket::{Reader, Writer, connect, find},
};
use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{sync::Notify, task::LocalSet};

/// What is to be sent.
#[derive(Clone, Debug)]
pub struct Plan {
    pub users: usize,
    /// All users in one group where user 0 sends (0: pairs where all send).
    pub group: usize,
    /// Unanswered sends of each sender.
    pub window: usize,
    /// Sends per second over all senders (0: as the window allows).
    pub rate: u64,
    pub duration: Duration,
}

/// What came of it.
#[derive(Default)]
pub struct Figures {
    sends: u64,
    deliveries: u64,
    wall: Duration,
    cpu: Duration,
    acks: Vec<u32>,
    receives: Vec<u32>,
    last: Vec<u32>,
}

fn percentile(values: &[u32], p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let at = ((sorted.len() as f64) * p / 100.0) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).map_or(0.0, |us| f64::from(*us) / 1000.0)
}

impl Figures {
    pub fn sends_per_second(&self) -> f64 {
        self.sends as f64 / self.wall.as_secs_f64()
    }
    pub fn deliveries_per_second(&self) -> f64 {
        self.deliveries as f64 / self.wall.as_secs_f64()
    }
    pub fn cpu_per_send_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.sends.max(1) as f64
    }
    pub fn cpu_per_delivery_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.deliveries.max(1) as f64
    }
    pub fn ack_ms(&self, p: f64) -> f64 {
        percentile(&self.acks, p)
    }
    pub fn receive_ms(&self, p: f64) -> f64 {
        percentile(&self.receives, p)
    }
    pub fn last_receiver_ms(&self, p: f64) -> f64 {
        percentile(&self.last, p)
    }
}

/// A send under way: when, and how many have received it.
struct Sent {
    at: Instant,
    received: usize,
    acked: bool,
}

/// What all sockets of this run share (one thread).
struct Shared {
    figures: Figures,
    sent: HashMap<u64, Sent>,
    next: u64,
    receivers: usize,
    over: bool,
}

/// The number behind `#` in a message's text.
fn number(frame: &[u8]) -> Option<u64> {
    Some(field(frame, b"#")).filter(|number| *number > 0)
}

/// The number behind `name`; 0 if there is none.
fn field(frame: &[u8], name: &[u8]) -> u64 {
    let start = find(frame, name).map_or(frame.len(), |at| at + name.len());
    let digits = frame[start..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

/// The number inside a client_msg_id made by [`client_msg_id`].
fn number_of_id(frame: &[u8]) -> Option<u64> {
    let at = find(frame, b"\"client_msg_id\":\"")? + 17;
    let id = frame.get(at..at + 36)?;
    u64::from_str_radix(std::str::from_utf8(&id[24..36]).ok()?, 16).ok()
}

fn client_msg_id(number: u64) -> String {
    let mut id = uuid::Uuid::now_v7().into_bytes();
    id[10..16].copy_from_slice(&number.to_be_bytes()[2..8]);
    uuid::Uuid::from_bytes(id).to_string()
}

/// Runs the plan against a server.
pub async fn run(plan: &Plan, people: &People, pid: u32) -> Figures {
    let tokens: Vec<_> = people.tokens.iter().map(|token| Some(token.clone())).collect();
    drive(plan, &people.server().address, &tokens, &people.conversations, pid).await
}

pub async fn drive(
    plan: &Plan,
    address: &str,
    tokens: &[Option<String>],
    conversations: &[String],
    pid: u32,
) -> Figures {
    let receivers = if plan.group > 0 { plan.group } else { 2 };
    let shared = Rc::new(RefCell::new(Shared {
        figures: Figures::default(),
        sent: HashMap::new(),
        next: 0,
        receivers,
        over: false,
    }));
    let local = LocalSet::new();
    let mut writers = Vec::new();
    for (user, token) in tokens.iter().enumerate().take(plan.users) {
        let (mut reader, writer) = connect(address, token.as_deref()).await.expect("a socket");
        if token.is_some() {
            let mut ready = false;
            while !ready {
                assert!(reader.frames(|frame| ready |= find(frame, b"\"ready\"").is_some()).await);
            }
        }
        let credit = Rc::new(Credit {
            free: RefCell::new(plan.window),
            freed: Notify::new(),
            newest: RefCell::new(0),
        });
        local.spawn_local(read(reader, shared.clone(), credit.clone()));
        writers.push((writer, conversations[user].clone(), credit));
    }
    let senders = if plan.group > 0 { 1 } else { plan.users };
    let (started, before) = (now(), cpu(pid));
    for (writer, conversation, credit) in writers.split_off(senders) {
        local.spawn_local(mark(writer, conversation, credit));
    }
    for (place, (writer, conversation, credit)) in writers.into_iter().enumerate() {
        let place = (place, senders);
        local.spawn_local(write(writer, conversation, credit, shared.clone(), plan.clone(), place));
    }
    local.run_until(tokio::time::sleep(plan.duration)).await;
    let (wall, used) = (started.elapsed(), cpu(pid).saturating_sub(before));
    let mut shared = shared.borrow_mut();
    shared.over = true;
    let figures = std::mem::take(&mut shared.figures);
    Figures { wall, cpu: used, ..figures }
}

/// A socket's free window, and the newest record that it has received.
struct Credit {
    free: RefCell<usize>,
    freed: Notify,
    newest: RefCell<u64>,
}

/// Those who only listen tell what they have received, as clients do.
async fn mark(mut writer: Writer, conversation: String, credit: Rc<Credit>) {
    let mut told = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let newest = *credit.newest.borrow();
        if newest > told {
            told = newest;
            writer
                .queue(&format!(r#"{{"type":"delivered","conversation_id":"{conversation}","seq":{told}}}"#));
            if writer.flush().await.is_err() {
                return;
            }
        }
    }
}

async fn write(
    mut writer: Writer,
    conversation: String,
    credit: Rc<Credit>,
    shared: Rc<RefCell<Shared>>,
    plan: Plan,
    (place, senders): (usize, usize),
) {
    let pause = (plan.rate > 0).then(|| Duration::from_secs_f64(senders as f64 / plan.rate as f64));
    // Spread over the pause: an open loop is no burst.
    let mut due =
        tokio::time::Instant::now() + pause.unwrap_or_default().mul_f64(place as f64 / senders as f64);
    loop {
        if let Some(pause) = pause {
            due += pause;
            // The timer's grain is a millisecond: the rest is waited for by turning.
            tokio::time::sleep_until(due - Duration::from_millis(2)).await;
            while tokio::time::Instant::now() < due {
                tokio::task::yield_now().await;
            }
            *credit.free.borrow_mut() = 1;
        }
        while *credit.free.borrow() == 0 {
            credit.freed.notified().await;
        }
        if shared.borrow().over {
            return;
        }
        let count = credit.free.replace(0);
        for _ in 0..count {
            let mut shared = shared.borrow_mut();
            shared.next += 1;
            let number = shared.next;
            // Open loop: counted from when it was due, not from when it could be sent.
            shared.sent.insert(
                number,
                Sent { at: if pause.is_some() { due.into_std() } else { now() }, received: 0, acked: false },
            );
            let id = client_msg_id(number);
            writer.queue(&format!(
                r##"{{"type":"send","id":"{number}","conversation_id":"{conversation}","client_msg_id":"{id}","body":{{"text":"#{number} the quick brown fox jumps over the lazy dog, twice a day"}}}}"##
            ));
        }
        if writer.flush().await.is_err() {
            return;
        }
    }
}

async fn read(mut reader: Reader, shared: Rc<RefCell<Shared>>, credit: Rc<Credit>) {
    let take = |frame: &[u8]| {
        if frame.starts_with(b"{\"type\":\"record\"") {
            received(&shared, frame);
            let mut newest = credit.newest.borrow_mut();
            *newest = (*newest).max(field(frame, b"\"seq\":"));
        } else if frame.starts_with(b"{\"type\":\"sequenced\"") {
            let mut shared = shared.borrow_mut();
            shared.figures.sends += 1;
            if let Some(sent) = number_of_id(frame).and_then(|n| shared.sent.get_mut(&n)) {
                let elapsed = sent.at.elapsed().as_micros() as u32;
                sent.acked = true;
                shared.figures.acks.push(elapsed);
                shared.forget_done(frame);
            }
            *credit.free.borrow_mut() += 1;
            credit.freed.notify_one();
        } else if frame.starts_with(b"{\"type\":\"error\"") {
            panic!("{}", String::from_utf8_lossy(frame));
        }
    };
    let mut take = take;
    while reader.frames(&mut take).await {}
}

fn received(shared: &Rc<RefCell<Shared>>, frame: &[u8]) {
    let mut shared = shared.borrow_mut();
    shared.figures.deliveries += 1;
    let receivers = shared.receivers;
    let Some((number, sent)) = number(frame).and_then(|n| shared.sent.get_mut(&n).map(|sent| (n, sent)))
    else {
        return;
    };
    sent.received += 1;
    let (elapsed, last) = (sent.at.elapsed().as_micros() as u32, sent.received == receivers);
    shared.figures.receives.push(elapsed);
    if last {
        shared.figures.last.push(elapsed);
        shared.forget(number);
    }
}

impl Shared {
    /// Forgets a send that is acked and received by all.
    fn forget(&mut self, number: u64) {
        let receivers = self.receivers;
        if self.sent.get(&number).is_some_and(|sent| sent.acked && sent.received >= receivers) {
            self.sent.remove(&number);
        }
    }

    fn forget_done(&mut self, frame: &[u8]) {
        if let Some(number) = number_of_id(frame) {
            self.forget(number);
        }
    }
}

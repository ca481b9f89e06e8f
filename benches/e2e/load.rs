//! The load: windows or an open loop, and what comes back.

use crate::{
    figures::Figures,
    frames::{field, number, number_of_id, send_frame},
    measure::now,
    people::People,
    server::Server,
    socket::{Reader, Writer, connect, log_in, stall},
};
use futures_util::future::join_all;
use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{sync::Notify, task::LocalSet};

/// What is still on its way when the load ends is waited for: its CPU counts.
const SETTLE: Duration = Duration::from_millis(700);
/// Everybody tells this often what has come, as clients do: else it would be pushed to them.
const MARK_EVERY: Duration = Duration::from_millis(500);
/// A stalled socket that was cut off has told so by then.
const CUT_WITHIN: Duration = Duration::from_secs(2);

/// Who writes to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Everybody to themselves.
    Notebooks,
    /// Two and two, both send.
    Pairs,
    /// All users in one group, where user 0 sends.
    Group,
}

/// The frame that frees the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The command is durable.
    Accepted,
    /// Its record is.
    Sequenced,
}

/// What is to be sent.
#[derive(Clone, Debug)]
pub struct Plan {
    pub users: usize,
    pub shape: Shape,
    /// Unanswered sends of each sender.
    pub window: usize,
    /// Sends per second over all senders (0: as the window allows).
    pub rate: u64,
    pub duration: Duration,
    pub until: Until,
    /// So many of the last users connect and read nothing.
    pub stalled: usize,
}

impl Plan {
    /// Closed loop: as fast as answers come.
    pub fn windows(shape: Shape, users: usize, window: usize, duration: Duration) -> Self {
        Self { users, shape, window, rate: 0, duration, until: Until::Sequenced, stalled: 0 }
    }

    /// Open loop: so many a second, whatever comes back.
    pub fn at_rate(shape: Shape, users: usize, rate: u64, duration: Duration) -> Self {
        Self { users, shape, window: 1, rate, duration, until: Until::Sequenced, stalled: 0 }
    }

    fn senders(&self) -> usize {
        if self.shape == Shape::Group { 1 } else { self.users }
    }

    fn receivers(&self) -> usize {
        match self.shape {
            Shape::Notebooks => 1,
            Shape::Pairs => 2,
            Shape::Group => self.users - self.stalled,
        }
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

/// Runs the plan for people at their server.
pub async fn run(plan: &Plan, people: &People) -> Figures {
    let tokens: Vec<_> = people.tokens.iter().map(|token| Some(token.clone())).collect();
    drive(plan, people.server(), &tokens, &people.conversations).await
}

/// Runs the plan against a server; without tokens: a raw one.
pub async fn drive(
    plan: &Plan,
    server: &Server,
    tokens: &[Option<String>],
    conversations: &[String],
) -> Figures {
    let shared = Rc::new(RefCell::new(Shared {
        figures: Figures::default(),
        sent: HashMap::new(),
        next: 0,
        receivers: plan.receivers(),
        over: false,
    }));
    let local = LocalSet::new();
    let mut stalled = Vec::new();
    for token in tokens.iter().take(plan.users).rev().take(plan.stalled) {
        stalled.push(stall(&server.address, token.as_deref()).await.expect("a socket"));
    }
    let mut writers = Vec::new();
    for (user, token) in tokens.iter().enumerate().take(plan.users - plan.stalled) {
        let socket = match token {
            Some(token) => log_in(&server.address, token).await,
            None => connect(&server.address, None).await,
        };
        let (reader, writer) = socket.expect("a socket");
        let credit = Rc::new(Credit {
            free: RefCell::new(plan.window),
            freed: Notify::new(),
            newest: RefCell::new(0),
        });
        local.spawn_local(read(reader, shared.clone(), credit.clone(), plan.until));
        writers.push((writer, conversations[user].clone(), credit));
    }
    let senders = plan.senders();
    let (started, before) = (now(), server.cpu());
    for (writer, conversation, credit) in writers.split_off(senders) {
        local.spawn_local(mark(writer, Marks::new(conversation, credit)));
    }
    for (place, (writer, conversation, credit)) in writers.into_iter().enumerate() {
        let place = (place, senders);
        local.spawn_local(write(writer, conversation, credit, shared.clone(), plan.clone(), place));
    }
    local.run_until(tokio::time::sleep(plan.duration)).await;
    shared.borrow_mut().over = true;
    let wall = started.elapsed().as_secs_f64();
    local.run_until(tokio::time::sleep(SETTLE)).await;
    let cpu = server.cpu() - before;
    let figures = std::mem::take(&mut shared.borrow_mut().figures);
    // Whoever was cut off reads to the end; whoever was not waits for more.
    let ends = stalled
        .iter_mut()
        .map(|socket| tokio::time::timeout(CUT_WITHIN, async { while socket.frames(|_| {}).await {} }));
    let cut = join_all(ends).await.iter().filter(|end| end.is_ok()).count() as f64;
    Figures { wall, cpu, cut, ..figures }
}

/// A socket's free window, and the newest record that it has received.
struct Credit {
    free: RefCell<usize>,
    freed: Notify,
    newest: RefCell<u64>,
}

/// What a socket has told of what it received.
struct Marks {
    conversation: String,
    credit: Rc<Credit>,
    told: u64,
    at: Instant,
}

impl Marks {
    fn new(conversation: String, credit: Rc<Credit>) -> Self {
        Self { conversation, credit, told: 0, at: now() }
    }

    /// Queues a mark if there is something new and it is time.
    fn queue(&mut self, writer: &mut Writer) {
        let (newest, conversation) = (*self.credit.newest.borrow(), &self.conversation);
        if newest > self.told && self.at.elapsed() >= MARK_EVERY {
            (self.told, self.at) = (newest, now());
            writer.queue(&format!(
                r#"{{"type":"delivered","conversation_id":"{conversation}","seq":{newest}}}"#
            ));
        }
    }
}

/// Those who only listen.
async fn mark(mut writer: Writer, mut marks: Marks) {
    loop {
        tokio::time::sleep(MARK_EVERY).await;
        marks.queue(&mut writer);
        if writer.flush().await.is_err() {
            return;
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
    let mut marks = Marks::new(conversation.clone(), credit.clone());
    loop {
        if pause.is_some() {
            // The timer's grain is a millisecond: the rest is waited for by turning.
            tokio::time::sleep_until(due - Duration::from_millis(2)).await;
            while tokio::time::Instant::now() < due {
                tokio::task::yield_now().await;
            }
            *credit.free.borrow_mut() = 1;
        }
        let began = due.into_std();
        due += pause.unwrap_or_default();
        while *credit.free.borrow() == 0 {
            credit.freed.notified().await;
        }
        if shared.borrow().over {
            // What came last is told, too.
            return mark(writer, marks).await;
        }
        let count = credit.free.replace(0);
        for _ in 0..count {
            let mut shared = shared.borrow_mut();
            shared.next += 1;
            let number = shared.next;
            // Open loop: counted from when it was due, not from when it could be sent.
            let at = if pause.is_some() { began } else { now() };
            shared.sent.insert(number, Sent { at, received: 0, acked: false });
            writer.queue(&send_frame(&conversation, number));
        }
        marks.queue(&mut writer);
        if writer.flush().await.is_err() {
            return;
        }
    }
}

async fn read(mut reader: Reader, shared: Rc<RefCell<Shared>>, credit: Rc<Credit>, until: Until) {
    let answer: &[u8] = match until {
        Until::Accepted => b"{\"type\":\"accepted\"",
        Until::Sequenced => b"{\"type\":\"sequenced\"",
    };
    let mut take = |frame: &[u8]| {
        if frame.starts_with(b"{\"type\":\"record\"") {
            received(&shared, frame);
            let mut newest = credit.newest.borrow_mut();
            *newest = (*newest).max(field(frame, b"\"seq\":"));
        } else if frame.starts_with(answer) {
            let mut shared = shared.borrow_mut();
            shared.figures.sends += 1.0;
            let number = number_of_id(frame);
            if let Some(sent) = number.and_then(|n| shared.sent.get_mut(&n)) {
                let elapsed = sent.at.elapsed().as_micros() as u32;
                sent.acked = true;
                shared.figures.acks.push(elapsed);
                shared.forget(number.unwrap_or_default());
            }
            *credit.free.borrow_mut() += 1;
            credit.freed.notify_one();
        } else if frame.starts_with(b"{\"type\":\"error\"") {
            panic!("{}", String::from_utf8_lossy(frame));
        }
    };
    while reader.frames(&mut take).await {}
}

fn received(shared: &Rc<RefCell<Shared>>, frame: &[u8]) {
    let mut shared = shared.borrow_mut();
    shared.figures.deliveries += 1.0;
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
}

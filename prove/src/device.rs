//! A device: a client that follows PROTOCOL §2 and notes what it does and sees.

mod client;
mod frames;
mod log;
mod state;

use crate::{
    book::Book,
    operations::Operation,
    rest::{Api, Session},
};
use client::{Client, Order, lots};
use log::Log;
use parking_lot::Mutex;
use parlor_checker::history::Event;
use parlor_schemas::{ConversationId, UserId};
use serde_json::{Value, json};
use state::State;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, timeout_at},
};
use tokio_util::task::AbortOnDropHandle;

/// Orders that wait; more are dropped.
const ORDERS_MAX: usize = 16;

/// A device that connects, and connects again; dropped, it cuts its connection.
#[derive(Debug)]
pub(crate) struct Device {
    pub label: Arc<str>,
    pub session: Arc<Session>,
    state: Arc<Mutex<State>>,
    orders: mpsc::Sender<Order>,
    work: Arc<Notify>,
    changes: watch::Receiver<u64>,
    _task: AbortOnDropHandle<()>,
}

impl Device {
    /// Declares the device in the history and starts to connect. `number` is unique in the run.
    pub async fn start(
        label: Arc<str>,
        session: Session,
        number: usize,
        api: &Api,
        book: &Book,
        seed: u64,
    ) -> Self {
        let declared = Event::Device { user_id: session.user_id, device_id: session.device_id };
        book.note(&label, declared).await;
        let session = Arc::new(session);
        let state = State::of(session.user_id);
        let state = Arc::new(Mutex::new(state));
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let (changed, changes) = watch::channel(0);
        let work = Arc::new(Notify::new());
        let client = Client {
            label: label.clone(),
            session: session.clone(),
            api: api.clone(),
            book: book.clone(),
            state: state.clone(),
            orders: inbox,
            work: work.clone(),
            changes: changed,
            random: lots(seed, number as u64),
            connection: 0,
            gateway: number,
        };
        let task = AbortOnDropHandle::new(tokio::spawn(client.run()));
        Self { label, session, state, orders, work, changes, _task: task }
    }

    /// A command over the socket: `frame` without its ids. It is sent until it is answered.
    pub async fn command(&self, book: &Book, operation: &Operation, mut frame: Value) {
        let op = operation.begin(book, &self.label).await;
        frame["id"] = format!("o{op}").into();
        frame["client_msg_id"] = json!(operation.client_msg_id);
        frame["conversation_id"] = json!(operation.conversation_id);
        self.state.lock().push(op, frame.to_string());
        self.work.notify_one();
    }

    /// Reads up to where this device has come.
    pub fn mark_read(&self, conversation: ConversationId) {
        let mut state = self.state.lock();
        let Some(log) = state.logs.get_mut(&conversation) else { return };
        if log.read < log.cursor && !log.left {
            log.read = log.cursor;
            let mark = (conversation, log.cursor, true);
            state.marks.push_back(mark);
            self.work.notify_one();
        }
    }

    /// Marks everything as delivered, sends all marks once more, and makes no new ones.
    pub fn last_marks(&self) {
        let mut state = self.state.lock();
        state.mark_delivered();
        state.is_at_rest = true;
        state.marks.clear();
        state.marks_again();
        self.work.notify_one();
    }

    /// Cuts the connection without a word.
    pub fn cut(&self) {
        let _ = self.orders.try_send(Order::Cut);
    }

    /// Leaves for so long.
    pub fn stay_away(&self, lasts: Duration) {
        let _ = self.orders.try_send(Order::Stay(lasts));
    }

    /// From the next connection on, or now, these people's presence is told.
    pub fn watch(&self, users: Vec<UserId>) {
        let mut state = self.state.lock();
        (state.watched, state.is_watching) = (users, false);
        self.work.notify_one();
    }

    /// All heads are to be asked for anew.
    pub fn ask_heads(&self) {
        self.state.lock().heads_asked = Some(true);
        self.work.notify_one();
    }

    /// A look at the state.
    pub fn see<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock())
    }

    /// Its logs.
    pub fn logs<T>(&self, look: impl Fn(ConversationId, &Log) -> T) -> Vec<T> {
        self.see(|state| state.logs.iter().map(|(id, log)| look(*id, log)).collect())
    }

    /// Waits until it is so; false: not in time.
    pub async fn wait(&self, until: Instant, is_so: impl Fn(&State) -> bool) -> bool {
        let mut changes = self.changes.clone();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                if self.see(&is_so) {
                    return true;
                }
                if changes.changed().await.is_err() {
                    return false;
                }
            }
        };
        timeout_at(until, waiting).await.unwrap_or(false)
    }
}

/// Everything that is known to be there has come.
pub(crate) fn is_caught_up(state: &State) -> bool {
    state.is_caught_up()
}

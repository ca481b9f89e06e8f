//! Who waits for which command: the request number that travels with a command leads back to a
//! frame of a socket or to a REST call.

use crate::{hub::Hub, problem::Problem};
use parking_lot::Mutex;
use parlor_schemas::{Ack, ClientMsgId, ConversationId, Outcome, frames::ServerFrame};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::sync::oneshot;

/// How a REST call hears.
pub(crate) type Heard = Result<Outcome, Problem>;

/// Where an answer goes.
#[derive(Debug)]
pub(crate) enum Asker {
    /// A frame of a socket.
    Socket {
        /// The socket's number.
        connection: u64,
        /// The frame's id.
        id: Option<Box<str>>,
    },
    /// A REST call.
    Rest(oneshot::Sender<Heard>),
}

#[derive(Debug)]
struct Waiter {
    asker: Asker,
    conversation_id: ConversationId,
    client_msg_id: ClientMsgId,
    /// The command is durable, and a socket has been told.
    is_accepted: bool,
    /// The outcome that came before the log's acknowledgement: seldom, so it is not to make each
    /// waiter three times as large.
    held: Option<Box<Outcome>>,
    /// The sweep at which it began to wait.
    since: u32,
}

/// Everyone who waits. Bounded by the queue of commands and the life of a waiter.
#[derive(Debug)]
pub(crate) struct Waiters {
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, Waiter>>,
    hub: Arc<Hub>,
}

impl Waiters {
    /// Nobody yet.
    pub fn new(hub: Arc<Hub>) -> Self {
        Self { next: AtomicU64::new(1), waiting: Mutex::default(), hub }
    }

    /// Begins to wait; the request's number.
    pub fn add(&self, asker: Asker, conversation_id: ConversationId, client_msg_id: ClientMsgId) -> u64 {
        let request = self.next.fetch_add(1, Relaxed);
        let since = self.hub.tick();
        let waiter = Waiter { asker, conversation_id, client_msg_id, is_accepted: false, held: None, since };
        self.waiting.lock().insert(request, waiter);
        request
    }

    /// Nobody waits any more (the command was not taken).
    pub fn forget(&self, request: u64) {
        self.waiting.lock().remove(&request);
    }

    /// The commands are durable: sockets are told, and what came early follows.
    pub fn accepted(&self, requests: &[u64]) {
        for request in requests {
            if let Some(outcome) = self.accept(*request) {
                self.answer(*request, outcome);
            }
        }
    }

    /// Says `accepted` and gives what came early. Said before the waiter is let go, so that no
    /// `sequenced` overtakes it.
    fn accept(&self, request: u64) -> Option<Outcome> {
        let mut waiting = self.waiting.lock();
        let waiter = waiting.get_mut(&request)?;
        waiter.is_accepted = true;
        // A duplicate may skip `accepted` (PROTOCOL §3), and a REST call never hears of it.
        if let Asker::Socket { connection, id } = &waiter.asker {
            let frame = ServerFrame::Accepted { id: id.as_deref(), client_msg_id: waiter.client_msg_id };
            self.say(*connection, frame.text());
        }
        waiter.held.take().map(|held| *held)
    }

    /// The log did not take them, or does not know: later, the same ids.
    pub fn failed(&self, requests: &[u64], problem: &Problem) {
        for request in requests {
            self.refuse(*request, problem.clone());
        }
    }

    /// What became of a command. Held until the log has acknowledged it, so that `accepted` always
    /// goes first.
    pub fn answer(&self, request: u64, outcome: Outcome) {
        let Some(waiter) = self.take_accepted(request, &outcome) else { return };
        match (waiter.asker, outcome) {
            (Asker::Rest(to), outcome) => drop(to.send(Ok(outcome))),
            (Asker::Socket { connection, id }, Outcome::Sequenced(ack)) => {
                self.say(connection, sequenced(id.as_deref(), &ack));
            }
            (Asker::Socket { connection, id }, Outcome::Done { .. }) => {
                self.say(connection, ServerFrame::Ok { id: id.as_deref() }.text());
            }
            (Asker::Socket { connection, id }, Outcome::Refused(refusal)) => {
                let text = Problem::from(refusal).frame(id.as_deref(), Some(waiter.conversation_id));
                self.say(connection, text);
            }
        }
    }

    fn take_accepted(&self, request: u64, outcome: &Outcome) -> Option<Waiter> {
        let mut waiting = self.waiting.lock();
        let waiter = waiting.get_mut(&request)?;
        if waiter.is_accepted {
            return waiting.remove(&request);
        }
        waiter.held = Some(Box::new(outcome.clone()));
        None
    }

    /// The user and conversation of a waiting request are kept by its asker; this tells whether
    /// somebody still waits, and about which conversation, on which socket.
    pub fn about(&self, request: u64) -> Option<(ConversationId, Option<u64>)> {
        let waiting = self.waiting.lock();
        let waiter = waiting.get(&request)?;
        let connection = match waiter.asker {
            Asker::Socket { connection, .. } => Some(connection),
            Asker::Rest(_) => None,
        };
        Some((waiter.conversation_id, connection))
    }

    /// Drops those who have waited since before this sweep.
    pub fn expire(&self, before: u32) {
        let late: Vec<u64> = {
            let waiting = self.waiting.lock();
            waiting.iter().filter(|(_, w)| w.since < before).map(|(request, _)| *request).collect()
        };
        self.failed(&late, &Problem::unavailable("no answer in time; repeat with the same id"));
    }

    fn refuse(&self, request: u64, problem: Problem) {
        let Some(waiter) = self.waiting.lock().remove(&request) else { return };
        match waiter.asker {
            Asker::Rest(to) => drop(to.send(Err(problem))),
            Asker::Socket { connection, id } => {
                self.say(connection, problem.frame(id.as_deref(), Some(waiter.conversation_id)));
            }
        }
    }

    fn say(&self, connection: u64, text: String) {
        if let Some(connection) = self.hub.get(connection) {
            connection.outbox.push(text);
        }
    }
}

/// The `sequenced` frame of an ack.
fn sequenced(id: Option<&str>, ack: &Ack) -> String {
    ServerFrame::Sequenced {
        id,
        conversation_id: ack.conversation_id,
        client_msg_id: ack.client_msg_id,
        seq: ack.seq,
        ord: ack.ord,
        message_id: ack.message_id,
        at: ack.at,
        duplicate: ack.duplicate,
        skipped: &ack.skipped,
        owner_id: ack.owner_id,
    }
    .text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::EdgeLimits;
    use parlor_schemas::{Code, Refusal};
    use std::task::Waker;
    use uuid::Uuid;

    fn refused() -> Outcome {
        Outcome::Refused(Refusal::new(Code::Blocked, "no"))
    }

    #[test]
    fn an_early_outcome_waits_for_accepted() {
        let hub = Arc::new(Hub::new(&EdgeLimits::default()));
        let connection = hub.admit([127, 0, 0, 1].into()).connection;
        let waiters = Waiters::new(hub);
        let asker = Asker::Socket { connection: connection.number, id: Some("a".into()) };
        let request = waiters.add(asker, ConversationId(Uuid::nil()), ClientMsgId(Uuid::nil()));
        waiters.answer(request, refused());
        assert!(connection.outbox.take(Waker::noop()).frames.is_empty());
        waiters.accepted(&[request]);
        let frames = connection.outbox.take(Waker::noop()).frames;
        assert!(frames[0].contains("accepted") && frames[1].contains("blocked"), "{frames:?}");
        waiters.answer(request, refused());
        assert!(connection.outbox.take(Waker::noop()).frames.is_empty(), "an answer nobody waits for");
    }

    #[test]
    fn a_failed_append_is_unavailable_and_nothing_more() {
        let hub = Arc::new(Hub::new(&EdgeLimits::default()));
        let waiters = Waiters::new(hub);
        let (to, mut heard) = oneshot::channel();
        let request = waiters.add(Asker::Rest(to), ConversationId(Uuid::nil()), ClientMsgId(Uuid::nil()));
        waiters.failed(&[request], &Problem::unavailable("x"));
        assert_eq!(heard.try_recv().unwrap().unwrap_err().code, Code::Unavailable);
        assert_eq!(waiters.about(request), None);
    }
}

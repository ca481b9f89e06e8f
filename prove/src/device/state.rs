//! What a device knows, and what it has to send.

use super::log::Log;
use parlor_schemas::{ConversationId, UserId};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};
use tokio::time::Instant;

/// A command without an answer is sent again, with the same id (PROTOCOL §2).
const RESEND: Duration = Duration::from_secs(10);
/// One command in so many is not sent again on another connection once it was accepted: its sender
/// relies on that word.
const TRUSTING: u64 = 4;
/// `fetch` in flight; the server allows 20.
const FETCHES_MAX: usize = 16;
/// Records of one fetch.
const FETCH_LIMIT: u64 = 200;

#[derive(Debug, Default)]
pub(crate) struct State {
    pub user_id: Option<UserId>,
    /// `ready` has come on the present connection.
    pub is_online: bool,
    pub logs: HashMap<ConversationId, Log>,
    /// Unanswered commands, oldest first, by the number of the operation.
    pub outbox: BTreeMap<u64, Pending>,
    /// Commands that were not sent on this connection.
    fresh: VecDeque<u64>,
    /// Marks to be sent: (conversation, seq, whether it is `read`).
    pub marks: VecDeque<(ConversationId, u64, bool)>,
    pub since: Option<String>,
    /// All heads are asked for anew; none: not asked, some(false): waiting for the last page.
    pub heads_asked: Option<bool>,
    /// No new marks.
    pub is_at_rest: bool,
    pub watched: Vec<UserId>,
    pub is_watching: bool,
    /// Something that no server may say.
    pub odd: Option<String>,
}

/// A command on its way.
#[derive(Debug)]
pub(crate) struct Pending {
    pub frame: String,
    /// Sent on this connection, when.
    sent: Option<Instant>,
    /// The server said "later".
    not_before: Option<Instant>,
    is_accepted: bool,
}

/// What is to be sent, and of which operation.
pub(crate) enum Out {
    Command(u64, String),
    Mark(ConversationId, u64, bool),
    Frame(String),
}

impl State {
    /// Of a device that has just been made.
    pub fn of(user: UserId) -> Self {
        Self { user_id: Some(user), ..Self::default() }
    }

    /// A new command.
    pub fn push(&mut self, op: u64, frame: String) {
        self.outbox.insert(op, Pending { frame, sent: None, not_before: None, is_accepted: false });
        self.fresh.push_back(op);
    }

    /// An answer came, and the command is done with.
    pub fn settled(&mut self, op: u64) -> bool {
        self.outbox.remove(&op).is_some()
    }

    /// "Later", with the same id.
    pub fn later(&mut self, op: u64, not_before: Instant) {
        if let Some(pending) = self.outbox.get_mut(&op) {
            (pending.sent, pending.not_before) = (None, Some(not_before));
            pending.is_accepted = false;
        }
    }

    /// The command is in the log, says the server.
    pub fn accepted(&mut self, op: u64) {
        if let Some(pending) = self.outbox.get_mut(&op) {
            pending.is_accepted = true;
        }
    }

    /// A connection became ready: heads first, then the whole outbox, oldest first, and the marks. Those
    /// commands whose answer nobody waits for any more.
    pub fn ready(&mut self) -> Vec<u64> {
        let is_left = |op: &u64, pending: &Pending| pending.is_accepted && op.is_multiple_of(TRUSTING);
        let left =
            self.outbox.iter().filter(|(op, pending)| is_left(op, pending)).map(|(op, _)| *op).collect();
        self.outbox.retain(|op, pending| !is_left(op, pending));
        self.is_online = true;
        self.is_watching = false;
        self.heads_asked = self.heads_asked.map(|_| true);
        self.fresh = self.outbox.keys().copied().collect();
        for pending in self.outbox.values_mut() {
            pending.sent = None;
        }
        self.marks.clear();
        self.marks_again();
        for log in self.logs.values_mut() {
            log.reconnected();
        }
        left
    }

    /// All marks once more.
    pub fn marks_again(&mut self) {
        for (id, log) in self.logs.iter().filter(|(_, log)| !log.left) {
            let marks = [(log.delivered, false), (log.read, true)];
            self.marks
                .extend(marks.into_iter().filter(|(seq, _)| *seq > 0).map(|(seq, read)| (*id, seq, read)));
        }
    }

    /// Marks what has come as delivered, unless the run is at rest.
    pub fn mark_delivered(&mut self) {
        if self.is_at_rest {
            return;
        }
        for (id, log) in self.logs.iter_mut().filter(|(_, log)| !log.left && log.delivered < log.cursor) {
            log.delivered = log.cursor;
            self.marks.push_back((*id, log.cursor, false));
        }
    }

    /// Everything that is to be sent now.
    pub fn due(&mut self, now: Instant) -> Vec<Out> {
        let mut out = Vec::new();
        if !self.is_online {
            return out;
        }
        if self.heads_asked == Some(true) {
            self.heads_asked = Some(false);
            out.push(Out::Frame(r#"{"type":"heads","id":"all"}"#.to_owned()));
        }
        if !self.is_watching && !self.watched.is_empty() {
            self.is_watching = true;
            out.push(Out::Frame(
                json!({"type": "watch", "id": "watch", "user_ids": self.watched}).to_string(),
            ));
        }
        let again = self.outbox.iter().filter(|(_, pending)| pending.is_due_again(now));
        let mut due: Vec<u64> = again.map(|(op, _)| *op).collect();
        due.extend(self.fresh.drain(..));
        due.sort_unstable();
        due.dedup();
        for op in due {
            let Some(pending) = self.outbox.get_mut(&op) else { continue };
            if pending.not_before.is_some_and(|at| at > now) {
                continue;
            }
            (pending.sent, pending.not_before) = (Some(now), None);
            out.push(Out::Command(op, pending.frame.clone()));
        }
        out.extend(self.marks.drain(..).map(|(id, seq, is_read)| Out::Mark(id, seq, is_read)));
        out.extend(self.fetches(now).into_iter().map(Out::Frame));
        out
    }

    fn fetches(&mut self, now: Instant) -> Vec<String> {
        let behind = self.logs.iter_mut().filter(|(_, log)| log.is_behind());
        let wanted = behind.filter_map(|(id, log)| log.wants_fetch(now).then_some((id, log.cursor)));
        let frame = |(id, after): (&ConversationId, u64)| fetch(*id, after);
        wanted.take(FETCHES_MAX).map(frame).collect()
    }

    /// Everything that is known to be there has come.
    pub fn is_caught_up(&self) -> bool {
        self.is_online && self.heads_asked.is_none() && !self.logs.values().any(Log::is_behind)
    }
}

fn fetch(id: ConversationId, after: u64) -> String {
    let frame: Value = json!({"type": "fetch", "id": format!("f{id}"), "conversation_id": id, "after": after, "limit": FETCH_LIMIT});
    frame.to_string()
}

impl Pending {
    fn is_due_again(&self, now: Instant) -> bool {
        let is_late = self.sent.is_some_and(|at| now >= at + RESEND);
        is_late || self.not_before.is_some_and(|at| now >= at)
    }
}

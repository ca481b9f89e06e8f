//! Operations: what is noted of them, whatever way they go.

use crate::{
    book::Book,
    rest::{Answer, Api, FIRST_PAUSE, Session, next_pause},
};
use parlor_checker::history::{Ack, Event, Invoke, OpKind};
use parlor_schemas::{ClientMsgId, Code, ConversationId, UserId};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// An operation that is about to begin.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub kind: OpKind,
    pub conversation_id: Option<ConversationId>,
    pub client_msg_id: Option<ClientMsgId>,
    pub seq: Option<u64>,
    pub user_ids: Vec<UserId>,
    pub text: Option<String>,
}

impl Operation {
    /// One that makes a record, with a new id.
    pub fn new(kind: OpKind, conversation_id: Option<ConversationId>) -> Self {
        let client_msg_id = (!kind.is_mark()).then(|| ClientMsgId(Uuid::now_v7()));
        Self { kind, conversation_id, client_msg_id, seq: None, user_ids: Vec::new(), text: None }
    }

    /// Notes that it begins; its number.
    pub async fn begin(&self, book: &Book, by: &Arc<str>) -> u64 {
        let op = book.op();
        let invoke = Invoke {
            op,
            kind: self.kind,
            conversation_id: self.conversation_id,
            client_msg_id: self.client_msg_id,
            seq: self.seq,
            user_ids: self.user_ids.clone(),
            text: self.text.clone(),
        };
        book.note(by, Event::Invoke(invoke)).await;
        op
    }
}

/// The ack in an answer of REST; where no record was made it is `{}`, or the view of a conversation.
#[derive(Deserialize)]
struct Acked {
    conversation_id: ConversationId,
    seq: u64,
    ord: u64,
    message_id: parlor_schemas::MessageId,
    at: parlor_schemas::Timestamp,
    duplicate: bool,
}

fn ack(value: &Value) -> Option<Ack> {
    let Acked { conversation_id, seq, ord, message_id, at, duplicate } = Acked::deserialize(value).ok()?;
    Some(Ack { conversation_id, seq, ord, message_id, at, duplicate })
}

/// Does an operation over REST: the same key again and again until the answer is definite. Gives up
/// when it is told so and patience is over.
pub(crate) async fn over_rest(
    (api, book, by): (&Api, &Book, &Arc<str>),
    session: &Session,
    operation: &Operation,
    (method, path, body): (Method, &str, Option<&Value>),
    (stopping, patience): (&CancellationToken, Duration),
) -> Result<Value, Code> {
    let op = operation.begin(book, by).await;
    let key = operation.client_msg_id.map(|id| id.to_string());
    // A gateway of one's own, another one after each failure.
    let (mut n, mut pause, mut until) = (op as usize, FIRST_PAUSE, None);
    loop {
        book.note(by, Event::Attempt { op, connection: None }).await;
        match api.once(session, n, (method.clone(), path), key.as_deref(), body).await {
            Answer::Done(value) => {
                book.note(by, Event::Ok { op, ack: ack(&value) }).await;
                return Ok(value);
            }
            Answer::Refused(code) => {
                book.note(by, Event::Fail { op, code }).await;
                return Err(code);
            }
            Answer::Later(code, least) => {
                if let Some(code) = code {
                    book.note(by, Event::Later { op, code }).await;
                }
                n += 1;
                if stopping.is_cancelled() {
                    until.get_or_insert(Instant::now() + patience);
                }
                if until.is_some_and(|until| until < Instant::now()) {
                    book.note(by, Event::Unknown { op }).await;
                    return Err(Code::Unavailable);
                }
                let next = Instant::now() + next_pause(&mut pause).max(least);
                // Told to stop it tries again at once: the last chance to know.
                let _ = timeout_at(next, stopping.cancelled()).await;
                if stopping.is_cancelled() {
                    sleep(FIRST_PAUSE).await;
                }
            }
        }
    }
}

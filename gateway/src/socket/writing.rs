//! Frames that write: commands, and the marks `read` and `delivered`.

use super::session::{Note, Session};
use crate::{
    auth::Identity,
    commands::{self, Asked},
    edge::Edge,
    problem::Problem,
    waiters::Asker,
};
use parlor_schemas::{
    Action, ClientMsgId, Code, ConversationId,
    frames::ClientFrame,
    record::{ForwardedFrom, Message},
};
use std::sync::Arc;

fn missing<T>(field: Option<T>, name: &'static str) -> Result<T, Problem> {
    field.ok_or_else(|| Problem::invalid(format!("{name}: missing")))
}

/// `send`, `edit`, `delete`, `react`, `pin`.
pub(crate) fn command(session: &mut Session, frame: ClientFrame<'_>) -> Result<(), Problem> {
    let identity = session.identity()?;
    session.edge.buckets.user(identity.user_id)?;
    let conversation_id = missing(frame.conversation_id, "conversation_id")?;
    let client_msg_id = missing(frame.client_msg_id, "client_msg_id")?;
    let limits = &session.edge.limits;
    let asked = match &*frame.kind {
        "send" => commands::send(missing(frame.body, "body")?, limits)?,
        "edit" => commands::edit(missing(frame.target, "target")?, missing(frame.body, "body")?, limits)?,
        "delete" => commands::delete(missing(frame.target, "target")?)?,
        "react" => commands::react(
            missing(frame.target, "target")?,
            missing(frame.emoji.as_deref(), "emoji")?,
            missing(frame.op, "op")?,
            limits,
        )?,
        _ => commands::pin(missing(frame.target, "target")?, missing(frame.op, "op")?)?,
    };
    let id: Option<Box<str>> = frame.id.as_deref().map(Into::into);
    if let Action::Message(Message { forwarded_from: Some(from), .. }) = &asked.action {
        let from = *from;
        forward(session, from, (conversation_id, client_msg_id), asked, id);
        return Ok(());
    }
    let asker = Asker::Socket { connection: session.connection.number, id };
    commands::submit(&session.edge, session.identity()?, (conversation_id, client_msg_id), asked, asker)
}

/// A message may forward only what its sender may read. That is looked up first, and nothing else
/// of this socket overtakes it.
fn forward(
    session: &mut Session,
    from: ForwardedFrom,
    to: (ConversationId, ClientMsgId),
    asked: Asked,
    id: Option<Box<str>>,
) {
    let (edge, connection) = (session.edge.clone(), session.connection.clone());
    session.wait_for_job();
    session.edge.tasks.spawn(async move {
        if let Some(identity) = connection.identity.get() {
            let asker = Asker::Socket { connection: connection.number, id: id.clone() };
            let done = match may_forward(&edge, identity, from).await {
                Ok(refused) => commands::submit(&edge, identity, to, Asked { refused, ..asked }, asker),
                Err(problem) => Err(problem),
            };
            if let Err(problem) = done {
                connection.outbox.push(problem.frame(id.as_deref(), Some(to.0)));
            }
        }
        connection.outbox.note(Note::Done);
    });
}

/// Why the user may not forward this, if so. The verdict goes with the command: a resend of one
/// that was done gets its ack though the original is gone since.
pub(crate) async fn may_forward(
    edge: &Arc<Edge>,
    identity: &Identity,
    from: ForwardedFrom,
) -> Result<Option<Code>, Problem> {
    let record = match edge.reads.record(identity.user_id, from.conversation_id, from.seq).await {
        Ok(record) => record,
        Err(problem) if problem.code.is_definite() => return Ok(Some(problem.code)),
        Err(problem) => return Err(problem),
    };
    let is_there = record.is_some_and(|record| !record.redacted);
    Ok((!is_there).then_some(Code::NotFound))
}

/// `read` and `delivered`: gathered, never answered.
pub(crate) fn mark(session: &mut Session, frame: &ClientFrame<'_>) -> Result<(), Problem> {
    let identity = session.identity()?;
    let conversation_id = missing(frame.conversation_id, "conversation_id")?;
    let seq = missing(frame.seq, "seq")?;
    if seq == 0 {
        return Ok(());
    }
    commands::check_seq("seq", seq)?;
    let is_read = &*frame.kind == "read";
    session.edge.marks.add(identity, conversation_id, seq, is_read, None)
}

//! Frames that write: commands, and the marks `read` and `delivered`.

use super::session::{Note, Session};
use crate::{
    commands::{self, Asked, Sources},
    problem::Problem,
    waiters::Asker,
};
use parlor_schemas::{ClientMsgId, ConversationId, frames::ClientFrame};

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
    if let Some(sources) = Sources::of(&asked.action) {
        look_first(session, sources, (conversation_id, client_msg_id), asked, id);
        return Ok(());
    }
    let asker = Asker::Socket { connection: session.connection.number, id };
    commands::submit(&session.edge, session.identity()?, (conversation_id, client_msg_id), asked, asker)
}

/// A message may forward, and refer to, only what its sender may read. That is looked up first, and
/// nothing else of this socket overtakes it.
fn look_first(
    session: &mut Session,
    sources: Sources,
    to: (ConversationId, ClientMsgId),
    asked: Asked,
    id: Option<Box<str>>,
) {
    let (edge, connection) = (session.edge.clone(), session.connection.clone());
    session.wait_for_job();
    session.edge.tasks.spawn(async move {
        if let Some(identity) = connection.identity.get() {
            let asker = Asker::Socket { connection: connection.number, id: id.clone() };
            let done = match sources.verdict(&edge, identity.user_id, to.0).await {
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

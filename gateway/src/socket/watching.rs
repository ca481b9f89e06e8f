//! Frames about who is here: `presence`, `watch`, `unwatch`.

use super::{reading::Slot, session::Session};
use crate::{presence::tell, problem::Problem};
use parlor_schemas::{
    UserId,
    frames::{ClientFrame, ServerFrame},
};

/// `presence`: what this connection says of its user.
pub(crate) fn presence(session: &Session, frame: &ClientFrame<'_>) -> Result<(), Problem> {
    let user_id = session.identity()?.user_id;
    let status = frame.status.ok_or_else(|| Problem::invalid("status: missing"))?;
    session.edge.buckets.hint(user_id)?;
    if session.connection.say(Some(status)) {
        session.edge.presence.changed(user_id);
    }
    Ok(())
}

/// `watch`: the presence of each now, and every change of it.
pub(crate) fn watch(session: &Session, frame: &ClientFrame<'_>) -> Result<(), Problem> {
    let user_id = session.identity()?.user_id;
    let users = users(session, frame)?;
    let slot = Slot::enter(session)?;
    session.edge.buckets.look(user_id, users.len())?;
    session.edge.presence.watches.add(session.connection.number, &users)?;
    let id: Option<Box<str>> = frame.id.as_deref().map(Into::into);
    let (edge, connection) = (session.edge.clone(), session.connection.clone());
    session.edge.tasks.spawn(async move {
        if let Err(problem) = tell::show(&edge, &connection, &users, id.as_deref()).await {
            // Refused as a whole: the client asks again.
            edge.presence.watches.drop(connection.number, &users);
            connection.outbox.push_with_room(problem.frame(id.as_deref(), None)).await;
        }
        drop(slot);
    });
    Ok(())
}

/// `unwatch`: answered by `ok`.
pub(crate) fn unwatch(session: &Session, frame: &ClientFrame<'_>) -> Result<(), Problem> {
    session.identity()?;
    let users = users(session, frame)?;
    session.edge.presence.watches.drop(session.connection.number, &users);
    session.say(ServerFrame::Ok { id: frame.id.as_deref() }.text());
    Ok(())
}

/// The users that a frame names, each once.
fn users(session: &Session, frame: &ClientFrame<'_>) -> Result<Vec<UserId>, Problem> {
    let mut users = frame.user_ids.clone().ok_or_else(|| Problem::invalid("user_ids: missing"))?;
    let max = session.edge.settings.watched_max;
    if users.len() > max {
        return Err(Problem::invalid(format!("user_ids: at most {max}")));
    }
    users.sort_unstable();
    users.dedup();
    Ok(users)
}

//! Frames that read: `heads` and `fetch`. The reads run beside the session; their answers wait for
//! room in the outbox.

use super::session::Session;
use crate::{
    edge::Edge,
    hub::Connection,
    problem::Problem,
    reads::{heads::Pages, range::Query},
};
use parlor_schemas::{
    UserId,
    frames::{ClientFrame, ServerFrame},
};
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// Counts a read of this socket until it is answered.
pub(super) struct Slot(Arc<Connection>);

impl Slot {
    /// One more; `rate_limited` above the limit.
    pub(super) fn enter(session: &Session) -> Result<Self, Problem> {
        let slot = Self(session.connection.clone());
        let before = slot.0.fetches.fetch_add(1, Relaxed);
        if before as usize >= session.edge.settings.fetches_max {
            return Err(Problem::rate_limited(100));
        }
        Ok(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetches.fetch_sub(1, Relaxed);
    }
}

/// `fetch`.
pub(crate) fn fetch(session: &mut Session, frame: &ClientFrame<'_>) -> Result<(), Problem> {
    let user_id = session.identity()?.user_id;
    let conversation_id =
        frame.conversation_id.ok_or_else(|| Problem::invalid("conversation_id: missing"))?;
    let limits = &session.edge.limits;
    let query = Query::new(frame.after, frame.before, frame.limit, limits.fetch_records_max)?;
    let slot = Slot::enter(session)?;
    let id: Option<Box<str>> = frame.id.as_deref().map(Into::into);
    let (edge, connection) = (session.edge.clone(), session.connection.clone());
    session.edge.tasks.spawn(async move {
        let text = match edge.reads.records(user_id, conversation_id, query).await {
            Ok(page) => page.head().splice(id.as_deref(), &page.items),
            Err(problem) => problem.frame(id.as_deref(), Some(conversation_id)),
        };
        answer(&connection, text).await;
        drop(slot);
    });
    Ok(())
}

/// `heads`.
pub(crate) fn heads(session: &mut Session, frame: &ClientFrame<'_>) -> Result<(), Problem> {
    let user_id = session.identity()?.user_id;
    let since = frame.since.as_deref().map(str::to_owned);
    let slot = Slot::enter(session)?;
    let id: Option<Box<str>> = frame.id.as_deref().map(Into::into);
    let (edge, connection) = (session.edge.clone(), session.connection.clone());
    session.edge.tasks.spawn(async move {
        if let Err(problem) = pages(&edge, &connection, user_id, since.as_deref(), id.as_deref()).await {
            answer(&connection, problem.frame(id.as_deref(), None)).await;
        }
        drop(slot);
    });
    Ok(())
}

async fn pages(
    edge: &Arc<Edge>,
    connection: &Connection,
    user_id: UserId,
    since: Option<&str>,
    id: Option<&str>,
) -> Result<(), Problem> {
    let mut pages = Pages::begin(&edge.reads, user_id, since).await?;
    loop {
        let page = pages.next().await?;
        let items = page.wire(pages.epoch());
        let more = page.more;
        let as_of = (!more).then(|| pages.as_of());
        // A page without news in the middle of the list is not worth a frame.
        if !items.is_empty() || !more {
            let frame = ServerFrame::Heads { id, items: &items, more, as_of: as_of.as_deref() };
            if !connection.outbox.push_with_room(frame.text()).await {
                return Ok(());
            }
        }
        if !more {
            return Ok(());
        }
    }
}

async fn answer(connection: &Connection, text: String) {
    connection.outbox.push_with_room(text).await;
}

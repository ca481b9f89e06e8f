//! Signing in: the proof is checked, the route registered, and only then `ready` is said, so that
//! whoever reads heads afterwards misses nothing.

use super::session::{Note, Session};
use crate::{
    auth::{Identity, sessions, tickets},
    edge::Edge,
    hub::Connection,
    problem::Problem,
    routes,
};
use parlor_schemas::{
    Code,
    frames::{ClientFrame, Close, DeviceKind, ServerFrame},
};
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// What shows who it is.
#[derive(Debug)]
pub(crate) enum Proof {
    /// Shown and checked at the upgrade.
    Known(Identity),
    /// Bought over REST.
    Ticket(String),
    /// An access token.
    Token(String),
}

/// The device as `auth` describes it.
type Described = (DeviceKind, String);

/// Begins to sign in; the session reads nothing until the note.
pub(crate) fn start(session: &Session, proof: Proof, id: Option<&str>, device: Option<Described>) {
    let (edge, connection) = (session.edge.clone(), session.connection.clone());
    let id: Option<Box<str>> = id.map(Into::into);
    session.edge.tasks.spawn(async move {
        match enter(&edge, &connection, proof, id.as_deref()).await {
            Ok(()) => {
                connection.outbox.note(Note::Done);
                if let (Some(device), Some(identity)) = (device, connection.identity.get()) {
                    describe(&edge, identity, device).await;
                }
            }
            Err(close) => {
                connection.outbox.note(Note::Undone);
                connection.outbox.close(close);
            }
        }
    });
}

async fn enter(edge: &Edge, connection: &Connection, proof: Proof, id: Option<&str>) -> Result<(), Close> {
    let identity = match proof {
        Proof::Known(identity) => identity,
        Proof::Ticket(ticket) => tickets::take(edge, &ticket).await.map_err(|p| close_of(&p))?,
        Proof::Token(token) => verify(edge, &token).await.map_err(|p| close_of(&p))?,
    };
    // A ticket's session may have ended since it was bought.
    if edge.auth.sessions.has_ended(identity.session_id) {
        return Err(Close::BadToken);
    }
    let user = edge.reads.own_profile(&identity).await;
    if !edge.hub.sign_in(connection, identity.clone()) {
        return Err(Close::TooMany);
    }
    // It may have ended between the look and the entry; from here on `sessions::close` finds it.
    if edge.auth.sessions.has_ended(identity.session_id) {
        return Err(Close::SessionEnded);
    }
    let route = connection.route(edge.gateway_id).ok_or(Close::Restart)?;
    routes::enter(edge, route).await.map_err(|p| close_of(&p))?;
    edge.presence.changed(identity.user_id);
    let ready = ServerFrame::Ready {
        id,
        user: &user,
        device_id: identity.device_id,
        connection_id: &connection.id(edge.gateway_id),
    };
    connection.outbox.ready(ready.text());
    Ok(())
}

/// Who the token says it is, if its session goes on.
pub(crate) async fn verify(edge: &Edge, token: &str) -> Result<Identity, Problem> {
    let identity = edge.auth.keys.verify(token, edge.engines.clock.now())?;
    sessions::check(edge, &identity).await?;
    Ok(identity)
}

fn close_of(problem: &Problem) -> Close {
    match problem.code {
        Code::Unavailable | Code::Internal => Close::Restart,
        _ => Close::BadToken,
    }
}

/// `reauth`: a newer token of the same session, or of another one of the same user and device.
pub(crate) fn renew(session: &mut Session, frame: &ClientFrame<'_>) -> Result<(), Problem> {
    let current = session.identity()?.clone();
    let token = frame.token.as_deref().ok_or_else(|| Problem::invalid("token: missing"))?.to_owned();
    let id: Option<Box<str>> = frame.id.as_deref().map(Into::into);
    let (edge, connection) = (session.edge.clone(), session.connection.clone());
    session.wait_for_job();
    session.edge.tasks.spawn(async move {
        let renewed = verify(&edge, &token).await.and_then(|identity| {
            if identity.session_id == current.session_id {
                Ok(identity)
            } else {
                Err(Problem::new(Code::Forbidden, "the token is of another session; connect anew"))
            }
        });
        match renewed {
            Ok(identity) => {
                connection.token_ends.store(identity.expires_at.0, Relaxed);
                connection.outbox.push(ServerFrame::Ok { id: id.as_deref() }.text());
            }
            Err(problem) => connection.outbox.push(problem.frame(id.as_deref(), None)),
        }
        connection.outbox.note(Note::Done);
    });
    Ok(())
}

/// Writes down what the device calls itself now. It is no reason to refuse anything.
async fn describe(edge: &Arc<Edge>, identity: &Identity, (kind, name): Described) {
    let store = &edge.engines.store;
    let changed = async {
        let devices = store.devices(identity.user_id).await?;
        let known = devices.into_iter().find(|device| device.device_id == identity.device_id);
        if let Some(mut device) = known
            && (device.kind != kind.as_str() || device.name != name)
        {
            kind.as_str().clone_into(&mut device.kind);
            device.name = name;
            device.last_used_at = edge.engines.clock.now();
            store.put_device(&device).await?;
        }
        Ok::<_, parlor_engines::store::StoreError>(())
    };
    if let Err(error) = changed.await {
        tracing::warn!(%error, "a device's name could not be written");
    }
}

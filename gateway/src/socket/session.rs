//! The state machine of one socket: a client's frame in, answers into the outbox or jobs to the
//! gateway's tasks. It knows nothing of sockets, and it never waits: while a job must come first
//! (`auth` before what stands behind it) the pump does not read on.

use super::{
    enter::{self, Proof},
    reading, watching,
    wire::{self, Unread},
    writing,
};
use crate::{
    auth::Identity,
    commands::{self, NAME_MAX},
    edge::Edge,
    hub::Connection,
    presence,
    problem::Problem,
    rates::{self, Bucket},
    typing,
};
use parlor_schemas::{
    Code,
    frames::{ClientFrame, Close, HelloLimits, ServerFrame},
};
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// What a job tells the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// The job that the session waited for is done.
    Done,
    /// It failed, and the session is as it was before.
    Undone,
}

/// Where the session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nobody has signed in.
    Strange,
    /// Signing in; nothing is read.
    Entering,
    /// Signed in.
    Open,
    /// Signed in; a job must be done before the next frame is read.
    Busy,
}

/// The session of one socket.
#[derive(Debug)]
pub(crate) struct Session {
    /// The gateway.
    pub edge: Arc<Edge>,
    /// The socket.
    pub connection: Arc<Connection>,
    state: State,
    bucket: Bucket,
    /// Frames refused as `rate_limited`, in a row.
    strikes: u32,
}

impl Session {
    /// Begins: `hello`, and signing in if the request brought a proof.
    pub fn begin(edge: Arc<Edge>, connection: Arc<Connection>, proof: Option<Proof>) -> Self {
        let bucket = edge.buckets.connection();
        let mut session = Self { edge, connection, state: State::Strange, bucket, strikes: 0 };
        let id = session.connection.id(session.edge.gateway_id);
        let edge = &session.edge;
        session.say(
            ServerFrame::Hello {
                connection_id: &id,
                server_id: &edge.gateway_id.to_string(),
                now: edge.engines.clock.now(),
                heartbeat_ms: edge.settings.heartbeat_ms,
                timeout_ms: edge.settings.silence_ms,
                limits: HelloLimits {
                    limits: &edge.limits,
                    frame_max: edge.settings.frame_max,
                    fetches_max: edge.settings.fetches_max,
                    auth_timeout_ms: edge.settings.auth_timeout_ms,
                    watched_max: edge.settings.watched_max,
                },
            }
            .text(),
        );
        if let Some(proof) = proof {
            session.state = State::Entering;
            enter::start(&session, proof, None, None);
        }
        session
    }

    /// Whether the pump is to leave what the client sends unread for now.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, State::Entering | State::Busy)
    }

    /// A job is done.
    pub fn note(&mut self, note: Note) {
        self.state = match (self.state, note) {
            (State::Entering, Note::Undone) => State::Strange,
            (State::Entering | State::Busy, _) => State::Open,
            (state, _) => state,
        };
    }

    /// A client's text.
    pub fn text(&mut self, text: &str) {
        self.heard();
        let read = wire::with_frame(text, |frame| {
            let id: Option<Box<str>> = frame.id.as_deref().map(Into::into);
            let conversation_id = frame.conversation_id;
            self.frame(frame).map_err(|problem| (id, conversation_id, problem))
        });
        match read {
            Ok(Ok(())) => self.strikes = 0,
            Ok(Err((id, conversation_id, problem))) => {
                self.strike(&problem);
                self.say(problem.frame(id.as_deref(), conversation_id));
            }
            Err(Unread::NotAnObject) => self.connection.outbox.close(Close::BadFrame),
            Err(Unread::Refused { id, detail }) => {
                self.say(Problem::invalid(detail).frame(id.as_deref(), None));
            }
        }
    }

    /// A sign of life.
    pub fn heard(&self) {
        self.connection.heard.store(self.edge.hub.tick(), Relaxed);
    }

    /// Whose socket it is.
    pub fn identity(&self) -> Result<&Identity, Problem> {
        match self.state {
            State::Open | State::Busy => self.connection.identity.get().ok_or_else(Problem::unauthenticated),
            State::Strange | State::Entering => Err(Problem::unauthenticated()),
        }
    }

    /// Reads nothing more until a job's note.
    pub fn wait_for_job(&mut self) {
        self.state = State::Busy;
    }

    /// Queues an answer.
    pub fn say(&self, text: String) {
        self.connection.outbox.push_unheard(text);
    }

    fn strike(&mut self, problem: &Problem) {
        if problem.code == Code::RateLimited {
            self.strikes += 1;
            if self.strikes >= self.edge.settings.rates.strikes_max {
                self.connection.outbox.close(Close::RateLimit);
            }
        }
    }

    fn frame(&mut self, frame: ClientFrame<'_>) -> Result<(), Problem> {
        rates::take(&self.bucket)?;
        match &*frame.kind {
            "send" | "edit" | "delete" | "react" | "pin" => writing::command(self, frame),
            "read" | "delivered" => writing::mark(self, &frame),
            "fetch" => reading::fetch(self, &frame),
            "heads" => reading::heads(self, &frame),
            "typing" => typing::hear(self, &frame),
            "presence" => watching::presence(self, &frame),
            "watch" => watching::watch(self, &frame),
            "unwatch" => watching::unwatch(self, &frame),
            "ping" => {
                let now = self.edge.engines.clock.now();
                self.say(ServerFrame::Pong { id: frame.id.as_deref(), now }.text());
                Ok(())
            }
            "auth" => self.auth(frame),
            "reauth" => enter::renew(self, &frame),
            _ => Err(Problem::invalid("type: unknown")),
        }
    }

    fn auth(&mut self, frame: ClientFrame<'_>) -> Result<(), Problem> {
        if self.state != State::Strange {
            return Err(Problem::new(Code::Conflict, "already signed in; `reauth` renews the token"));
        }
        let token = frame.token.ok_or_else(|| Problem::invalid("token: missing"))?;
        if let Some(device) = &frame.device {
            commands::check_text("device.name", &device.name, NAME_MAX)?;
        }
        if let Some(tz) = frame.device.as_ref().and_then(|device| device.tz.as_deref()) {
            self.connection.set_tz(presence::text::zone(tz)?);
        }
        self.state = State::Entering;
        let device = frame.device.map(|device| (device.kind, device.name.0.into_owned()));
        enter::start(self, Proof::Token(token.0.into_owned()), frame.id.as_deref(), device);
        Ok(())
    }
}

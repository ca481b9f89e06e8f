//! From an HTTP request to a socket (RFC 6455 §4.2). Done by hand, so that the socket's task
//! belongs to the gateway's set and holds the bare TCP stream.

use super::{
    enter::{self, Proof},
    pump::Pump,
    session::Session,
};
use crate::{edge::Edge, problem::Problem, rest::bearer_of, routes};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header},
    response::IntoResponse as _,
};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use parlor_schemas::frames::{Close, SUBPROTOCOL};
use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

/// Where sockets are asked for.
pub(crate) const PATH: &str = "/v1/ws";

/// Answers the request; on 101 the socket lives on in a task of its own.
pub(crate) async fn upgrade(edge: Arc<Edge>, ip: IpAddr, request: Request<Incoming>) -> Response<Body> {
    match accept(&edge, ip, request).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn accept(
    edge: &Arc<Edge>,
    ip: IpAddr,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Problem> {
    if request.method() != Method::GET {
        let detail = "a socket is asked for by GET";
        return Err(Problem { status: Some(405), ..Problem::invalid(detail) });
    }
    let handshake = Handshake::read(request.headers())?;
    edge.buckets.ip(ip)?;
    if edge.is_draining.load(Relaxed) {
        return Err(Problem::unavailable("this gateway is about to stop; connect again"));
    }
    let proof = match bearer_of(request.headers()) {
        Some(token) => Some(Proof::Known(enter::verify(edge, token).await?)),
        None => ticket_of(request.uri().query()).map(Proof::Ticket),
    };
    let upgrading = hyper::upgrade::on(&mut request);
    drop(request);
    edge.tasks.spawn(run(edge.clone(), ip, upgrading, proof));
    Ok(handshake.response())
}

async fn run(edge: Arc<Edge>, ip: IpAddr, upgrading: OnUpgrade, proof: Option<Proof>) {
    // On the heap for the moment: what the handshake needs must not weigh on an idle socket.
    let Some(stream) = Box::pin(take_over(&edge, upgrading)).await else { return };
    let admitted = edge.hub.admit(ip);
    let connection = admitted.connection;
    let proof = proof.filter(|_| !admitted.is_over);
    let session = Session::begin(edge.clone(), connection.clone(), proof);
    if admitted.is_over || edge.is_full.load(Relaxed) {
        connection.outbox.close(Close::TooMany);
    } else if edge.is_draining.load(Relaxed) {
        connection.outbox.close(Close::Restart);
    }
    Pump::new(stream, session).await;
    edge.presence.watches.end(connection.number);
    if connection.say(None)
        && let Some(identity) = connection.identity.get()
    {
        edge.presence.changed(identity.user_id);
    }
    edge.hub.remove(&connection);
    if let Some(route) = connection.route(edge.gateway_id) {
        routes::leave(&edge, route).await;
    }
}

/// The bare stream behind the HTTP connection, as a WebSocket.
async fn take_over(edge: &Edge, upgrading: OnUpgrade) -> Option<WebSocketStream<TcpStream>> {
    let upgraded = upgrading.await.ok()?;
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
        tracing::error!("a socket is not the TCP stream it came from");
        return None;
    };
    // What came behind the request is copied: its buffer belongs to HTTP and is twice as large.
    let (stream, behind) = (parts.io.into_inner(), parts.read_buf.to_vec());
    drop(parts.read_buf);
    let limits = &edge.settings;
    let config = WebSocketConfig::default()
        .read_buffer_size(limits.read_buffer)
        .write_buffer_size(limits.write_buffer)
        .max_write_buffer_size(limits.write_buffer + 4 * limits.outbox_max)
        .max_message_size(Some(limits.frame_max))
        .max_frame_size(Some(limits.frame_max));
    Some(WebSocketStream::from_partially_read(stream, behind, Role::Server, Some(config)).await)
}

/// What a request for a socket must bring.
struct Handshake {
    accept: String,
    speaks_ours: bool,
}

impl Handshake {
    fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let has = |name: header::HeaderName, word: &str| {
            headers
                .get_all(name)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
        };
        if !has(header::UPGRADE, "websocket") || !has(header::CONNECTION, "upgrade") {
            return Err(Problem::invalid("this is a WebSocket: ask with Upgrade: websocket"));
        }
        if !has(header::SEC_WEBSOCKET_VERSION, "13") {
            return Err(Problem::invalid("Sec-WebSocket-Version must be 13"));
        }
        let key = headers
            .get(header::SEC_WEBSOCKET_KEY)
            .ok_or_else(|| Problem::invalid("Sec-WebSocket-Key: missing"))?;
        let speaks_ours = has(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
        if headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL) && !speaks_ours {
            return Err(Problem::invalid("the subprotocol is parlor.v1"));
        }
        Ok(Self { accept: derive_accept_key(key.as_bytes()), speaks_ours })
    }

    fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(accept) = HeaderValue::from_str(&self.accept) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        if self.speaks_ours {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        }
        response
    }
}

/// The ticket in a query. Its alphabet needs no escapes.
fn ticket_of(query: Option<&str>) -> Option<String> {
    query?.split('&').find_map(|pair| pair.strip_prefix("ticket=")).map(str::to_owned)
}

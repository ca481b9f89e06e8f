//! Sockets that ask for history without end and read none of it: what waits for them has a bound.

use anyhow::{Error, Result, anyhow};
use futures_util::{SinkExt as _, future::join_all};
use parlor_prove::rest::{Api, Session};
use parlor_schemas::{ConversationId, frames::SUBPROTOCOL};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest as _},
};
use uuid::Uuid;

/// Enough to fill a page of 48 KiB (PROTOCOL §2).
const MESSAGES: usize = 24;
const TEXT_BYTES: usize = 2_048;
/// So often each socket asks; were nothing bounded, 40 sockets would be owed 2 GB.
const ROUNDS: usize = 100;
/// So much is asked at a time: fewer than a gateway reads at once for one socket (`edge.fetches_max`), so
/// that it answers with pages.
const AT_ONCE: usize = 10;
/// Between the rounds.
const PAUSE: Duration = Duration::from_millis(80);
/// Longer than all rounds take; a gateway that reads no more from the socket lets the writer wait.
const DEAF: Duration = Duration::from_secs(12);
/// What is prepared may take so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sockets that stay open, and deaf, until this is dropped.
pub struct Deaf {
    _sockets: Vec<Socket>,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens `count` sockets that ask and do not read, and gives the gateways time to answer.
///
/// # Errors
/// The account, the group or its messages can't be made, or no socket opens.
pub async fn ask(urls: &[String], count: usize) -> Result<Deaf> {
    let api = Api::new(urls)?;
    let username = format!("deaf.{}", &Uuid::now_v7().simple().to_string()[12..]);
    let session = api.sign_in(&username, true, PATIENCE).await.map_err(Error::msg)?;
    let conversation = filled_group(&api, &session).await?;
    let fetch = json!({"type": "fetch", "id": "f", "conversation_id": conversation, "after": 0}).to_string();
    let mut sockets = Vec::with_capacity(count);
    for number in 0..count {
        let url = api.url(number).replacen("http", "ws", 1);
        let mut request = format!("{url}/v1/ws").into_client_request()?;
        request.headers_mut().insert("Authorization", format!("Bearer {}", session.access()).parse()?);
        request.headers_mut().insert("Sec-WebSocket-Protocol", SUBPROTOCOL.parse()?);
        sockets.push(connect_async(request).await?.0);
    }
    // Closed, or not read any more: both are right.
    drop(timeout(DEAF, join_all(sockets.iter_mut().map(|socket| ask_on(socket, &fetch)))).await);
    Ok(Deaf { _sockets: sockets })
}

async fn ask_on(socket: &mut Socket, fetch: &str) -> Result<(), tungstenite::Error> {
    for _ in 0..ROUNDS {
        for _ in 0..AT_ONCE {
            socket.feed(Message::text(fetch)).await?;
        }
        socket.flush().await?;
        sleep(PAUSE).await;
    }
    Ok(())
}

/// A group with a full page of messages.
async fn filled_group(api: &Api, session: &Session) -> Result<ConversationId> {
    let post = async |path: &str, body: Value| {
        let key = Uuid::now_v7().to_string();
        let made = api.patiently(session, (Method::POST, path), Some(&key), Some(&body), PATIENCE).await;
        made.map_err(|code| anyhow!("POST {path}: {}", code.as_str()))
    };
    let made = post("/conversations", json!({"kind": "group", "title": "deaf", "member_ids": []})).await?;
    let id = serde_json::from_value(made["conversation_id"].clone())?;
    for _ in 0..MESSAGES {
        let body = json!({"body": {"text": "x".repeat(TEXT_BYTES)}});
        post(&format!("/conversations/{id}/messages"), body).await?;
    }
    Ok(id)
}

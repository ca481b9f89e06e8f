//! Sockets that ask for history without end and read none of it: what waits for them has a bound.

use anyhow::{Context as _, Result, ensure};
use futures_util::{SinkExt as _, future::join_all};
use parlor_schemas::frames::SUBPROTOCOL;
use reqwest::{Client, Method};
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
    let url = urls.first().context("a gateway")?;
    let person = Person::new(url).await?;
    let conversation = person.filled_group().await?;
    let fetch = json!({"type": "fetch", "id": "f", "conversation_id": conversation, "after": 0}).to_string();
    let mut sockets = Vec::with_capacity(count);
    for number in 0..count {
        let url = &urls[number % urls.len()];
        let mut request = format!("{}/v1/ws", url.replacen("http", "ws", 1)).into_client_request()?;
        request.headers_mut().insert("Authorization", format!("Bearer {}", person.token).parse()?);
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

struct Person {
    client: Client,
    url: String,
    token: String,
}

impl Person {
    async fn new(url: &str) -> Result<Self> {
        let mut person = Self { client: Client::new(), url: url.to_owned(), token: String::new() };
        let username = format!("deaf.{}", &Uuid::now_v7().simple().to_string()[12..]);
        let device = json!({"kind": "desktop", "name": "deaf"});
        let body = json!({"username": username, "password": "correct horse battery", "device": device});
        let made = person.post("/auth/register", body).await?;
        made["access_token"].as_str().context("a token")?.clone_into(&mut person.token);
        Ok(person)
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        let request = self.client.request(Method::POST, format!("{}/v1{path}", self.url));
        let request = request.bearer_auth(&self.token).header("Idempotency-Key", Uuid::now_v7().to_string());
        let response = request.json(&body).send().await?;
        let status = response.status();
        let said = response.text().await?;
        ensure!(status.is_success(), "POST {path}: {status} {said}");
        Ok(serde_json::from_str(&said)?)
    }

    async fn filled_group(&self) -> Result<String> {
        let made =
            self.post("/conversations", json!({"kind": "group", "title": "deaf", "member_ids": []})).await?;
        let id = made["conversation_id"].as_str().context("a conversation_id")?.to_owned();
        for _ in 0..MESSAGES {
            let body = json!({"body": {"text": "x".repeat(TEXT_BYTES)}});
            self.post(&format!("/conversations/{id}/messages"), body).await?;
        }
        Ok(id)
    }
}

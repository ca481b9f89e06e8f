//! A push provider: an HTTP server that checks every push's signature and keeps what it got.

// Each test target uses its own part.
#![allow(dead_code, missing_docs)]

use crate::world::PATIENCE;
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use serde_json::Value;
use sha2::Sha256;
use std::{collections::VecDeque, net::SocketAddr, sync::Arc};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

pub const SECRET: &str = "a secret of two";

/// A request that was signed as it should be.
#[derive(Clone)]
pub struct Attempt {
    /// Its `webhook-id`.
    pub id: String,
    pub push: Value,
    /// What it was answered.
    pub status: u16,
}

#[derive(Default)]
struct Inbox {
    attempts: Mutex<Vec<Attempt>>,
    /// Answers of the next requests; 204 after them.
    answers: Mutex<VecDeque<u16>>,
    refuses: Mutex<bool>,
    changed: watch::Sender<usize>,
}

pub struct Receiver {
    address: SocketAddr,
    inbox: Arc<Inbox>,
    _server: AbortOnDropHandle<()>,
}

impl Receiver {
    pub async fn start() -> Self {
        let inbox = Arc::new(Inbox::default());
        let router = Router::new().route("/push", post(take)).with_state(inbox.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, inbox, _server: AbortOnDropHandle::new(server) }
    }

    pub fn url(&self) -> String {
        format!("http://{}/push", self.address)
    }

    /// How the next requests are answered, one after the other.
    pub fn answer(&self, statuses: &[u16]) {
        self.inbox.answers.lock().extend(statuses);
    }

    /// Answers 503 until it is told otherwise.
    pub fn refuse_all(&self, refuses: bool) {
        *self.inbox.refuses.lock() = refuses;
    }

    /// All requests so far for which `is_it` holds.
    pub fn attempts(&self, is_it: impl Fn(&Value) -> bool) -> Vec<Attempt> {
        self.inbox.attempts.lock().iter().filter(|attempt| is_it(&attempt.push)).cloned().collect()
    }

    /// A look at the pushes that were taken, oldest first.
    pub fn see<T>(&self, look: impl FnOnce(&[Value]) -> T) -> T {
        let all = self.inbox.attempts.lock();
        let taken: Vec<Value> =
            all.iter().filter(|attempt| attempt.status == 204).map(|attempt| attempt.push.clone()).collect();
        look(&taken)
    }

    /// Everything that came, as text.
    pub fn raw(&self) -> String {
        self.inbox.attempts.lock().iter().map(|attempt| attempt.push.to_string()).collect()
    }

    fn last(&self) -> Vec<(u16, String)> {
        let all = self.inbox.attempts.lock();
        all.iter().rev().take(3).map(|attempt| (attempt.status, attempt.push.to_string())).collect()
    }

    /// Waits for a push that was taken.
    pub async fn push(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        self.wait(|attempt| attempt.status == 204 && is_it(&attempt.push)).await.push
    }

    /// Waits for a push, however it was answered.
    pub async fn attempt(&self, is_it: impl Fn(&Value) -> bool) -> Attempt {
        self.wait(|attempt| is_it(&attempt.push)).await
    }

    async fn wait(&self, is_it: impl Fn(&Attempt) -> bool) -> Attempt {
        let mut changed = self.inbox.changed.subscribe();
        let found = async {
            loop {
                changed.borrow_and_update();
                let known = self.inbox.attempts.lock().iter().find(|attempt| is_it(attempt)).cloned();
                if let Some(found) = known {
                    return found;
                }
                changed.changed().await.expect("the server runs");
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(found) => found,
            Err(tokio::time::error::Elapsed { .. }) => {
                panic!("no such push; the last ones: {:?}", self.last())
            }
        }
    }
}

async fn take(State(inbox): State<Arc<Inbox>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers[name].to_str().expect("a text").to_owned();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&body);
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    if header("webhook-signature") != signature || header("content-type") != "application/json" {
        return StatusCode::UNAUTHORIZED;
    }
    let push = serde_json::from_slice(&body).expect("JSON");
    let refuses = *inbox.refuses.lock();
    let status = if refuses { 503 } else { inbox.answers.lock().pop_front().unwrap_or(204) };
    inbox.attempts.lock().push(Attempt { id, push, status });
    inbox.changed.send_modify(|count| *count += 1);
    StatusCode::from_u16(status).expect("a status")
}

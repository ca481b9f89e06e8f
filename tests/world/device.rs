//! A device: a WebSocket client with cursors and an outbox, that reconnects and resumes.

use super::{PATIENCE, Person, log::Log, new_id};
use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::StatusCode},
};
use tokio_util::task::AbortOnDropHandle;

/// A send without an answer is sent again, with the same id (PROTOCOL §2).
const RESEND: Duration = Duration::from_secs(10);

/// What a device knows.
#[derive(Default)]
pub struct State {
    pub online: bool,
    pub logs: HashMap<String, Log>,
    /// Unanswered sends, oldest first.
    pub outbox: Vec<Value>,
    /// Answers by client_msg_id: `sequenced` or a definite `error`.
    pub answers: HashMap<String, Value>,
    pub accepted: HashSet<String>,
    /// All other frames, oldest first.
    pub frames: Vec<Value>,
    pub closes: Vec<u16>,
    pub connects: usize,
    /// Heads by conversation.
    pub heads: HashMap<String, Value>,
    fetching: HashSet<String>,
    /// "Not yet": to be asked for again in a while.
    stalled: HashSet<String>,
    since: Option<String>,
}

enum Order {
    Frame(Value),
    /// Cut the TCP connection without a word.
    Cut,
    /// Cut it and stay away.
    Stay,
    Return,
}

/// A connected device; dropped, it cuts its connection.
pub struct Device {
    pub person: Person,
    orders: mpsc::UnboundedSender<Order>,
    state: Arc<Mutex<State>>,
    changed: watch::Receiver<u64>,
    _task: AbortOnDropHandle<()>,
}

impl Device {
    /// Starts to connect, and to connect again whenever the connection ends.
    pub fn start(person: Person) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let (changes, changed) = watch::channel(0);
        let state = Arc::new(Mutex::new(State::default()));
        let client = Client { person: person.clone(), state: state.clone(), inbox, changes, wants: true };
        let task = AbortOnDropHandle::new(tokio::spawn(client.run()));
        Self { person, orders, state, changed, _task: task }
    }

    /// Sends a text; its client_msg_id. It is sent again until it is answered.
    pub fn send(&self, conversation: &str, text: &str) -> String {
        self.send_body(conversation, json!({ "text": text }))
    }

    pub fn send_body(&self, conversation: &str, body: Value) -> String {
        let id = new_id();
        self.send_as(conversation, &id, body);
        id
    }

    /// Sends under a chosen client_msg_id.
    #[allow(clippy::needless_pass_by_value, reason = "a body made on the spot reads best")]
    pub fn send_as(&self, conversation: &str, id: &str, body: Value) {
        let frame = json!({"type": "send", "id": id, "conversation_id": conversation, "client_msg_id": id, "body": body});
        self.state.lock().outbox.push(frame.clone());
        self.order(Order::Frame(frame));
    }

    /// Any command: a frame without its ids. Sent again until it is answered; its client_msg_id.
    pub fn command(&self, mut frame: Value) -> String {
        let id = new_id();
        (frame["id"], frame["client_msg_id"]) = (id.as_str().into(), id.as_str().into());
        self.state.lock().outbox.push(frame.clone());
        self.order(Order::Frame(frame));
        id
    }

    /// Any frame.
    pub fn frame(&self, frame: Value) {
        self.order(Order::Frame(frame));
    }

    pub fn cut(&self) {
        self.order(Order::Cut);
    }

    pub fn go_offline(&self) {
        self.order(Order::Stay);
    }

    pub fn come_back(&self) {
        self.order(Order::Return);
    }

    fn order(&self, order: Order) {
        self.orders.send(order).expect("the device runs");
    }

    /// A look at the state.
    pub fn see<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock())
    }

    /// Waits until `ready` gives something.
    pub async fn wait<T>(&self, what: &str, ready: impl Fn(&State) -> Option<T>) -> T {
        let mut changed = self.changed.clone();
        let found = async {
            loop {
                changed.borrow_and_update();
                if let Some(found) = ready(&self.state.lock()) {
                    return found;
                }
                changed.changed().await.expect("the device runs");
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(found) => found,
            Err(tokio::time::error::Elapsed { .. }) => {
                panic!("{}: waited in vain until {what}: {}", self.person.username, self.describe())
            }
        }
    }

    fn describe(&self) -> String {
        let state = self.state.lock();
        let logs: Vec<_> =
            state.logs.iter().map(|(id, log)| format!("{id}: {}/{}", log.cursor, log.head)).collect();
        let frames: Vec<_> = state.frames.iter().rev().take(4).map(Value::to_string).collect();
        format!(
            "online {}, logs {logs:?}, outbox {}, closes {:?}, last frames {frames:?}",
            state.online,
            state.outbox.len(),
            state.closes
        )
    }

    /// Waits for the answer to a send.
    pub async fn answer(&self, id: &str) -> Value {
        self.wait("the send is answered", |state| state.answers.get(id).cloned()).await
    }

    /// Waits until the log of a conversation has come to `seq`.
    pub async fn upto(&self, conversation: &str, seq: u64) {
        let arrived =
            |state: &State| state.logs.get(conversation).is_some_and(|log| log.cursor >= seq).then_some(());
        self.wait(&format!("{conversation} has come to {seq}"), arrived).await;
    }

    /// Waits for a frame of a type for which `is_it` holds.
    pub async fn frame_of(&self, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let find = |state: &State| state.frames.iter().find(|f| f["type"] == kind && is_it(f)).cloned();
        self.wait(&format!("a {kind} frame comes"), find).await
    }

    /// Asks for all heads anew and waits for the last page.
    pub async fn heads(&self) -> HashMap<String, Value> {
        let id = new_id();
        self.frame(json!({"type": "heads", "id": id}));
        self.frame_of("heads", |frame| frame["id"] == id.as_str() && frame["more"] == false).await;
        self.see(|state| state.heads.clone())
    }

    /// The texts of a conversation.
    pub fn texts(&self, conversation: &str) -> Vec<String> {
        self.see(|state| state.logs.get(conversation).map(Log::texts).unwrap_or_default())
    }
}

struct Client {
    person: Person,
    state: Arc<Mutex<State>>,
    inbox: mpsc::UnboundedReceiver<Order>,
    changes: watch::Sender<u64>,
    wants: bool,
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

impl Client {
    async fn run(mut self) {
        loop {
            if self.wants
                && let Some(socket) = self.connect().await
            {
                self.stay(socket).await;
                self.state.lock().online = false;
                self.note();
            } else if !self.wants {
                match self.inbox.recv().await {
                    Some(Order::Return) => self.wants = true,
                    Some(_) => {}
                    None => return,
                }
            } else {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    fn note(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    async fn connect(&mut self) -> Option<Socket> {
        let mut request = format!("ws://{}/v1/ws", self.person.address).into_client_request().ok()?;
        let bearer = format!("Bearer {}", self.person.token).parse().ok()?;
        request.headers_mut().insert("Authorization", bearer);
        request.headers_mut().insert("Sec-WebSocket-Protocol", "parlor.v1".parse().ok()?);
        match connect_async(request).await {
            Ok((socket, _)) => Some(socket),
            Err(Error::Http(answer)) if answer.status() == StatusCode::UNAUTHORIZED => {
                self.wants = false;
                None
            }
            Err(_) => None,
        }
    }

    async fn stay(&mut self, mut socket: Socket) {
        let mut ping = tokio::time::interval(Duration::from_secs(20));
        let mut again = tokio::time::interval(Duration::from_millis(250));
        let (mut resend, mut waiting) = (tokio::time::interval(RESEND), HashSet::new());
        loop {
            let frames = tokio::select! {
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => self.take(text.as_str()),
                    Some(Ok(Message::Close(frame))) => {
                        let code = frame.map_or(1005, |frame| frame.code.into());
                        self.state.lock().closes.push(code);
                        // The session has ended: to come again with its token would only make load.
                        self.wants &= code != 4003;
                        return;
                    }
                    Some(Ok(_)) => vec![],
                    Some(Err(_)) | None => return,
                },
                order = self.inbox.recv() => match order {
                    // Commands wait for `ready`, which sends the whole outbox, oldest first.
                    Some(Order::Frame(frame)) if frame["client_msg_id"].is_string() && !self.state.lock().online => vec![],
                    Some(Order::Frame(frame)) => vec![frame],
                    Some(Order::Cut) | None => return,
                    Some(Order::Stay) => {
                        self.wants = false;
                        return;
                    }
                    Some(Order::Return) => vec![],
                },
                _ = again.tick() => {
                    let mut state = self.state.lock();
                    let stalled: Vec<_> = state.stalled.drain().collect();
                    stalled.iter().filter_map(|id| state.fetch(id)).collect()
                }
                _ = resend.tick() => self.state.lock().unanswered(&mut waiting),
                _ = ping.tick() => vec![json!({"type": "ping", "id": "p"})],
            };
            self.note();
            for frame in frames {
                if socket.send(Message::text(frame.to_string())).await.is_err() {
                    return;
                }
            }
        }
    }

    /// What a frame means, and what is to be sent for it.
    fn take(&self, text: &str) -> Vec<Value> {
        let frame: Value = serde_json::from_str(text).expect("the server sends JSON");
        let mut state = self.state.lock();
        let mut out = Vec::new();
        let conversation = || frame["conversation_id"].as_str().unwrap_or_default().to_owned();
        match frame["type"].as_str().expect("a type") {
            "ready" => {
                state.online = true;
                state.connects += 1;
                state.fetching.clear();
                // An unanswered `since` is not to be trusted: everything is asked for.
                out.push(json!({"type": "heads", "id": "resume", "since": state.since}));
                // What was asked for and never came; its head may have been told, and is not told again.
                let known: Vec<String> = state.logs.keys().cloned().collect();
                out.extend(known.iter().filter_map(|id| state.fetch(id)));
                out.extend(state.outbox.iter().cloned());
                state.frames.push(frame);
            }
            "record" => {
                let record = frame["record"].clone();
                let id = record["conversation_id"].as_str().expect("an id").to_owned();
                state.logs.entry(id.clone()).or_default().take(record);
                out.extend(state.fetch(&id));
            }
            "records" => {
                let id = conversation();
                state.fetching.remove(&id);
                let before = state.logs.get(&id).map_or(0, |log| log.cursor);
                let log = state.logs.entry(id.clone()).or_default();
                log.raise_floor(frame["floor"].as_u64().unwrap_or(0));
                log.head = log.head.max(frame["head_seq"].as_u64().unwrap_or(0));
                for record in frame["items"].as_array().expect("items") {
                    log.take(record.clone());
                }
                if log.cursor > before {
                    out.extend(state.fetch(&id));
                } else if log.is_behind() {
                    state.stalled.insert(id);
                }
            }
            "heads" => {
                for item in frame["items"].as_array().expect("items") {
                    let id = item["conversation_id"].as_str().expect("an id").to_owned();
                    let log = state.logs.entry(id.clone()).or_default();
                    log.raise_floor(item["floor"].as_u64().unwrap_or(0));
                    log.head = log.head.max(item["head_seq"].as_u64().unwrap_or(0));
                    state.heads.insert(id.clone(), item.clone());
                    out.extend(state.fetch(&id));
                }
                if frame["more"] == false && frame["as_of"].is_string() {
                    state.since = frame["as_of"].as_str().map(str::to_owned);
                }
                state.frames.push(frame);
            }
            "accepted" => {
                state.accepted.insert(frame["client_msg_id"].as_str().expect("an id").to_owned());
            }
            "sequenced" => state.answered(&frame),
            "error" => {
                out.extend(state.refused(&frame));
                state.frames.push(frame);
            }
            _ => state.frames.push(frame),
        }
        out
    }
}

impl State {
    fn answered(&mut self, frame: &Value) {
        let id = frame["id"].as_str().unwrap_or_default().to_owned();
        self.outbox.retain(|sent| sent["id"] != id.as_str());
        // The first answer stays: a later one of the same command must say the same.
        self.answers.entry(id).or_insert_with(|| frame.clone());
    }

    /// Sends that have waited for an answer since the last time: one of them may be lost.
    fn unanswered(&self, waiting: &mut HashSet<String>) -> Vec<Value> {
        let id = |sent: &Value| sent["id"].as_str().unwrap_or_default().to_owned();
        let late = self.outbox.iter().filter(|sent| waiting.contains(&id(sent))).cloned().collect();
        *waiting = self.outbox.iter().map(id).collect();
        late
    }

    /// An error: definite, or "later", with what is to be sent again.
    fn refused(&mut self, frame: &Value) -> Option<Value> {
        let later = ["unavailable", "rate_limited"].contains(&frame["code"].as_str().unwrap_or(""));
        let id = frame["id"].as_str().unwrap_or_default();
        if let Some(conversation) = id.strip_prefix("f-") {
            // A fetch that could not be served now is asked again, like "not yet".
            self.fetching.remove(conversation);
            self.stalled.insert(conversation.to_owned());
            return None;
        }
        if !later {
            self.answered(frame);
            return None;
        }
        self.outbox.iter().find(|sent| sent["id"] == id).cloned()
    }

    fn fetch(&mut self, id: &str) -> Option<Value> {
        let log = self.logs.get(id)?;
        if !log.is_behind() || !self.fetching.insert(id.to_owned()) {
            return None;
        }
        Some(
            json!({"type": "fetch", "id": format!("f-{id}"), "conversation_id": id, "after": log.cursor, "limit": 200}),
        )
    }
}

//! The connection: made again and again, at one gateway after another.

use super::{
    frames::Then,
    state::{Out, State},
};
use crate::{
    book::Book,
    operations::Operation,
    rest::{Api, FIRST_PAUSE, Session, next_pause},
};
use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use parlor_checker::history::{Event, OpKind};
use parlor_schemas::frames::SUBPROTOCOL;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::TcpStream,
    sync::{Notify, mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest, protocol::CloseFrame},
};

/// From the first packet to `ready`.
const READY_MAX: Duration = Duration::from_secs(8);
/// Often enough to notice a half-open connection well within the 30 s that liveness allows.
const PING_EVERY: Duration = Duration::from_secs(4);
/// Without any word for so long the connection is dead.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// One write.
const WRITE_MAX: Duration = Duration::from_secs(5);
/// Fetches, resends and marks are looked after this often.
const TICK: Duration = Duration::from_millis(250);
/// `delivered` is told every so many ticks.
const DELIVERED_TICKS: u32 = 4;
/// The longest pause that a closing server can ask for.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// What others tell a device.
pub(super) enum Order {
    /// Cut the TCP connection without a word.
    Cut,
    /// Close it, and stay away for so long.
    Stay(Duration),
}

pub(super) struct Client {
    pub label: Arc<str>,
    pub session: Arc<Session>,
    pub api: Api,
    pub book: Book,
    pub state: Arc<Mutex<State>>,
    pub orders: mpsc::Receiver<Order>,
    pub work: Arc<Notify>,
    pub changes: watch::Sender<u64>,
    pub random: StdRng,
    pub connection: u32,
    /// The gateway that is tried next.
    pub gateway: usize,
}

/// Why a connection ended, and what follows.
struct End {
    code: Option<u16>,
    by_choice: bool,
    /// It had become ready.
    was_ready: bool,
    pause: Option<Duration>,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Client {
    pub async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            self.connection += 1;
            let (connection, url) = (self.connection, self.api.url(self.gateway).to_owned());
            self.note(Event::Connecting { connection, url: url.clone() }).await;
            let end = self.connect(&url).await;
            self.state.lock().is_online = false;
            self.note(Event::Gone { connection, code: end.code, by_choice: end.by_choice }).await;
            self.changes.send_modify(|count| *count += 1);
            match end.code {
                Some(401 | 4001 | 4003) => self.api.renew(&self.session, self.gateway).await,
                _ if !end.by_choice => self.gateway += 1,
                _ => {}
            }
            if end.was_ready {
                pause = FIRST_PAUSE;
            }
            let least = end.pause.unwrap_or_default();
            let jitter = self.random.random_range(0.5..1.5);
            sleep(next_pause(&mut pause).mul_f64(jitter).max(least)).await;
        }
    }

    async fn note(&self, event: Event) {
        self.book.note(&self.label, event).await;
    }

    async fn connect(&mut self, url: &str) -> End {
        let lost = |code| End { code, by_choice: false, was_ready: false, pause: None };
        let Some(request) = request(url, &self.session.access()) else { return lost(None) };
        match timeout(READY_MAX, connect_async(request)).await {
            Ok(Ok((socket, _))) => self.stay(socket).await,
            Ok(Err(tungstenite::Error::Http(response))) => lost(Some(response.status().as_u16())),
            Ok(Err(_)) | Err(_) => lost(None),
        }
    }

    async fn stay(&mut self, mut socket: Socket) -> End {
        let mut end = End { code: None, by_choice: false, was_ready: false, pause: None };
        let mut ping = interval(PING_EVERY);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut ticks, mut heard, work) = (0_u32, Instant::now(), self.work.clone());
        loop {
            let silence = if end.was_ready { SILENCE_MAX } else { READY_MAX };
            let mut frames = Vec::new();
            tokio::select! {
                message = socket.next() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => match self.take(text.as_str()).await {
                            Some(Then::Ready) => {
                                end.was_ready = true;
                                frames.push(self.heads());
                            }
                            Some(Then::Nothing) => {}
                            None => return end,
                        },
                        Some(Ok(Message::Close(frame))) => return closed(end.was_ready, frame),
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => return end,
                    }
                }
                order = self.orders.recv() => match order {
                    Some(Order::Stay(lasts)) => {
                        let _ = timeout(WRITE_MAX, socket.close(None)).await;
                        return End { by_choice: true, pause: Some(lasts), ..end };
                    }
                    Some(Order::Cut) | None => return end,
                },
                () = work.notified() => {}
                _ = tick.tick() => {
                    ticks += 1;
                    if ticks.is_multiple_of(DELIVERED_TICKS) {
                        self.state.lock().mark_delivered();
                    }
                    if heard.elapsed() > silence {
                        return end;
                    }
                }
                _ = ping.tick() => frames.push(r#"{"type":"ping","id":"ping"}"#.to_owned()),
            }
            if timeout(WRITE_MAX, self.send(&mut socket, frames)).await.ok().is_none_or(|sent| sent.is_none())
            {
                return end;
            }
            self.changes.send_modify(|count| *count += 1);
        }
    }

    /// Takes a frame; none: no server may say this.
    async fn take(&mut self, text: &str) -> Option<Then> {
        let mut events = Vec::new();
        let taken = self.state.lock().take(text, &mut events);
        if matches!(taken, Ok(Then::Ready)) {
            self.note(Event::Ready { connection: self.connection }).await;
        }
        for event in events {
            self.note(event).await;
        }
        taken.map_err(|odd| self.state.lock().odd = Some(odd)).ok()
    }

    fn heads(&self) -> String {
        json!({"type": "heads", "id": "resume", "since": self.state.lock().since}).to_string()
    }

    /// Writes these frames and all that is due; none: the connection is lost.
    async fn send(&mut self, socket: &mut Socket, frames: Vec<String>) -> Option<()> {
        for frame in frames {
            socket.feed(Message::text(frame)).await.ok()?;
        }
        let due = self.state.lock().due(Instant::now());
        for out in due {
            let frame = match out {
                Out::Frame(frame) => frame,
                Out::Command(op, frame) => {
                    self.note(Event::Attempt { op, connection: Some(self.connection) }).await;
                    frame
                }
                Out::Mark(id, seq, is_read) => {
                    let kind = if is_read { OpKind::Read } else { OpKind::Delivered };
                    let mark = Operation { seq: Some(seq), ..Operation::new(kind, Some(id)) };
                    let op = mark.begin(&self.book, &self.label).await;
                    self.note(Event::Attempt { op, connection: Some(self.connection) }).await;
                    let name = if is_read { "read" } else { "delivered" };
                    json!({"type": name, "conversation_id": id, "seq": seq}).to_string()
                }
            };
            socket.feed(Message::text(frame)).await.ok()?;
        }
        socket.flush().await.ok()
    }
}

fn request(url: &str, token: &str) -> Option<tungstenite::handshake::client::Request> {
    // http → ws, https → wss.
    let mut request = format!("ws{}/v1/ws", url.strip_prefix("http")?).into_client_request().ok()?;
    let headers = request.headers_mut();
    headers.insert("Authorization", format!("Bearer {token}").parse().ok()?);
    headers.insert("Sec-WebSocket-Protocol", SUBPROTOCOL.parse().ok()?);
    Some(request)
}

/// The server closed; where it says so, when to come back (PROTOCOL §3).
fn closed(was_ready: bool, frame: Option<CloseFrame>) -> End {
    let reason = frame.as_ref().and_then(|frame| serde_json::from_str::<Value>(frame.reason.as_str()).ok());
    let retry = reason.and_then(|reason| reason["retry_after_ms"].as_u64()).map(Duration::from_millis);
    let code = frame.map(|frame| frame.code.into());
    End { code, by_choice: false, was_ready, pause: retry.map(|retry| retry.min(RETRY_MAX)) }
}

/// Another stream of lots for each device.
pub(super) fn lots(seed: u64, number: u64) -> StdRng {
    StdRng::seed_from_u64(seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

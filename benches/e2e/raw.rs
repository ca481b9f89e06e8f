//! The baselines that talk to sockets: a tokio server on one thread that answers with frames of the
//! same size and number, without accounts, order, storage or history. Its kinds are named on the
//! command line: `raw-server KIND`.

use crate::{
    figures::Figures,
    frames::field,
    load::{Plan, Shape, Until, drive},
    server::Server,
    socket::{find, frame, framed},
};
use bytes::{Buf, Bytes, BytesMut};
use std::{cell::RefCell, future::Future, io, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

pub const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: parlor.v1\r\n\r\n";
const PAD: &str = "01987654-3210-7000-8000-000000000000";
/// As `edge.marks_every_ms`.
const MARKS_EVERY: Duration = Duration::from_millis(300);

/// Runs the plan against a new raw server.
pub async fn run(plan: &Plan) -> Figures {
    let kind = match (plan.until, plan.shape) {
        (Until::Accepted, _) => "accepted",
        (_, Shape::Notebooks) => "notebooks",
        (_, Shape::Pairs) => "pairs",
        (_, Shape::Group) => "group",
    };
    let server = Server::part(&["raw-server", kind, &plan.users.to_string()]);
    let tokens = vec![None; plan.users];
    drive(plan, &server, &tokens, &vec![PAD.to_owned(); plan.users]).await
}

/// What a server does with what it is sent.
#[derive(Clone, Copy)]
enum Kind {
    Accepted,
    Notebooks,
    Pairs,
    Group(usize),
    Receipts,
}

struct Sockets {
    kind: Kind,
    outboxes: RefCell<Vec<mpsc::UnboundedSender<Bytes>>>,
    /// The newest mark of each socket, and what was told of it.
    marks: RefCell<Vec<u64>>,
    told: RefCell<Vec<u64>>,
}

/// Accepts for ever, each socket as a task of its own; tells the address first.
pub async fn accept<F: Future<Output = io::Result<()>> + 'static>(serve: impl Fn(TcpStream) -> F) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("raw at http://{}", listener.local_addr().expect("an address"));
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).expect("an option");
        tokio::task::spawn_local(serve(stream));
    }
}

/// Serves for ever.
pub async fn serve(kind: &str, size: usize) {
    let kind = match kind {
        "accepted" => Kind::Accepted,
        "notebooks" => Kind::Notebooks,
        "pairs" => Kind::Pairs,
        "receipts" => Kind::Receipts,
        _ => Kind::Group(size),
    };
    let sockets = Rc::new(Sockets {
        kind,
        outboxes: RefCell::default(),
        marks: RefCell::default(),
        told: RefCell::default(),
    });
    if matches!(kind, Kind::Receipts) {
        tokio::task::spawn_local(tell_marks(sockets.clone(), size));
    }
    accept(move |stream| socket(stream, sockets.clone())).await;
}

/// Reads the request and answers the upgrade, without a look at either.
pub async fn upgrade(stream: &mut TcpStream, input: &mut BytesMut) -> io::Result<()> {
    while find(input, b"\r\n\r\n").is_none() {
        if stream.read_buf(input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    input.clear();
    stream.write_all(ANSWER.as_bytes()).await
}

async fn socket(mut stream: TcpStream, sockets: Rc<Sockets>) -> io::Result<()> {
    let mut input = BytesMut::with_capacity(4096);
    let (sender, mut outbox) = mpsc::unbounded_channel();
    let number = sockets.outboxes.borrow().len();
    sockets.outboxes.borrow_mut().push(sender);
    sockets.marks.borrow_mut().push(0);
    sockets.told.borrow_mut().push(0);
    upgrade(&mut stream, &mut input).await?;
    let mut out = Vec::new();
    loop {
        tokio::select! {
            read = stream.read_buf(&mut input) => {
                if read? == 0 {
                    return Ok(());
                }
                while let Some((start, end)) = frame(&input) {
                    sockets.answer(&input[start..end], number);
                    input.advance(end);
                }
            }
            Some(first) = outbox.recv() => {
                out.extend_from_slice(&first);
                while let Ok(more) = outbox.try_recv() {
                    out.extend_from_slice(&more);
                }
                stream.write_all(&out).await?;
                out.clear();
            }
        }
    }
}

/// `accepted` for a `send` frame; `None`: it is none.
fn accepted(text: &[u8]) -> Option<Vec<u8>> {
    let at = find(text, b"\"client_msg_id\":\"")? + 17;
    let id = String::from_utf8_lossy(&text[at..at + 36]);
    let mut own = Vec::with_capacity(512);
    framed(
        &mut own,
        format!(r#"{{"type":"accepted","id":"1234","client_msg_id":"{id}"}}"#).as_bytes(),
        false,
    );
    Some(own)
}

/// `accepted` and `sequenced` for a `send` frame, and the `record` for every receiver.
pub fn answers(text: &[u8]) -> Option<(Bytes, Bytes)> {
    let mut own = accepted(text)?;
    let at = find(text, b"\"client_msg_id\":\"")? + 17;
    let id = String::from_utf8_lossy(&text[at..at + 36]);
    let body = find(text, b"\"body\":").map_or(0, |at| at + 7);
    let body = String::from_utf8_lossy(&text[body..text.len() - 1]);
    framed(&mut own, format!(r#"{{"type":"sequenced","id":"1234","conversation_id":"{PAD}","client_msg_id":"{id}","seq":12345,"ord":12345,"message_id":"{PAD}","at":"2026-01-01T00:00:00.000Z","duplicate":false}}"#).as_bytes(), false);
    let mut record = Vec::with_capacity(600);
    framed(&mut record, format!(r#"{{"type":"record","epoch":"1","record":{{"conversation_id":"{PAD}","seq":12345,"ord":12345,"message_id":"{PAD}","kind":"message","at":"2026-01-01T00:00:00.000Z","sender_id":"{PAD}","device_id":"{PAD}","client_msg_id":"{id}","body":{body}}}}}"#).as_bytes(), false);
    Some((own.into(), record.into()))
}

impl Sockets {
    fn answer(&self, text: &[u8], number: usize) {
        if text.starts_with(b"{\"type\":\"ping\"") {
            let mut pong = Vec::new();
            framed(&mut pong, br#"{"type":"pong","id":"p","now":"2026-01-01T00:00:00.000Z"}"#, false);
            return self.send(number, &pong.into());
        }
        if let Kind::Receipts = self.kind {
            let mark = &mut self.marks.borrow_mut()[number];
            *mark = (*mark).max(field(text, b"\"seq\":"));
            return;
        }
        if let Kind::Accepted = self.kind {
            if let Some(own) = accepted(text) {
                self.send(number, &own.into());
            }
            return;
        }
        // Marks are taken and not answered.
        let Some((own, record)) = answers(text) else { return };
        self.send(number, &own);
        match self.kind {
            Kind::Pairs => [number, number ^ 1].into_iter().for_each(|to| self.send(to, &record)),
            Kind::Group(size) => (0..size).for_each(|to| self.send(to, &record)),
            _ => self.send(number, &record),
        }
    }

    fn send(&self, to: usize, frame: &Bytes) {
        if let Some(outbox) = self.outboxes.borrow().get(to) {
            // The socket may be gone.
            drop(outbox.send(frame.clone()));
        }
    }
}

/// Tells the others of a group of this size (0: of a pair) how far each has read, if that has moved.
async fn tell_marks(sockets: Rc<Sockets>, group: usize) {
    let mut tick = tokio::time::interval(MARKS_EVERY);
    loop {
        tick.tick().await;
        for number in 0..sockets.marks.borrow().len() {
            let mark = sockets.marks.borrow()[number];
            if std::mem::replace(&mut sockets.told.borrow_mut()[number], mark) < mark {
                let mut receipt = Vec::new();
                framed(&mut receipt, format!(r#"{{"type":"receipt","conversation_id":"{PAD}","user_id":"{PAD}","delivered_seq":{mark},"read_seq":{mark},"at":"2026-01-01T00:00:00.000Z"}}"#).as_bytes(), false);
                let receipt = receipt.into();
                if group == 0 {
                    sockets.send(number ^ 1, &receipt);
                } else {
                    (0..group).filter(|to| *to != number).for_each(|to| sockets.send(to, &receipt));
                }
            }
        }
    }
}

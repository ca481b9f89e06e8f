//! The baseline: a tokio server that answers with frames of the same size and number, without
//! accounts, order, storage or history.

use crate::{
    load::{Figures, Plan, drive},
    server::Server,
    socket::{find, frame, framed},
};
use bytes::{Buf, Bytes, BytesMut};
use std::{cell::RefCell, io, rc::Rc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: parlor.v1\r\n\r\n";

/// Runs the plan against the raw server.
pub async fn run(plan: &Plan) -> Figures {
    let server = Server::raw(plan.group);
    let tokens = vec![None; plan.users];
    let conversations = vec!["01987654-3210-7000-8000-000000000000".to_owned(); plan.users];
    drive(plan, &server.address, &tokens, &conversations, server.pid()).await
}

type Sockets = Rc<RefCell<Vec<mpsc::UnboundedSender<Bytes>>>>;

/// Serves for ever.
pub fn serve(group: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(tokio::task::LocalSet::new().run_until(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("raw at http://{}", listener.local_addr().expect("an address"));
        let sockets: Sockets = Rc::default();
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("an option");
            tokio::task::spawn_local(socket(stream, sockets.clone(), group));
        }
    }));
}

async fn socket(mut stream: TcpStream, sockets: Sockets, group: usize) -> io::Result<()> {
    let mut input = BytesMut::with_capacity(4096);
    while find(&input, b"\r\n\r\n").is_none() {
        if stream.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
    }
    input.clear();
    let (sender, mut outbox) = mpsc::unbounded_channel();
    let number = sockets.borrow().len();
    sockets.borrow_mut().push(sender);
    stream.write_all(ANSWER.as_bytes()).await?;
    let mut out = Vec::new();
    loop {
        tokio::select! {
            read = stream.read_buf(&mut input) => {
                if read? == 0 {
                    return Ok(());
                }
                while let Some((start, end)) = frame(&input) {
                    answer(&input[start..end], number, &sockets, group);
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

/// `accepted` and `sequenced` for the sender, a `record` for every receiver.
fn answer(text: &[u8], number: usize, sockets: &Sockets, group: usize) {
    // Marks are taken and not answered.
    let Some(at) = find(text, b"\"client_msg_id\":\"").map(|at| at + 17) else {
        return;
    };
    let id = String::from_utf8_lossy(&text[at..at + 36]);
    let body = find(text, b"\"body\":").map_or(0, |at| at + 7);
    let body = String::from_utf8_lossy(&text[body..text.len() - 1]);
    let pad = "01987654-3210-7000-8000-000000000000";
    let mut own = Vec::with_capacity(512);
    framed(
        &mut own,
        format!(r#"{{"type":"accepted","id":"1234","client_msg_id":"{id}"}}"#).as_bytes(),
        false,
    );
    framed(&mut own, format!(r#"{{"type":"sequenced","id":"1234","conversation_id":"{pad}","client_msg_id":"{id}","seq":12345,"ord":12345,"message_id":"{pad}","at":"2026-01-01T00:00:00.000Z","duplicate":false}}"#).as_bytes(), false);
    let mut record = Vec::with_capacity(600);
    framed(&mut record, format!(r#"{{"type":"record","epoch":"1","record":{{"conversation_id":"{pad}","seq":12345,"ord":12345,"message_id":"{pad}","kind":"message","at":"2026-01-01T00:00:00.000Z","sender_id":"{pad}","device_id":"{pad}","client_msg_id":"{id}","body":{body}}}}}"#).as_bytes(), false);
    let (own, record) = (Bytes::from(own), Bytes::from(record));
    let sockets = sockets.borrow();
    let send = |to: usize, frame: &Bytes| {
        if let Some(socket) = sockets.get(to) {
            drop(socket.send(frame.clone()));
        }
    };
    send(number, &own);
    if group > 0 {
        (0..group).for_each(|to| send(to, &record));
    } else {
        send(number, &record);
        send(number ^ 1, &record);
    }
}

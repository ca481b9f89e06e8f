//! `reconnect_storm`: a town comes back at once. What a login by token costs up to `ready`, and up to
//! the first `heads`, against a bare WebSocket handshake of the library that the gateway uses, with
//! frames of the same size behind it.

use crate::{
    measure::{Judged, Run, Sample, Side, now},
    people::People,
    raw::accept,
    server::Server,
    socket::{Reader, Writer, connect},
};
use futures_util::{SinkExt as _, StreamExt as _, future::join_all};
use std::{cell::Cell, io, time::Duration};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    accept_hdr_async_with_config,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        http::HeaderValue,
        protocol::WebSocketConfig,
    },
};

const SOCKETS: usize = 2_000;
/// Handshakes at the same time.
const AT_ONCE: usize = 200;
const HEADS: &str = r#"{"type":"heads","id":"h"}"#;

/// Bytes of the frames that a login is answered with.
struct Sizes {
    hello: usize,
    ready: usize,
    heads: usize,
}

pub async fn bench(run: &Run) {
    let people = People::embedded(SOCKETS).await.pairs().await;
    let sizes = sizes(&people).await;
    for heads in [false, true] {
        let duel = run
            .duel(async |side| match side {
                Side::Ours => come_back(people.server(), Some(&people.tokens), heads).await,
                Side::Baseline => {
                    let sizes = [sizes.hello, sizes.ready, sizes.heads].map(|size| size.to_string());
                    let server = Server::part(&["raw-server", "handshakes", &sizes[0], &sizes[1], &sizes[2]]);
                    come_back(&server, None, heads).await
                }
            })
            .await;
        let to = if heads { "`heads`" } else { "`ready`" };
        let report = duel.cpu("reconnect_storm", format!("{SOCKETS} sockets, to {to}"), "socket");
        let judged = if heads { Judged::Nothing } else { Judged::Times(3.0) };
        run.tell(&report.against("bare handshake").judged(judged));
    }
}

async fn sizes(people: &People) -> Sizes {
    let (mut reader, mut writer) =
        connect(&people.server().address, Some(&people.tokens[0])).await.expect("a socket");
    let [hello, ready, heads] = [const { Cell::new(0) }; 3];
    let mut asked = false;
    while heads.get() == 0 {
        let open = reader.frames(|frame| {
            for (name, size) in [("hello", &hello), ("ready", &ready), ("heads", &heads)] {
                if frame.starts_with(format!(r#"{{"type":"{name}""#).as_bytes()) {
                    size.set(frame.len());
                }
            }
        });
        assert!(open.await, "the socket is open");
        if ready.get() > 0 && !asked {
            asked = true;
            writer.queue(HEADS);
            writer.flush().await.expect("the socket is open");
        }
    }
    Sizes { hello: hello.get(), ready: ready.get(), heads: heads.get() }
}

async fn come_back(server: &Server, tokens: Option<&Vec<String>>, heads: bool) -> Sample {
    let (started, cpu) = (now(), server.cpu());
    let mut sockets = Vec::with_capacity(SOCKETS);
    let places: Vec<usize> = (0..SOCKETS).collect();
    for chunk in places.chunks(AT_ONCE) {
        let entering = chunk.iter().map(|place| {
            let token = tokens.map(|tokens| tokens[*place].as_str());
            enter(&server.address, token, heads)
        });
        sockets.extend(join_all(entering).await);
    }
    let (wall, cpu) = (started.elapsed().as_secs_f64(), server.cpu() - cpu);
    drop(sockets);
    // What the sockets' end costs is nobody's handshake.
    tokio::time::sleep(Duration::from_millis(500)).await;
    Sample { done: SOCKETS as f64, cpu, wall, figures: vec![("all_back_s", wall)] }
}

async fn enter(address: &str, token: Option<&str>, heads: bool) -> (Reader, Writer) {
    let (mut reader, mut writer) = connect(address, token).await.expect("a socket");
    assert!(reader.until(br#""type":"ready""#).await, "ready");
    if heads {
        writer.queue(HEADS);
        writer.flush().await.expect("the socket is open");
        assert!(reader.until(br#""type":"heads""#).await, "heads");
    }
    (reader, writer)
}

/// Frames of these sizes, without anything in them.
pub async fn serve(hello: usize, ready: usize, heads: usize) {
    let frame = |name: &str, size: usize| {
        let start = format!(r#"{{"type":"{name}","pad":""#);
        format!(r#"{start}{}"}}"#, "x".repeat(size.saturating_sub(start.len() + 2)))
    };
    let (hello, ready, heads) = (frame("hello", hello), frame("ready", ready), frame("heads", heads));
    accept(move |stream| shake(stream, [hello.clone(), ready.clone(), heads.clone()])).await;
}

async fn shake(stream: TcpStream, [hello, ready, heads]: [String; 3]) -> io::Result<()> {
    #[allow(clippy::result_large_err, clippy::unnecessary_wraps, reason = "the library's own shape")]
    fn name(
        _: &Request,
        mut response: Response,
    ) -> Result<Response, tokio_tungstenite::tungstenite::handshake::server::ErrorResponse> {
        response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("parlor.v1"));
        Ok(response)
    }
    // As the gateway has them: the library's own are 128 KiB.
    let buffers = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(65_536);
    let mut socket =
        accept_hdr_async_with_config(stream, name, Some(buffers)).await.map_err(io::Error::other)?;
    socket.feed(Message::text(hello)).await.map_err(io::Error::other)?;
    socket.send(Message::text(ready)).await.map_err(io::Error::other)?;
    while let Some(Ok(Message::Text(_))) = socket.next().await {
        socket.send(Message::text(heads.clone())).await.map_err(io::Error::other)?;
    }
    Ok(())
}

//! `history_page`: pages of a conversation over REST, from the tail, from the store and folded, against
//! a raw HTTP server that reads the same bytes from a file and sends them.

use crate::{
    load::{self, Plan, Shape},
    measure::{Run, Sample, Side, now, percentile_ms},
    people::People,
    raw::accept,
    server::Server,
    socket::find,
};
use bytes::{Buf, BytesMut};
use futures_util::future::join_all;
use std::{fs::File, io, os::unix::fs::FileExt as _, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Keep-alive connections, each with one request under way.
const CONNECTIONS: usize = 8;
const PAGE: usize = 100;

pub async fn bench(run: &Run) {
    let people = People::embedded(2).await.pairs().await;
    // Some thousand records: far more than a tail has.
    load::run(&Plan::windows(Shape::Pairs, 2, 64, Duration::from_secs(1)), &people).await;
    people.server().quiet().await;
    let (conversation, token) = (&people.conversations[0], &people.tokens[0]);
    let address = &people.server().address;
    for (case, path) in [
        ("the newest 100 records (tail)", format!("records?before=1000000&limit={PAGE}")),
        ("the oldest 100 records (store)", format!("records?after=0&limit={PAGE}")),
        ("the newest 50 messages, folded", "messages?limit=50".to_owned()),
    ] {
        let request = format!(
            "GET /v1/conversations/{conversation}/{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        let mut connection = Connection::open(address).await.expect("a connection");
        let body = connection.get(&request).await.expect("a page");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("page");
        std::fs::write(&file, &body).expect("the page can be kept");
        let duel = run
            .duel(async |side| match side {
                Side::Ours => turn(people.server(), &request, run.round).await,
                Side::Baseline => {
                    let file = file.to_str().expect("a plain path");
                    turn(&Server::part(&["raw-server", "pages", file]), &request, run.round).await
                }
            })
            .await;
        let case = format!("{case}, {:.0} KB", body.len() as f64 / 1024.0);
        run.tell(&duel.cpu("history_page", case, "page").against("raw HTTP from a file"));
    }
}

async fn turn(server: &Server, request: &str, duration: Duration) -> Sample {
    let (started, cpu) = (now(), server.cpu());
    let ask = async |_| {
        let mut connection = Connection::open(&server.address).await.expect("a connection");
        let mut times = Vec::new();
        while started.elapsed() < duration {
            let asked = now();
            connection.get(request).await.expect("a page");
            times.push(asked.elapsed().as_micros() as u32);
        }
        times
    };
    let times = join_all((0..CONNECTIONS).map(ask)).await.concat();
    let wall = started.elapsed().as_secs_f64();
    Sample {
        done: times.len() as f64,
        cpu: server.cpu() - cpu,
        wall,
        figures: vec![
            ("pages_per_s", times.len() as f64 / wall),
            ("p50_ms", percentile_ms(&times, 50.0)),
            ("p99_ms", percentile_ms(&times, 99.0)),
        ],
    }
}

/// A keep-alive connection that looks at nothing but lengths.
struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Connection {
    async fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::with_capacity(128 * 1024) })
    }

    async fn get(&mut self, request: &str) -> io::Result<Vec<u8>> {
        self.stream.write_all(request.as_bytes()).await?;
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break self.buffer.split_to(end + 4);
            }
            self.fill().await?;
        };
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let length = length.and_then(|length| length.trim().parse().ok()).expect("a length");
        while self.buffer.len() < length {
            self.fill().await?;
        }
        let body = self.buffer[..length].to_vec();
        self.buffer.advance(length);
        Ok(body)
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.buffer.reserve(64 * 1024);
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// Answers every request with the file's bytes, read anew.
pub async fn serve(path: &str) {
    let file = Arc::new(File::open(path).expect("the page was kept"));
    let length = file.metadata().expect("the page was kept").len() as usize;
    accept(move |stream| answer(stream, file.clone(), length)).await;
}

async fn answer(mut stream: TcpStream, file: Arc<File>, length: usize) -> io::Result<()> {
    let mut input = BytesMut::with_capacity(4096);
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
    let mut out = head.as_bytes().to_vec();
    while stream.read_buf(&mut input).await? > 0 {
        while let Some(end) = find(&input, b"\r\n\r\n") {
            input.advance(end + 4);
            out.resize(head.len() + length, 0);
            file.read_exact_at(&mut out[head.len()..], 0)?;
            stream.write_all(&out).await?;
        }
    }
    Ok(())
}

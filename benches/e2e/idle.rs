//! `ws_idle`: connections that do nothing but ping. What each costs in memory and in CPU, and what it
//! costs a raw tokio server with a buffer of the same size.

use crate::{
    measure::{Judged, Run, Sample, Side, fine_cpu, resident},
    people::People,
    server::Server,
    socket::{Reader, Writer, connect, log_in},
};
use futures_util::future::join_all;
use std::{cell::RefCell, time::Duration};
use tokio::task::LocalSet;

const SOCKETS: usize = 5_000;
/// Handshakes at the same time.
const AT_ONCE: usize = 200;
/// The first sockets pay for what is made once.
const FIRST: usize = 10;
/// `edge.heartbeat_ms`.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// What is left once the handshakes' buffers are given back.
const SETTLE: Duration = Duration::from_secs(5);
/// How long the process alone is looked at.
const BACKGROUND: Duration = Duration::from_secs(4);
/// Shorter, and the kernel's own clock is all that is seen.
const WINDOW_MIN: Duration = Duration::from_secs(6);

pub async fn bench(run: &Run) {
    let (server, tokens, _) = People::embedded(SOCKETS).await.part_from_server();
    // Each round starts a server on the data of the one before: memory is counted from a fresh start.
    let data = RefCell::new(Some(server.kill()));
    let window = run.round.max(WINDOW_MIN);
    let duel = run
        .duel(async |side| match side {
            Side::Ours => {
                let server = Server::embedded(data.take().expect("nobody else has it"));
                let sample = idle(&server, Some(&tokens), window).await;
                data.replace(Some(server.kill()));
                sample
            }
            Side::Baseline => idle(&Server::part(&["raw-server", "notebooks"]), None, window).await,
        })
        .await;
    let case = format!("{SOCKETS} sockets, a ping every 30 s");
    let memory = duel.report("ws_idle", &*case, "KB/connection", |sample| sample.figure("kb"));
    run.tell(&memory.against("raw tokio").judged(Judged::AtMost(8.0)));
    let cpu = duel.cpu("ws_idle", case, "s of a connection");
    run.tell(&cpu.against("raw tokio").judged(Judged::AtMost(3.0)));
}

async fn open(server: &Server, token: Option<&String>) -> (Reader, Writer) {
    match token {
        Some(token) => log_in(&server.address, token).await,
        None => connect(&server.address, None).await,
    }
    .expect("a socket")
}

async fn idle(server: &Server, tokens: Option<&Vec<String>>, window: Duration) -> Sample {
    let token = |place: usize| tokens.map(|tokens| &tokens[place]);
    let mut sockets = join_all((0..FIRST).map(|place| open(server, token(place)))).await;
    tokio::time::sleep(SETTLE).await;
    let (before, background) = (resident(server.pid()), fine_cpu(server.pid()));
    tokio::time::sleep(BACKGROUND).await;
    let background = (fine_cpu(server.pid()) - background) / BACKGROUND.as_secs_f64();
    let places: Vec<usize> = (FIRST..SOCKETS).collect();
    for chunk in places.chunks(AT_ONCE) {
        sockets.extend(join_all(chunk.iter().map(|place| open(server, token(*place)))).await);
    }
    let local = LocalSet::new();
    let mut writers = Vec::new();
    for (mut reader, writer) in sockets {
        writers.push(writer);
        local.spawn_local(async move { while reader.frames(|_| {}).await {} });
    }
    local.spawn_local(ping(writers));
    local.run_until(tokio::time::sleep(SETTLE)).await;
    let kb = (resident(server.pid()) - before) / (SOCKETS - FIRST) as f64 / 1024.0;
    let cpu = fine_cpu(server.pid());
    local.run_until(tokio::time::sleep(window)).await;
    let wall = window.as_secs_f64();
    let used = fine_cpu(server.pid()) - cpu;
    // What the process does by itself is no connection's.
    let cpu = used - background * wall;
    let figures = vec![
        ("kb", kb),
        ("background_ms_per_s", background * 1000.0),
        ("all_ms_per_s", used * 1000.0 / wall),
    ];
    Sample { done: SOCKETS as f64 * wall, cpu, wall, figures }
}

/// One after the other, each once per heartbeat.
async fn ping(mut writers: Vec<Writer>) {
    let mut tick = tokio::time::interval(HEARTBEAT / writers.len() as u32);
    loop {
        for writer in &mut writers {
            tick.tick().await;
            writer.queue(r#"{"type":"ping","id":"p"}"#);
            writer.flush().await.expect("the socket is open");
        }
    }
}

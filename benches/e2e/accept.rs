//! `accept`: how much a durable `accepted` costs. A gateway without the other roles on the embedded log,
//! from the `send` frame to `accepted`, against the dearer of a raw echo of the two frames and a raw
//! journal with group commit of the same bytes.

use crate::{
    load::{self, Plan, Shape, Until},
    measure::{Journal, Judged, Run, Sample, Side, cpu, now},
    people::People,
    raw,
    server::Server,
};
use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusBuilder;
use parlor::{
    cli::{Cli, RoleName},
    config,
    node::{self, Listen},
};
use parlor_engines::{Clock as _, Health, SystemClock, log::Entry};
use parlor_schemas::{
    Action, ClientMsgId, Command, ConversationId, DeviceId, GatewayId, Origin, UserId, record::Message,
};
use std::{cell::Cell, net::TcpListener, path::Path, rc::Rc, time::Duration};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const SOCKETS: usize = 50;
const WINDOW: usize = 16;

pub async fn bench(run: &Run) {
    let plan = Plan { until: Until::Accepted, ..Plan::windows(Shape::Notebooks, SOCKETS, WINDOW, run.round) };
    let duel = run
        .duel(async |side| match side {
            Side::Ours => alone(&plan).await,
            Side::Baseline => {
                let (echo, log) = (raw::run(&plan).await.by_sends(), journal(run.round).await);
                let mut dearer = if echo.cpu_us() > log.cpu_us() { echo.clone() } else { log.clone() };
                dearer.figures = vec![
                    ("raw_echo_us", echo.cpu_us()),
                    ("raw_log_us", log.cpu_us()),
                    ("raw_echo_per_s", echo.rate()),
                    ("raw_log_per_s", log.rate()),
                ];
                dearer
            }
        })
        .await;
    let report = duel.cpu("accept", format!("{SOCKETS} sockets, window {WINDOW}"), "accepted command");
    run.tell(&report.against("dearer of raw echo, raw log").judged(Judged::Efficiency(0.5)));
}

/// A new gateway for each turn: since nobody answers, whoever asked is waited for in its memory.
async fn alone(plan: &Plan) -> Sample {
    let data = tempfile::tempdir().expect("a temporary directory");
    let directory = data.path().to_str().expect("a plain path");
    let mut people = People::at(Server::part(&["gateway-alone", directory]), SOCKETS).await;
    // Whether there is such a conversation is for ingest to say.
    people.conversations = (0..SOCKETS).map(|_| Uuid::new_v4().to_string()).collect();
    load::run(plan, &people).await.by_sends()
}

/// A gateway on embedded engines, and nobody who consumes what it writes.
pub async fn gateway_alone(data: &str) {
    let metrics = PrometheusBuilder::new().install_recorder();
    let cli: Cli = clap::Parser::parse_from(["parlor", "--data", data]);
    let mut config = config::load(&cli).expect("the defaults");
    let engines = node::open(&mut config).await.expect("the engines open");
    let public = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("gateway at http://{}/", public.local_addr().expect("an address"));
    let listen = Listen { public, health: Health::default() };
    let ended = node::run(engines, &config, &[RoleName::Gateway], listen, CancellationToken::new()).await;
    drop(metrics);
    ended.expect("the gateway serves");
}

/// The value, key and header bytes of a command's entry.
fn command_bytes() -> usize {
    let command = Command {
        conversation_id: ConversationId(Uuid::new_v4()),
        sender_id: UserId(Uuid::now_v7()),
        device_id: DeviceId(Uuid::now_v7()),
        client_msg_id: ClientMsgId(Uuid::now_v7()),
        payload_hash: [7; 16],
        origin: Origin { gateway_id: GatewayId(Uuid::now_v7()), request: SystemClock.now().0 as u64 },
        action: Action::Message(Message { text: Some("x".repeat(64)), ..Message::default() }),
        refused: None,
    };
    let entry = Entry::command(&command, 4);
    entry.key.len() + entry.value.map_or(0, |value| value.len())
}

async fn journal(duration: Duration) -> Sample {
    let data = tempfile::tempdir().expect("a temporary directory");
    let directory = data.path().to_str().expect("a plain path");
    let (in_flight, bytes) = ((SOCKETS * WINDOW).to_string(), command_bytes().to_string());
    let server = Server::part(&["raw-log", directory, &in_flight, &bytes]);
    let count = async || {
        let mut stream = tokio::net::TcpStream::connect(&server.address).await.expect("a connection");
        stream.read_u64().await.expect("a number") as f64
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (started, before, used) = (now(), count().await, cpu(server.pid()));
    tokio::time::sleep(duration).await;
    let done = count().await - before;
    let (cpu, wall) = (cpu(server.pid()) - used, started.elapsed().as_secs_f64());
    Sample { done, cpu, wall, figures: Vec::new() }
}

/// A journal with so many appends under way, for ever; whoever connects is told how many were synced.
pub async fn raw_log(directory: &str, in_flight: usize, bytes: usize) {
    let journal = Journal::create(&Path::new(directory).join("journal"));
    let (synced, entry) = (Rc::new(Cell::new(0_u64)), Bytes::from(vec![7; bytes]));
    for _ in 0..in_flight {
        let (journal, synced, entry) = (journal.clone(), synced.clone(), entry.clone());
        tokio::task::spawn_local(async move {
            loop {
                journal.append(entry.clone()).await;
                synced.set(synced.get() + 1);
            }
        });
    }
    raw::accept(move |mut stream| {
        let synced = synced.clone();
        async move { stream.write_u64(synced.get()).await }
    })
    .await;
}

//! The door of the role.

use crate::{
    answers,
    auth::{Auth, revoked},
    bus, catch_up, drain,
    edge::{Behind, Edge, EngineSet},
    hints::{self, Hints},
    hub::Hub,
    marks::{self, Marks},
    presence::{self, Presence},
    publish,
    rates::Buckets,
    reads::Reader,
    rest, routes, serve,
    settings::{Settings, millis},
    sweep,
    tasks::Tasks,
    typing,
    waiters::Waiters,
    web::Compressed,
};
use anyhow::Context as _;
use parlor_engines::Engines;
use parlor_schemas::{Command, GatewayId};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How the gateway names itself to [`parlor_engines::Health`].
const PART: &str = "gateway";

/// The other ends of the queues.
struct Queues {
    commands: mpsc::Receiver<Command>,
    routes: mpsc::Receiver<routes::Change>,
    duplicates: mpsc::Receiver<answers::Duplicate>,
    hints: hints::Lanes,
}

/// Serves until `shutdown`, then sends everybody away and returns.
///
/// # Errors
/// A setting that can't work, or a defect of one of its tasks.
pub async fn run(engines: Engines, settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    let health = settings.health.clone();
    health.set(PART, false, "starting");
    let listener = settings.listener.try_clone().context("the listener can't be shared")?;
    // A whole town reconnects at once; the 128 that wait by default would be turned away for a second.
    socket2::SockRef::from(&listener)
        .listen(settings.edge.backlog.into())
        .context("the listener's queue can't be made longer")?;
    listener.set_nonblocking(true).context("the listener can't be made non-blocking")?;
    let listener = tokio::net::TcpListener::from_std(listener).context("the listener can't be used")?;
    let (edge, queues) = assemble(engines, settings)?;

    let (listening, first) = oneshot::channel();
    edge.tasks.spawn(bus::run(edge.clone(), listening));
    edge.tasks.spawn(publish::run(edge.clone(), queues.commands));
    edge.tasks.spawn(routes::run(edge.clone(), queues.routes));
    edge.tasks.spawn(answers::run(edge.clone(), queues.duplicates));
    for lane in queues.hints {
        edge.tasks.spawn(hints::run(edge.clone(), lane));
    }
    edge.tasks.spawn(revoked::run(edge.clone()));
    edge.tasks.spawn(marks::run(edge.clone()));
    edge.tasks.spawn(catch_up::run(edge.clone()));
    edge.tasks.spawn(sweep::run(edge.clone()));
    presence::spawn(&edge);
    edge.tasks.spawn(typing::run(edge.clone()));

    // Without the bus no answer comes back, so nobody is let in before.
    tokio::select! {
        _ = first => {}
        () = shutdown.cancelled() => {}
    }
    let stop = CancellationToken::new();
    edge.tasks.spawn(serve::run(edge.clone(), listener, rest::router(&edge), stop.clone()));
    health.set(PART, true, "serving");

    tokio::select! {
        () = shutdown.cancelled() => {}
        () = edge.tasks.defective.cancelled() => {}
    }
    health.set(PART, false, "draining");
    tokio::time::sleep(millis(edge.settings.drain_notice_ms)).await;
    edge.is_draining.store(true, Relaxed);
    stop.cancel();
    drain::sockets(&edge).await;
    marks::flush(&edge).await;
    presence::farewell(&edge).await;
    if let Err(error) = edge.engines.live.drop_gateway(edge.gateway_id).await {
        // They end by themselves.
        tracing::warn!(%error, "routes could not be taken away");
    }
    edge.tasks.end().await;
    health.clear(bus::PART);
    health.clear(PART);
    match edge.tasks.defect() {
        Some(defect) => anyhow::bail!("a task of the gateway ended by a defect: {defect}"),
        None => Ok(()),
    }
}

fn assemble(engines: Engines, settings: Settings) -> anyhow::Result<(Arc<Edge>, Queues)> {
    let Settings { limits, edge: numbers, auth, epoch, health, .. } = settings;
    let engines = EngineSet(engines);
    let (commands, commands_end) = mpsc::channel(numbers.commands_queue);
    let (routes, routes_end) = mpsc::channel(numbers.routes_batch * 8);
    let (duplicates, duplicates_end) = mpsc::channel(answers::DUPLICATES_MAX);
    let (hints, hints_ends) = Hints::new(numbers.hints_lanes, numbers.hints_queue);
    let hub = Arc::new(Hub::new(&numbers));
    let edge = Edge {
        gateway_id: GatewayId(crate::clock::v7(engines.clock.now())),
        auth: Auth::new(auth, &numbers)?,
        waiters: Waiters::new(hub.clone()),
        hub,
        commands,
        routes,
        duplicates,
        hints,
        marks: Marks::new(numbers.marks_waiting_max),
        presence: Presence::new(&numbers),
        typing: typing::Gathered::new(&numbers),
        reads: Reader::new(engines.clone(), limits.clone(), &epoch, &numbers),
        buckets: Buckets::new(&numbers.rates),
        behind: Behind::default(),
        uploads: tokio::sync::Semaphore::new(numbers.uploads_max),
        compressed: Compressed::default(),
        http_open: Arc::default(),
        health,
        tasks: Tasks::default(),
        is_full: AtomicBool::new(false),
        is_draining: AtomicBool::new(false),
        engines,
        limits,
        settings: numbers,
    };
    let queues =
        Queues { commands: commands_end, routes: routes_end, duplicates: duplicates_end, hints: hints_ends };
    Ok((Arc::new(edge), queues))
}

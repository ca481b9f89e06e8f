//! Keeps the routes of this gateway's sockets in the registry: entered before `ready` is said,
//! refreshed, and taken away; each in batches.

use crate::{edge::Edge, problem::Problem, settings::millis};
use parlor_engines::live::{LiveError, Route};
use std::sync::Arc;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval},
};

/// One wish.
#[derive(Debug)]
pub(crate) enum Change {
    /// A socket signs in.
    Enter(Route, oneshot::Sender<Result<(), LiveError>>),
    /// A socket has gone.
    Leave(Route),
    /// The live engine lost everything: register all again.
    Again,
}

/// Registers a route; done when fanout will find it.
pub(crate) async fn enter(edge: &Edge, route: Route) -> Result<(), Problem> {
    let (to, done) = oneshot::channel();
    let stopped = || Problem::unavailable("this gateway is about to stop; connect again");
    edge.routes.send(Change::Enter(route, to)).await.map_err(|_| stopped())?;
    Ok(done.await.map_err(|_| stopped())??)
}

/// Takes a route away, soon.
pub(crate) async fn leave(edge: &Edge, route: Route) {
    // Nobody listens any more at the end, when all routes of the gateway are dropped at once.
    drop(edge.routes.send(Change::Leave(route)).await);
}

/// Runs until the task is ended.
pub(crate) async fn run(edge: Arc<Edge>, mut changes: mpsc::Receiver<Change>) {
    let batch_max = edge.settings.routes_batch;
    let mut refresh = interval(millis(edge.settings.routes_every_ms));
    refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            count = changes.recv_many(&mut batch, batch_max) => {
                if count == 0 {
                    return;
                }
                if apply(&edge, std::mem::take(&mut batch)).await {
                    refresh_all(&edge).await;
                }
            }
            _ = refresh.tick() => refresh_all(&edge).await,
        }
    }
}

/// Applies changes; `true`: all routes are to be registered again.
async fn apply(edge: &Edge, changes: Vec<Change>) -> bool {
    let (mut entering, mut waiting, mut leaving) = (Vec::new(), Vec::new(), Vec::new());
    let mut again = false;
    for change in changes {
        match change {
            // One that has gone already would never be taken away.
            Change::Enter(route, to) if edge.hub.get(route.connection).is_some() => {
                entering.push(route);
                waiting.push(to);
            }
            Change::Enter(_, to) => drop(to.send(Ok(()))),
            Change::Leave(route) => leaving.push(route),
            Change::Again => again = true,
        }
    }
    if !entering.is_empty() {
        let result = edge.engines.live.register(&entering).await.map(drop);
        for to in waiting {
            drop(to.send(result.clone()));
        }
    }
    if !leaving.is_empty()
        && let Err(error) = edge.engines.live.unregister(&leaving).await
    {
        // They end by themselves 90 s after their last refresh.
        tracing::warn!(%error, "routes could not be taken away");
    }
    again
}

/// Refreshes all routes. Whoever's was not there may have missed something since.
async fn refresh_all(edge: &Edge) {
    let began = Instant::now();
    let routes: Vec<Route> = edge.hub.all().iter().filter_map(|c| c.route(edge.gateway_id)).collect();
    for some in routes.chunks(edge.settings.routes_batch) {
        match edge.engines.live.register(some).await {
            Ok(known) => {
                let lost: Vec<_> = some
                    .iter()
                    .zip(known)
                    .filter(|(_, known)| !known)
                    .map(|(route, _)| route.user_id)
                    .collect();
                if !lost.is_empty() {
                    edge.behind.add(|wanted| wanted.users.extend(lost));
                }
            }
            Err(error) => tracing::warn!(%error, "routes could not be refreshed"),
        }
    }
    metrics::histogram!("gateway_routes_refresh_seconds").record(began.elapsed().as_secs_f64());
}

//! The one task that brings commands to the log: it drains what has queued, appends it as a batch,
//! keeps several appends in flight and tells the waiters in order. No round trip per message.

use crate::{edge::Edge, problem::Problem};
use futures_util::{StreamExt, stream::FuturesOrdered};
use parlor_engines::{
    crash::{self, Point},
    log::{Entry, LogError},
    sabotage::{self, Sabotage},
};
use parlor_schemas::{Command, Topic};
use std::{future::Future, pin::Pin, sync::Arc};
use tokio::sync::mpsc;

type Appended = Pin<Box<dyn Future<Output = (Vec<u64>, Result<(), LogError>)> + Send>>;

/// Runs until every sender is gone or the task is ended.
pub(crate) async fn run(edge: Arc<Edge>, mut commands: mpsc::Receiver<Command>) {
    let limits = &edge.settings;
    let mut in_flight: FuturesOrdered<Appended> = FuturesOrdered::new();
    let mut batch = Vec::with_capacity(64);
    loop {
        tokio::select! {
            biased;
            Some((requests, result)) = in_flight.next(), if !in_flight.is_empty() => {
                settle(&edge, &requests, result);
            }
            count = commands.recv_many(&mut batch, limits.commands_batch),
                if in_flight.len() < limits.appends_max =>
            {
                if count == 0 {
                    break;
                }
                append(&edge, &mut batch, &mut in_flight).await;
            }
        }
    }
    while let Some((requests, result)) = in_flight.next().await {
        settle(&edge, &requests, result);
    }
}

async fn append(edge: &Edge, batch: &mut Vec<Command>, in_flight: &mut FuturesOrdered<Appended>) {
    let partitions = edge.engines.log.partitions(Topic::Commands);
    let mut requests = Vec::with_capacity(batch.len());
    let mut entries = Vec::with_capacity(batch.len());
    for command in batch.drain(..) {
        requests.push(command.origin.request);
        entries.push(Entry::command(&command, partitions));
    }
    if sabotage::is(Sabotage::AckBeforeDurable) {
        edge.waiters.accepted(&requests);
    }
    metrics::counter!("gateway_commands_total").increment(requests.len() as u64);
    match edge.engines.log.append(entries).await {
        Ok(durable) => in_flight.push_back(Box::pin(async move { (requests, durable.await) })),
        Err(error) => in_flight.push_back(Box::pin(async move { (requests, Err(error)) })),
    }
}

fn settle(edge: &Edge, requests: &[u64], result: Result<(), LogError>) {
    match result {
        Ok(()) => {
            crash::pass(Point::GatewayDurable);
            edge.waiters.accepted(requests);
        }
        Err(error) => edge.waiters.failed(requests, &Problem::from(error)),
    }
}

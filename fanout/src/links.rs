//! The links from this process to every gateway: one publish per gateway per wake, numbered, with
//! beats, so that a gateway notices what it missed (DESIGN §4).

use parlor_engines::{
    Live,
    consume::{Retry, Stop},
};
use parlor_schemas::{
    GatewayId, LinkId,
    link::{Item, LinkMessage},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Beats tell a gateway the last number; two missing ones are a hole.
const BEAT: Duration = Duration::from_secs(5);
/// Submissions that wait; each is one partition's batch.
const QUEUE: usize = 64;
/// Pause before a failed publish is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// Items for gateways, in order.
pub(crate) type Items = Vec<(GatewayId, Item)>;

struct Submission {
    items: Items,
    /// For every gateway there is.
    to_all: Option<Item>,
    done: oneshot::Sender<()>,
}

/// Where partitions leave items.
#[derive(Clone)]
pub(crate) struct Links {
    queue: mpsc::Sender<Submission>,
}

/// What the link task reads.
pub(crate) struct Outbox {
    queue: mpsc::Receiver<Submission>,
}

pub(crate) fn channel() -> (Links, Outbox) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Links { queue: sender }, Outbox { queue: receiver })
}

impl Links {
    /// Publishes items; returns when the live bus has taken them.
    pub(crate) async fn publish(&self, items: Items, retry: &Retry) -> Result<(), Stop> {
        if items.is_empty() { Ok(()) } else { self.submit(items, None, retry).await }
    }

    /// Publishes items if there is room now, and else not at all: hints.
    pub(crate) fn offer(&self, items: Items) {
        // Nobody waits for it.
        let (done, _) = oneshot::channel();
        let count = items.len() as u64;
        if self.queue.try_send(Submission { items, to_all: None, done }).is_err() {
            metrics::counter!("fanout_hints_dropped_total").increment(count);
        }
    }

    /// Tells every gateway.
    pub(crate) async fn announce(&self, item: Item, retry: &Retry) -> Result<(), Stop> {
        self.submit(Vec::new(), Some(item), retry).await
    }

    /// Waits for as long as the live bus is away, but not for longer than the partition is ours.
    async fn submit(&self, items: Items, to_all: Option<Item>, retry: &Retry) -> Result<(), Stop> {
        let (done, taken) = oneshot::channel();
        let submitted = async {
            self.queue.send(Submission { items, to_all, done }).await.map_err(|_| Stop::Closing)?;
            // The task is gone only with this process.
            taken.await.map_err(|_| Stop::Closing)
        };
        tokio::select! {
            outcome = submitted => outcome,
            () = retry.closing().cancelled() => Err(Stop::Closing),
        }
    }
}

/// Publishes until every sender is gone.
pub(crate) async fn run(live: Arc<dyn Live>, mut outbox: Outbox) {
    let mut publisher = Publisher { live, link_id: LinkId(Uuid::now_v7()), numbers: Numbers::default() };
    let mut beat = tokio::time::interval(BEAT);
    let mut batch = Vec::with_capacity(QUEUE);
    loop {
        tokio::select! {
            count = outbox.queue.recv_many(&mut batch, QUEUE) => {
                if count == 0 {
                    return;
                }
                publisher.take(&mut batch).await;
            }
            _ = beat.tick() => publisher.tell_all(Vec::new()).await,
        }
    }
}

/// The last number of each gateway. None is given to a gateway twice, also if it was away and
/// forgotten: one that was frozen still knows the last, and would take a smaller for a repetition.
#[derive(Default)]
struct Numbers {
    last: HashMap<GatewayId, u64>,
    /// Above all that were forgotten: whoever comes then begins with a hole.
    forgotten: u64,
}

impl Numbers {
    fn next(&mut self, gateway: GatewayId) -> u64 {
        let number = self.last.entry(gateway).or_insert(self.forgotten);
        *number += 1;
        *number
    }

    fn forget_all_but(&mut self, gateways: &[GatewayId]) {
        let gone = self.last.extract_if(|gateway, _| !gateways.contains(gateway));
        self.forgotten = gone.map(|(_, number)| number + 1).fold(self.forgotten, u64::max);
    }
}

struct Publisher {
    live: Arc<dyn Live>,
    link_id: LinkId,
    numbers: Numbers,
}

impl Publisher {
    async fn take(&mut self, batch: &mut Vec<Submission>) {
        let mut by_gateway: BTreeMap<GatewayId, Vec<Item>> = BTreeMap::new();
        let mut done = Vec::with_capacity(batch.len());
        for submission in batch.drain(..) {
            for (gateway, item) in submission.items {
                by_gateway.entry(gateway).or_default().push(item);
            }
            if let Some(item) = submission.to_all {
                // What was left before an announcement goes before it.
                self.publish(std::mem::take(&mut by_gateway)).await;
                self.tell_all(vec![item]).await;
            }
            done.push(submission.done);
        }
        self.publish(by_gateway).await;
        for done in done {
            // The partition may have closed meanwhile: nobody waits then.
            done.send(()).unwrap_or_default();
        }
    }

    async fn tell_all(&mut self, items: Vec<Item>) {
        let gateways = loop {
            match self.live.gateways().await {
                Ok(gateways) => break gateways,
                // A beat that can't be sent is a silence, which gateways notice by themselves; the
                // numbers stay, so that what is lost meanwhile is missed.
                Err(_) if items.is_empty() => return,
                Err(error) => {
                    tracing::warn!(%error, "an announcement to gateways waits");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        };
        self.numbers.forget_all_but(&gateways);
        self.publish(gateways.into_iter().map(|gateway| (gateway, items.clone())).collect()).await;
    }

    async fn publish(&mut self, by_gateway: BTreeMap<GatewayId, Vec<Item>>) {
        if by_gateway.is_empty() {
            return;
        }
        let mut messages = Vec::with_capacity(by_gateway.len());
        for (gateway, items) in by_gateway {
            let number = self.numbers.next(gateway);
            let message = LinkMessage { link_id: self.link_id, number, items };
            messages.push((gateway, message.encode()));
        }
        let gateways: Vec<_> = messages.iter().map(|(gateway, _)| *gateway).collect();
        let reached = loop {
            match self.live.publish(messages.clone()).await {
                Ok(reached) => break reached,
                Err(error) => {
                    tracing::warn!(%error, "a publish to gateways waits");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        };
        for (gateway, _) in gateways.into_iter().zip(reached).filter(|(_, count)| *count == 0) {
            // Nobody listens: that boot of the gateway is gone, and its routes with it.
            if self.live.drop_gateway(gateway).await.is_ok() {
                tracing::info!(%gateway, "dropped the routes of a gateway that is gone");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_that_comes_back_is_given_no_number_again() {
        let [frozen, other, new] = [1, 2, 3].map(|n| GatewayId(Uuid::from_u128(n)));
        let mut numbers = Numbers::default();
        assert_eq!([frozen, frozen, frozen, other].map(|gateway| numbers.next(gateway)), [1, 2, 3, 1]);
        numbers.forget_all_but(&[other]);
        assert_eq!(numbers.next(other), 2);
        assert_eq!([frozen, new].map(|gateway| numbers.next(gateway)), [5, 5], "a hole after 3");
        numbers.forget_all_but(&[]);
        assert_eq!(numbers.next(other), 7);
    }
}

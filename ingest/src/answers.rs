//! Answers on their way back: refusals, duplicates' acks. A lost one is a resend, so they are
//! published once, unnumbered, and never hold the sequencer up.

use parlor_engines::Live;
use parlor_schemas::{
    Answer, GatewayId, LinkId,
    link::{Item, LinkMessage},
};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Answers that wait for the live bus; more are dropped and counted.
const QUEUE: usize = 16_384;
/// Answers in one publish.
const BATCH: usize = 1_024;

/// Where the sequencer leaves answers.
#[derive(Clone)]
pub struct Answers {
    queue: mpsc::Sender<Answer>,
}

/// Answers to be published.
pub struct Outbox {
    queue: mpsc::Receiver<Answer>,
}

/// The two ends.
pub fn channel() -> (Answers, Outbox) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Answers { queue: sender }, Outbox { queue: receiver })
}

impl Answers {
    /// Leaves the answers of a committed batch.
    pub fn give(&self, answers: impl IntoIterator<Item = Answer>) {
        for answer in answers {
            if self.queue.try_send(answer).is_err() {
                metrics::counter!("parlor_ingest_answers_dropped_total").increment(1);
            }
        }
    }
}

/// Publishes until every sender is gone.
pub async fn run(live: Arc<dyn Live>, mut outbox: Outbox) {
    let link_id = LinkId(Uuid::now_v7());
    let mut batch = Vec::with_capacity(BATCH);
    while outbox.queue.recv_many(&mut batch, BATCH).await > 0 {
        let mut by_gateway: HashMap<GatewayId, Vec<Item>> = HashMap::new();
        for answer in batch.drain(..) {
            let item = Item::Answer { request: answer.origin.request, outcome: answer.outcome };
            by_gateway.entry(answer.origin.gateway_id).or_default().push(item);
        }
        let messages = by_gateway
            .into_iter()
            .map(|(gateway, items)| (gateway, LinkMessage { link_id, number: 0, items }.encode()))
            .collect();
        if live.publish(messages).await.is_err() {
            metrics::counter!("parlor_ingest_answers_failed_total").increment(1);
        }
    }
}

//! `conversation` frames (PROTOCOL §3): a gateway that is told to show a conversation anew makes the
//! view of each receiver's user and queues it at its sockets. They are hints (records and the next
//! list tell the same), so that what does not fit into the queue, or can't be read now, is dropped
//! and counted.
//!
//! Each conversation has its lane, in which one is made after the other: the frame that comes last
//! tells the newest state.

use crate::{auth::Identity, edge::Edge, problem::Problem, reads::ReadError, rest::view};
use futures_util::StreamExt as _;
use parlor_engines::live::Route;
use parlor_schemas::{
    ConversationId, GatewayId, LinkId, UserId,
    frames::ServerFrame,
    link::{Item, LinkMessage},
    view::{ConversationChange, ConversationShown},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use uuid::Uuid;

/// Hints taken at once.
const BATCH: usize = 64;
/// Views made at the same time for one hint.
const USERS_AT_ONCE: usize = 8;

/// A conversation that is to be shown anew to some sockets.
#[derive(Debug)]
pub(crate) struct Hint {
    /// Which one.
    pub conversation_id: ConversationId,
    /// Why.
    pub change: ConversationChange,
    /// The record that changed it; 0: none did.
    pub seq: u64,
    /// The sockets.
    pub connections: Vec<u64>,
}

/// Where hints are left.
#[derive(Debug)]
pub(crate) struct Hints {
    lanes: Vec<mpsc::Sender<Hint>>,
}

/// The other ends.
pub(crate) type Lanes = Vec<mpsc::Receiver<Hint>>;

impl Hints {
    /// So many lanes, each with room for so many hints.
    pub fn new(lanes: usize, queue: usize) -> (Self, Lanes) {
        let (lanes, ends) = (0..lanes.max(1)).map(|_| mpsc::channel(queue)).unzip();
        (Self { lanes }, ends)
    }

    /// Leaves one.
    pub fn give(&self, hint: Hint) {
        let lane = (hint.conversation_id.0.as_u128() % self.lanes.len() as u128) as usize;
        if self.lanes[lane].try_send(hint).is_err() {
            metrics::counter!("gateway_hints_dropped_total").increment(1);
        }
    }
}

/// Makes the hints of one lane, in order.
pub(crate) async fn run(edge: Arc<Edge>, mut lane: mpsc::Receiver<Hint>) {
    let mut batch = Vec::with_capacity(BATCH);
    while lane.recv_many(&mut batch, BATCH).await > 0 {
        for hint in newest(&mut batch) {
            if is_folded(&edge, &hint).await {
                show(&edge, &hint).await;
            } else {
                metrics::counter!("gateway_hints_dropped_total").increment(1);
            }
        }
    }
}

/// Of hints that would show the same to the same sockets the last one stands for all.
fn newest(batch: &mut Vec<Hint>) -> Vec<Hint> {
    let mut newest: Vec<Hint> = Vec::with_capacity(batch.len());
    for hint in batch.drain(..) {
        newest.retain(|known| {
            (known.conversation_id, known.change) != (hint.conversation_id, hint.change)
                || known.connections != hint.connections
        });
        newest.push(hint);
    }
    newest
}

/// Shows the conversation to each socket as its user sees it.
async fn show(edge: &Edge, hint: &Hint) {
    let mut by_user: HashMap<UserId, Vec<u64>> = HashMap::new();
    for number in &hint.connections {
        if let Some(connection) = edge.hub.get(*number)
            && let Some(identity) = connection.identity.get()
        {
            by_user.entry(identity.user_id).or_default().push(*number);
        }
    }
    futures_util::stream::iter(by_user)
        .for_each_concurrent(USERS_AT_ONCE, |(user, connections)| async move {
            match text(edge, user, hint).await {
                Ok(text) => edge.hub.deliver(&[(connections, text)]),
                Err(_) => metrics::counter!("gateway_hints_dropped_total").increment(1),
            }
        })
        .await;
}

/// Waits until what is shared is in the store as the record left it; a join needs only the tail.
async fn is_folded(edge: &Edge, hint: &Hint) -> bool {
    let is_there = || async {
        let head = edge.engines.store.heads(&[hint.conversation_id]).await?.pop().flatten();
        head.filter(|head| head.seq >= hint.seq).map(drop).ok_or(ReadError::NotYet)
    };
    hint.change != ConversationChange::Changed || edge.reads.patiently(is_there).await.is_ok()
}

async fn text(edge: &Edge, user: UserId, hint: &Hint) -> Result<Utf8Bytes, Problem> {
    let (conversation_id, change) = (hint.conversation_id, hint.change);
    let frame = |conversation| ServerFrame::Conversation { conversation, change }.text().into();
    if change == ConversationChange::Left {
        return Ok(frame(ConversationShown::Gone { conversation_id }));
    }
    let view = view::one(edge, user, conversation_id).await?;
    Ok(frame(ConversationShown::View(&view)))
}

/// Tells a user's other devices, on whatever gateway, of the own settings of a conversation.
pub(crate) async fn tell_settings(edge: &Edge, who: &Identity, conversation_id: ConversationId) {
    let routes = match edge.engines.live.routes(&[who.user_id]).await {
        Ok(routes) => routes.into_iter().flatten(),
        Err(error) => {
            tracing::warn!(%error, "other devices are not told of settings");
            return;
        }
    };
    let mut by_gateway: BTreeMap<GatewayId, Vec<u64>> = BTreeMap::new();
    for Route { gateway_id, connection, .. } in routes.filter(|route| route.device_id != who.device_id) {
        by_gateway.entry(gateway_id).or_default().push(connection);
    }
    let change = ConversationChange::Settings;
    let messages = by_gateway.into_iter().map(|(gateway, connections)| {
        let items = vec![Item::Show { connections, conversation_id, change, seq: 0 }];
        // Number 0: a lost one needs no notice.
        (gateway, LinkMessage { link_id: LinkId(Uuid::nil()), number: 0, items }.encode())
    });
    if let Err(error) = edge.engines.live.publish(messages.collect()).await {
        tracing::warn!(%error, "other devices are not told of settings");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_the_same_stands_for_all() {
        let hint = |id: u128, change, seq, connections: &[u64]| Hint {
            conversation_id: ConversationId(Uuid::from_u128(id)),
            change,
            seq,
            connections: connections.to_vec(),
        };
        let changed = ConversationChange::Changed;
        let mut batch = vec![
            hint(1, changed, 1, &[5]),
            hint(2, changed, 1, &[5]),
            hint(1, ConversationChange::Left, 2, &[5]),
            hint(1, changed, 3, &[5]),
            hint(1, changed, 4, &[6]),
        ];
        let left: Vec<_> =
            newest(&mut batch).iter().map(|h| (h.conversation_id.0.as_u128(), h.seq)).collect();
        assert_eq!(left, [(2, 1), (1, 2), (1, 3), (1, 4)]);
    }
}

//! `read` and `delivered`: gathered for a moment per user and conversation, cut to the head, and
//! appended as one batch. Held while tails are rebuilt, one per user and conversation (DESIGN §4).

use crate::{auth::Identity, edge::Edge, problem::Problem, reads::ReadError, settings::millis};
use bytes::Bytes;
use parking_lot::Mutex;
use parlor_engines::{
    live::{LiveError, LiveHead},
    log::Entry,
};
use parlor_schemas::{Code, ConversationId, DeviceId, Membership, Receipt, Topic, UserId, avro, topics};
use std::{collections::HashMap, sync::Arc};
use tokio::{
    sync::oneshot,
    time::{MissedTickBehavior, interval},
};

/// Hears when a mark is durable.
pub(crate) type Teller = oneshot::Sender<Result<(), Problem>>;

type Key = (ConversationId, UserId);

/// What one user reported about one conversation since the last tick.
#[derive(Debug)]
struct Waiting {
    device_id: DeviceId,
    delivered: u64,
    read: u64,
    tellers: Vec<Teller>,
}

/// All gathered marks.
#[derive(Debug)]
pub(crate) struct Marks {
    waiting: Mutex<HashMap<Key, Waiting>>,
    max: usize,
}

impl Marks {
    /// None yet, and never more than `max`.
    pub fn new(max: usize) -> Self {
        Self { waiting: Mutex::default(), max }
    }

    /// Adds a mark; the largest wins. Whether the user may mark is found out at the tick.
    pub fn add(
        &self,
        who: &Identity,
        conversation: ConversationId,
        seq: u64,
        is_read: bool,
        teller: Option<Teller>,
    ) -> Result<(), Problem> {
        let (delivered, read) = if is_read { (seq, seq) } else { (seq, 0) };
        let mark =
            Waiting { device_id: who.device_id, delivered, read, tellers: teller.into_iter().collect() };
        if self.merge((conversation, who.user_id), mark) {
            return Ok(());
        }
        Err(Problem::unavailable("too many marks are waiting"))
    }

    fn merge(&self, key: Key, mark: Waiting) -> bool {
        let mut waiting = self.waiting.lock();
        if let Some(known) = waiting.get_mut(&key) {
            known.device_id = mark.device_id;
            known.delivered = known.delivered.max(mark.delivered);
            known.read = known.read.max(mark.read);
            known.tellers.extend(mark.tellers);
            return true;
        }
        if waiting.len() >= self.max {
            return false;
        }
        waiting.insert(key, mark);
        true
    }

    fn take(&self) -> Vec<(Key, Waiting)> {
        std::mem::take(&mut *self.waiting.lock()).into_iter().collect()
    }
}

/// Runs until the task is ended.
pub(crate) async fn run(edge: Arc<Edge>) {
    let mut tick = interval(millis(edge.settings.marks_every_ms));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        flush(&edge).await;
    }
}

/// Appends what has gathered; what can't be decided now waits for the next tick.
pub(crate) async fn flush(edge: &Edge) {
    let taken = edge.marks.take();
    if taken.is_empty() {
        return;
    }
    let (receipts, settled) = cut(edge, taken).await;
    if receipts.is_empty() {
        tell(settled, &Ok(()));
        return;
    }
    let partitions = edge.engines.log.partitions(Topic::Receipts);
    let entries = receipts
        .iter()
        .map(|receipt| Entry {
            topic: Topic::Receipts,
            partition: topics::of_conversation(receipt.conversation_id, partitions),
            key: Bytes::from(receipt.conversation_id.to_string()),
            value: Some(avro::encode_receipt(receipt)),
            headers: Vec::new(),
        })
        .collect();
    let appended = match edge.engines.log.append(entries).await {
        Ok(durable) => durable.await,
        Err(error) => Err(error),
    };
    match appended {
        Ok(()) => tell(settled, &Ok(())),
        Err(error) => {
            // Marks are cumulative: the same ones again do no harm.
            tracing::warn!(%error, "marks could not be appended");
            for (key, mark) in settled {
                edge.marks.merge(key, mark);
            }
        }
    }
}

fn tell(settled: Vec<(Key, Waiting)>, result: &Result<(), Problem>) {
    for teller in settled.into_iter().flat_map(|(_, mark)| mark.tellers) {
        drop(teller.send(result.clone()));
    }
}

/// Cuts marks to the heads. Returns what is to be appended, and whose tellers hear of it.
async fn cut(edge: &Edge, taken: Vec<(Key, Waiting)>) -> (Vec<Receipt>, Vec<(Key, Waiting)>) {
    let keys: Vec<Key> = taken.iter().map(|(key, _)| *key).collect();
    let standings = match edge.reads.standings(&keys).await {
        Ok(standings) => standings,
        Err(error) => {
            hold(edge, taken, &error);
            return Default::default();
        }
    };
    let (mut receipts, mut settled) = (Vec::new(), Vec::new());
    for ((key, mark), standing) in taken.into_iter().zip(standings) {
        let standing = match standing {
            Some(standing) if standing.left_seq.is_none() => standing,
            other => {
                let code = if other.is_some() { Code::NotAMember } else { Code::NotFound };
                tell(vec![(key, mark)], &Err(Problem::new(code, "only members mark")));
                continue;
            }
        };
        match receipt(edge, key, &mark, &standing).await {
            Ok(receipt) => {
                receipts.extend(receipt);
                settled.push((key, mark));
            }
            Err(error) => hold(edge, vec![(key, mark)], &error),
        }
    }
    (receipts, settled)
}

fn hold(edge: &Edge, marks: Vec<(Key, Waiting)>, error: &ReadError) {
    if !matches!(error, ReadError::Live(LiveError::Rebuilding)) {
        tracing::warn!(?error, "marks are held");
    }
    for (key, mark) in marks {
        edge.marks.merge(key, mark);
    }
}

/// The receipt of a mark; `None` if it says nothing above the floor.
async fn receipt(
    edge: &Edge,
    (conversation_id, user_id): Key,
    mark: &Waiting,
    standing: &Membership,
) -> Result<Option<Receipt>, ReadError> {
    let head = head(edge, conversation_id, mark.delivered.max(mark.read)).await?;
    let delivered_seq = mark.delivered.min(head.seq);
    let mut read_seq = mark.read.min(head.seq);
    if read_seq <= standing.floor {
        read_seq = 0;
    }
    if delivered_seq <= standing.floor {
        return Ok(None);
    }
    let read_ord = if read_seq == head.seq {
        head.ord
    } else if read_seq == 0 {
        0
    } else {
        edge.reads.place(conversation_id, read_seq).await?.ok_or(ReadError::NotYet)?.ord
    };
    Ok(Some(Receipt {
        conversation_id,
        user_id,
        device_id: mark.device_id,
        delivered_seq,
        read_seq,
        read_ord,
        at: edge.engines.clock.now(),
    }))
}

/// The larger of the live and the stored head; the store is asked only where the live one is not
/// there or below the mark.
async fn head(edge: &Edge, conversation: ConversationId, marked: u64) -> Result<LiveHead, ReadError> {
    let live = edge.engines.live.live_heads(&[conversation]).await?.pop().flatten();
    if let Some(live) = live.filter(|live| live.seq >= marked) {
        return Ok(live);
    }
    let stored = edge.engines.store.heads(&[conversation]).await?.pop().flatten();
    let stored = stored.map(|head| LiveHead { seq: head.seq, ord: head.ord, at: head.at, version: 0 });
    [live, stored].into_iter().flatten().max_by_key(|head| head.seq).ok_or(ReadError::NotYet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_schemas::{SessionId, Timestamp};
    use uuid::Uuid;

    #[test]
    fn the_largest_wins_and_the_number_is_bounded() {
        let who = Identity {
            user_id: UserId(Uuid::from_u128(1)),
            username: "ada".into(),
            device_id: DeviceId(Uuid::from_u128(2)),
            session_id: SessionId(Uuid::from_u128(3)),
            generation: 1,
            expires_at: Timestamp(0),
        };
        let (a, b) = (ConversationId(Uuid::from_u128(4)), ConversationId(Uuid::from_u128(5)));
        let marks = Marks::new(1);
        marks.add(&who, a, 7, true, None).unwrap();
        marks.add(&who, a, 5, false, None).unwrap();
        assert_eq!(marks.add(&who, b, 5, false, None).unwrap_err().code, Code::Unavailable);
        let taken = marks.take();
        assert_eq!((taken.len(), taken[0].1.delivered, taken[0].1.read), (1, 7, 7));
        assert!(marks.take().is_empty());
    }
}

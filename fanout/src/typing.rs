//! Who types → the members who are online. Fanout has the members rows, so that membership and blocks
//! are those of the conversation's order. A hint all the way: nothing of it is kept or waited for.

use crate::links::{Items, Links};
use bytes::Bytes;
use parking_lot::Mutex;
use parlor_engines::{Engines, live::Route, table::Table};
use parlor_schemas::{
    ConversationId, GatewayId, Limits, Topic, UserId,
    frames::ServerFrame,
    link::Item,
    presence::{Typing, decode_typing},
    rows::MembersRow,
    topics::{self, Partition},
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Messages handled at once.
const BATCH: usize = 64;
/// Before the live bus is listened to again.
const AGAIN: Duration = Duration::from_secs(1);

/// The partitions that this process fans out, with their members rows.
#[derive(Clone, Default)]
pub(crate) struct Held(Arc<Mutex<HashMap<Partition, Arc<Table>>>>);

/// A partition is this process's for as long as this lives.
pub(crate) struct Hold {
    held: Held,
    partition: Partition,
}

impl Held {
    /// Takes a partition.
    pub(crate) fn hold(&self, partition: Partition, table: Arc<Table>) -> Hold {
        self.0.lock().insert(partition, table);
        Hold { held: self.clone(), partition }
    }

    fn row(&self, conversation: ConversationId, partitions: u32) -> Option<Arc<MembersRow>> {
        let partition = topics::of_conversation(conversation, partitions);
        self.0.lock().get(&partition)?.get(conversation)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.0.lock().remove(&self.partition);
    }
}

/// Tells who types until the process ends.
pub(crate) async fn run(engines: Engines, limits: Limits, held: Held, links: Links) {
    let patience = Duration::from_millis(limits.typing_ms);
    let crowds = Crowds::new(patience, limits.typing_told_max);
    let mut teller = Teller { engines, held, links, crowds };
    loop {
        match teller.engines.live.hear_typing().await {
            Ok(mut heard) => {
                let mut batch = Vec::with_capacity(BATCH);
                while heard.recv_many(&mut batch, BATCH).await > 0 {
                    teller.tell(batch.drain(..)).await;
                }
            }
            // The live engine's state is shown by those who need it.
            Err(error) => tracing::debug!(%error, "typing is not heard"),
        }
        sleep(AGAIN).await;
    }
}

struct Teller {
    engines: Engines,
    held: Held,
    links: Links,
    crowds: Crowds,
}

impl Teller {
    async fn tell(&mut self, heard: impl Iterator<Item = Bytes>) {
        let partitions = self.engines.log.partitions(Topic::Messages);
        self.crowds.sweep(Instant::now());
        let mut told: Vec<(Typing, Vec<UserId>)> = Vec::new();
        for typing in heard.filter_map(|bytes| decode_typing(&bytes).ok()).flatten() {
            let Some(row) = self.held.row(typing.conversation_id, partitions) else { continue };
            let hearers = hearers(&row, typing.user_id);
            if !hearers.is_empty() && self.crowds.admits(&typing, Instant::now()) {
                told.push((typing, hearers));
            }
        }
        let users: HashSet<UserId> = told.iter().flat_map(|(_, hearers)| hearers).copied().collect();
        let users: Vec<UserId> = users.into_iter().collect();
        if users.is_empty() {
            return;
        }
        match self.engines.live.routes(&users).await {
            Ok(routes) => {
                let routes = users.into_iter().zip(routes).collect();
                self.links.offer(told.iter().flat_map(|(typing, to)| items(typing, to, &routes)).collect());
            }
            Err(error) => tracing::debug!(%error, "typing is not told"),
        }
    }
}

/// The other members; nobody if the user is not one, or where one side blocks the other.
fn hearers(row: &MembersRow, user: UserId) -> Vec<UserId> {
    if row.present(user).is_none() || !row.blocked_by.is_empty() {
        return Vec::new();
    }
    row.all_present().map(|member| member.user_id).filter(|other| *other != user).collect()
}

fn items(typing: &Typing, to: &[UserId], routes: &HashMap<UserId, Vec<Route>>) -> Items {
    let Typing { conversation_id, user_id, on } = *typing;
    let mut by_gateway: BTreeMap<GatewayId, Vec<u64>> = BTreeMap::new();
    for route in to.iter().filter_map(|user| routes.get(user)).flatten() {
        by_gateway.entry(route.gateway_id).or_default().push(route.connection);
    }
    let text: Bytes = ServerFrame::Typing { conversation_id, user_id, on }.text().into();
    by_gateway
        .into_iter()
        .map(|(gateway, connections)| (gateway, Item::Frame { connections, text: text.clone() }))
        .collect()
}

/// Who is shown as typing now: of a large group only so many at a time.
struct Crowds {
    told: HashMap<ConversationId, HashMap<UserId, Instant>>,
    /// Receivers end it after so long.
    patience: Duration,
    max: usize,
    swept_at: Instant,
}

impl Crowds {
    fn new(patience: Duration, max: usize) -> Self {
        Self { told: HashMap::new(), patience, max, swept_at: Instant::now() }
    }

    /// Forgets the conversations in which nobody types any more, now and then.
    fn sweep(&mut self, now: Instant) {
        if self.swept_at + self.patience <= now {
            self.told.retain(|_, crowd| crowd.values().any(|at| *at + self.patience > now));
            self.swept_at = now;
        }
    }

    /// Whether this is to be told.
    fn admits(&mut self, typing: &Typing, now: Instant) -> bool {
        let patience = self.patience;
        let crowd = self.told.entry(typing.conversation_id).or_default();
        crowd.retain(|_, at| *at + patience > now);
        if !typing.on {
            return crowd.remove(&typing.user_id).is_some();
        }
        let may = crowd.len() < self.max || crowd.contains_key(&typing.user_id);
        if may {
            crowd.insert(typing.user_id, now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_schemas::{
        Timestamp,
        record::{ConversationKind, HistoryRule, Role},
        rows::Member,
    };
    use uuid::Uuid;

    fn id<T: From<Uuid>>(number: u128) -> T {
        T::from(Uuid::from_u128(number))
    }

    fn member(user: u128, left_seq: Option<u64>) -> Member {
        Member {
            user_id: id(user),
            role: Role::Member,
            floor: 0,
            joined_seq: 1,
            joined_at: Timestamp(0),
            left_seq,
            left_at: None,
        }
    }

    #[test]
    fn members_hear_of_members() {
        let mut row = MembersRow {
            conversation_id: id(1),
            conversation_kind: ConversationKind::Group,
            title: None,
            avatar_media_id: None,
            history: HistoryRule::Joined,
            members_seq: 1,
            members: vec![member(10, None), member(11, None), member(12, Some(5))],
            blocked_by: vec![],
            sides: vec![],
        };
        assert_eq!(hearers(&row, id(10)), [id(11)]);
        assert_eq!(hearers(&row, id(12)), [], "left");
        assert_eq!(hearers(&row, id(13)), [], "a stranger");
        for by in [10, 11] {
            row.blocked_by = vec![id(by)];
            assert_eq!((hearers(&row, id(10)), hearers(&row, id(11))), (vec![], vec![]), "both ways");
        }
    }

    #[test]
    fn a_crowd_is_bounded_and_ends_by_itself() {
        let (life, began) = (Duration::from_secs(6), Instant::now());
        let mut crowds = Crowds::new(life, 2);
        let mut admits =
            |user, on, at| crowds.admits(&Typing { conversation_id: id(1), user_id: id(user), on }, at);
        assert!(admits(10, true, began) && admits(11, true, began) && admits(10, true, began));
        assert!(!admits(12, true, began), "a third one");
        assert!(!admits(12, false, began), "was never shown");
        assert!(admits(11, false, began) && !admits(11, false, began));
        assert!(admits(12, true, began));
        let later = began + life;
        assert!(admits(13, true, later) && admits(14, true, later), "the others have ended");
        crowds.sweep(later + life);
        assert!(crowds.told.is_empty());
    }
}

//! The number on an app's icon: unread messages of all conversations that are not muted, by the same
//! arithmetic as everywhere (`ord` of the head less `ord` of the own view); one that is marked as
//! unread counts as one at least.

use parlor_engines::{
    Engines,
    consume::{Feed, Stop, Transient},
    live::LiveError,
    store::StoreError,
};
use parlor_schemas::{ConversationId, Membership, UserId};
use std::collections::BTreeMap;

/// Conversations read at once.
const PAGE: usize = 100;

/// What counting ran into; waiting may mend all of it.
#[derive(Debug, thiserror::Error)]
enum CountError {
    #[error(transparent)]
    Live(#[from] LiveError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Transient for CountError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Live(error) => error.is_transient(),
            Self::Store(error) => error.is_transient(),
        }
    }
}

/// The badge of a user, counted over at most `max` conversations (newest id first).
pub(crate) async fn badge(engines: &Engines, feed: &Feed, user: UserId, max: usize) -> Result<u64, Stop> {
    feed.retry.run("count the unread", || count(engines, user, max)).await
}

async fn count(engines: &Engines, user: UserId, max: usize) -> Result<u64, CountError> {
    let mut standings = standings(engines, user, max).await?;
    standings.retain(|standing| standing.left_seq.is_none());
    let mut badge = 0;
    for page in standings.chunks(PAGE) {
        badge += unread(engines, user, page).await?;
    }
    Ok(badge)
}

/// The stored standings and the live ones that the persister has not written yet.
async fn standings(engines: &Engines, user: UserId, max: usize) -> Result<Vec<Membership>, CountError> {
    let mut by_id: BTreeMap<ConversationId, Membership> = BTreeMap::new();
    let mut before = None;
    while by_id.len() < max {
        let page = engines.store.of_user(user, before, PAGE).await?;
        before = page.last().map(|standing| standing.conversation_id);
        let is_last = page.len() < PAGE;
        by_id.extend(page.into_iter().map(|standing| (standing.conversation_id, standing)));
        if is_last {
            break;
        }
    }
    let (_, recent) = engines.live.recent(user).await?;
    for live in recent.into_iter().map(|live| live.membership) {
        let known = by_id.entry(live.conversation_id).or_insert(live);
        if live.seq > known.seq {
            *known = live;
        }
    }
    Ok(by_id.into_values().rev().take(max).collect())
}

async fn unread(engines: &Engines, user: UserId, page: &[Membership]) -> Result<u64, CountError> {
    let ids: Vec<_> = page.iter().map(|standing| standing.conversation_id).collect();
    let keys: Vec<_> = ids.iter().map(|id| (*id, user)).collect();
    let of: Vec<_> = ids.iter().map(|id| (user, *id)).collect();
    let (store, live) = (&engines.store, &engines.live);
    let (live_heads, live_marks) = tokio::try_join!(live.live_heads(&ids), live.live_marks(&keys))?;
    let (heads, marks, settings) =
        tokio::try_join!(store.heads(&ids), store.stored_marks(&keys), store.settings(&of))?;
    let now = engines.clock.now();
    let mut badge = 0;
    for (at, standing) in page.iter().enumerate() {
        if settings[at].muted_until.is_some_and(|until| until > now) {
            continue;
        }
        let live = live_heads[at].map_or(0, |head| head.ord);
        let head = live.max(heads[at].map_or(0, |head| head.ord));
        let (read_seq, mut read_ord) = live_marks[at].marks.max(marks[at]).own_read();
        if read_seq < standing.floor {
            read_ord = read_ord.max(ord_at(engines, standing.conversation_id, standing.floor).await?);
        }
        badge += head.saturating_sub(read_ord).max(settings[at].marked_unread.into());
    }
    Ok(badge)
}

/// The `ord` of a record, from the tail or the store; one that neither has yet is at the head.
async fn ord_at(engines: &Engines, id: ConversationId, seq: u64) -> Result<u64, CountError> {
    let tail = engines.live.tail(id, seq - 1, seq + 1, 1, false).await?;
    let found = match tail.records.into_iter().next() {
        Some(record) => Some(record),
        None => engines.store.pick(&[(id, seq)]).await?.pop().flatten(),
    };
    Ok(found.map_or(u64::MAX, |record| record.ord))
}

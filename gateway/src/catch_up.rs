//! After a hole: the heads of this gateway's users are read again and sent, so that every client
//! finds out for itself whether it is behind.

use crate::{
    edge::{Edge, Wanted},
    problem::Problem,
    reads::heads::Pages,
};
use futures_util::StreamExt as _;
use parlor_schemas::{
    ConversationId, Topic, UserId,
    frames::{Close, ServerFrame},
};
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::timeout;

/// After a failed round.
const PAUSE: Duration = Duration::from_secs(1);
/// A socket that has no room for so long is too slow: it comes back, and reads heads then.
const ROOM_MAX: Duration = Duration::from_secs(5);

/// Runs until the task is ended.
pub(crate) async fn run(edge: Arc<Edge>) {
    loop {
        edge.behind.bell.notified().await;
        let wanted = edge.behind.take();
        if let Err(problem) = round(&edge, &wanted).await {
            tracing::warn!(detail = %problem.detail, "heads could not be read again; trying later");
            tokio::time::sleep(PAUSE).await;
            edge.behind.add(|next| {
                next.everything |= wanted.everything;
                next.moved |= wanted.moved;
                next.users.extend(wanted.users);
            });
        }
    }
}

async fn round(edge: &Arc<Edge>, wanted: &Wanted) -> Result<(), Problem> {
    if wanted.everything {
        return each(edge, edge.hub.users(), None).await;
    }
    if wanted.moved {
        let moved = moved(edge).await?;
        if !moved.is_empty() {
            each(edge, edge.hub.users(), Some(&moved)).await?;
        }
    }
    let users: HashSet<UserId> = wanted.users.iter().copied().collect();
    each(edge, users.into_iter().collect(), None).await
}

/// The conversations whose heads moved of late, in any partition.
async fn moved(edge: &Edge) -> Result<HashSet<ConversationId>, Problem> {
    let mut all = HashSet::new();
    for partition in 0..edge.engines.log.partitions(Topic::Messages) {
        let moved = edge
            .reads
            .patiently(|| async { Ok(edge.engines.live.moved(partition, edge.settings.moved_ms).await?) })
            .await?;
        all.extend(moved);
    }
    Ok(all)
}

/// A bounded number of users at the same time.
async fn each(
    edge: &Arc<Edge>,
    users: Vec<UserId>,
    only: Option<&HashSet<ConversationId>>,
) -> Result<(), Problem> {
    let failed = AtomicBool::new(false);
    futures_util::stream::iter(users)
        .for_each_concurrent(edge.settings.catch_up_users, |user| {
            let failed = &failed;
            async move {
                if tell(edge, user, only).await.is_err() {
                    failed.store(true, Relaxed);
                }
            }
        })
        .await;
    if failed.load(Relaxed) { Err(Problem::unavailable("some users' heads")) } else { Ok(()) }
}

async fn tell(edge: &Edge, user: UserId, only: Option<&HashSet<ConversationId>>) -> Result<(), Problem> {
    let mut pages = Pages::begin(&edge.reads, user, None).await?.only(only);
    loop {
        let page = pages.next().await?;
        if !page.items.is_empty() {
            let items = page.wire(pages.epoch());
            let text: tokio_tungstenite::tungstenite::Utf8Bytes =
                ServerFrame::Heads { id: None, items: &items, more: false, as_of: None }.text().into();
            for connection in edge.hub.of_user(user) {
                // One that does not read must not keep the others from what they may have missed.
                if timeout(ROOM_MAX, connection.outbox.push_with_room(text.clone())).await.is_err() {
                    connection.outbox.close(Close::TooSlow);
                }
            }
        }
        if !page.more {
            return Ok(());
        }
    }
}

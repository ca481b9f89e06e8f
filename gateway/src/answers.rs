//! Outcomes of commands on their way to who asked. Most go straight on; a duplicate's ack waits
//! until what it names can be read, and a stranger is told from a former member.

use crate::edge::Edge;
use parlor_schemas::{Ack, Code, ConversationId, Outcome, UserId};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

/// An ack of something done before.
#[derive(Debug)]
pub(crate) struct Duplicate {
    request: u64,
    ack: Ack,
}

/// How often the heads are looked at, and for how long.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOK_FOR: Duration = Duration::from_secs(30);
/// Acks that may wait.
pub(crate) const DUPLICATES_MAX: usize = 4096;

/// An outcome came.
pub(crate) fn take(edge: &Arc<Edge>, request: u64, outcome: Outcome) {
    match outcome {
        Outcome::Sequenced(ack) if ack.duplicate => {
            // Dropped when too many wait: the client asks again.
            drop(edge.duplicates.try_send(Duplicate { request, ack }));
        }
        Outcome::Refused(refusal) if refusal.code == Code::NotFound => {
            let Some((conversation_id, Some(connection))) = edge.waiters.about(request) else {
                edge.waiters.answer(request, Outcome::Refused(refusal));
                return;
            };
            let edge_ = edge.clone();
            edge.tasks.spawn(async move {
                let mut refusal = refusal;
                if let Some(connection) = edge_.hub.get(connection)
                    && let Some(identity) = connection.identity.get()
                {
                    refusal.code = code_of(&edge_, identity.user_id, conversation_id).await;
                }
                edge_.waiters.answer(request, Outcome::Refused(refusal));
            });
        }
        outcome => edge.waiters.answer(request, outcome),
    }
}

/// What a `not_found` of ingest is to be called: former members are told that they are none. Where
/// that can't be known now, the answer of ingest stands.
pub(crate) async fn code_of(edge: &Edge, user: UserId, conversation: ConversationId) -> Code {
    match edge.reads.standing(user, conversation).await {
        Ok(Some(standing)) if standing.left_seq.is_some() => Code::NotAMember,
        _ => Code::NotFound,
    }
}

/// Passes acks of duplicates on once the live or the stored head has reached them.
pub(crate) async fn run(edge: Arc<Edge>, mut duplicates: mpsc::Receiver<Duplicate>) {
    let mut waiting: Vec<(Duplicate, Instant)> = Vec::new();
    loop {
        if waiting.is_empty() {
            match duplicates.recv().await {
                Some(duplicate) => waiting.push((duplicate, Instant::now())),
                None => return,
            }
        }
        while waiting.len() < DUPLICATES_MAX
            && let Ok(duplicate) = duplicates.try_recv()
        {
            waiting.push((duplicate, Instant::now()));
        }
        pass(&edge, &mut waiting).await;
        if !waiting.is_empty() {
            sleep(LOOK_EVERY).await;
        }
    }
}

async fn pass(edge: &Edge, waiting: &mut Vec<(Duplicate, Instant)>) {
    let conversations: Vec<_> = waiting.iter().map(|(d, _)| d.ack.conversation_id).collect();
    let heads = match edge.reads.head_seqs(&conversations).await {
        Ok(heads) => heads,
        Err(problem) => {
            tracing::debug!(detail = %problem.detail, "heads for duplicates");
            waiting.retain(|(_, since)| since.elapsed() < LOOK_FOR);
            return;
        }
    };
    let mut heads = heads.into_iter();
    waiting.retain(|(duplicate, since)| {
        let is_readable = heads.next().is_some_and(|head| head >= duplicate.ack.seq);
        if is_readable {
            edge.waiters.answer(duplicate.request, Outcome::Sequenced(duplicate.ack.clone()));
        }
        !is_readable && since.elapsed() < LOOK_FOR
    });
}

//! # The search port
//!
//! ```text
//!  indexer ──write──▶ index (one per process, the partitions that it serves) ◀──find── search ◀── gateway
//! ```
//!
//! An index is a view like any other: made from `chat.messages.v1` alone, thrown away and made
//! again at will. It keeps words and places, no texts: what a hit says is read where messages are
//! read, with the asker's rights, so that nothing is shown that is deleted, expired or out of sight
//! meanwhile. What every adapter promises:
//!
//! - **Durable before done.** A write that returned `Ok` is on the disk with its offset, and found.
//! - **Again changes nothing.** The same changes in the same order give the same index.
//! - **Whole or an error.** A question about a conversation whose partition no index serves is
//!   [`SearchError::Unavailable`], never an empty answer.

mod remote;

pub(crate) use remote::Remote;

use crate::consume::Transient;
use async_trait::async_trait;
use parlor_schemas::{
    ConversationId, Timestamp,
    topics::{Offset, Partition},
    words::Wanted,
};
use serde::{Deserialize, Serialize};

/// What went wrong, by what the caller does about it.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum SearchError {
    /// Retry later: an index is not there, behind, or its disk refused.
    #[error("search is unavailable: {0}")]
    Unavailable(String),
}

impl Transient for SearchError {
    fn is_transient(&self) -> bool {
        true
    }
}

/// What a record does to the index.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Change {
    /// A message.
    Message {
        conversation_id: ConversationId,
        seq: u64,
        at: Timestamp,
        ends: Option<Timestamp>,
        text: String,
    },
    /// The text of the message at `seq` is that of the edit at `text_seq` now.
    Edit { conversation_id: ConversationId, seq: u64, text_seq: u64, text: String },
    /// The message at `seq` is gone for good.
    Delete { conversation_id: ConversationId, seq: u64 },
}

/// Where a hit stands in the order of answers: newest first, and no two alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Place {
    pub at: Timestamp,
    pub conversation_id: ConversationId,
    pub seq: u64,
}

/// A message that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hit {
    /// Which.
    pub place: Place,
    /// The record whose text it is: its own, or its last edit.
    pub text_seq: u64,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// What.
    pub wanted: Wanted,
    /// Where: conversations, and above which seq in each.
    pub within: Vec<(ConversationId, u64)>,
    /// Only what stands behind this place.
    pub below: Option<Place>,
    /// At most so many.
    pub limit: usize,
}

/// What one index knows of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// In the order of answers.
    pub hits: Vec<Hit>,
    /// The partitions that it serves; the question's other conversations were not looked at.
    pub served: Vec<Partition>,
}

/// The index of this process, for the one who writes it and answers for it.
#[async_trait]
pub trait Index: Send + Sync + 'static {
    /// Everything of a partition before this offset is in the index; `None`: it knows nothing of it.
    async fn covered(&self, partition: Partition) -> Result<Option<Offset>, SearchError>;

    /// Applies changes, in order, and notes that everything before `next` is in; done when durable, which
    /// is at once if the writer `has_more` to bring, else with the others of the moment.
    async fn write(
        &self,
        partition: Partition,
        changes: Vec<Change>,
        next: Offset,
        has_more: bool,
    ) -> Result<(), SearchError>;

    /// Forgets a partition.
    async fn clear(&self, partition: Partition) -> Result<(), SearchError>;

    /// Whether the partition is up to date here, and answered for.
    fn serve(&self, partition: Partition, is_served: bool);

    /// Answers for the partitions that are served here.
    async fn look(&self, question: Question) -> Result<Found, SearchError>;
}

/// All indexes together, for the one who asks.
#[async_trait]
pub trait Search: Send + Sync + 'static {
    /// The first hits of a question, newest first.
    async fn find(&self, question: Question) -> Result<Vec<Hit>, SearchError>;
}

/// The hits of all answers in their order, if together they serve every conversation asked about.
pub(crate) fn joined(
    question: &Question,
    partitions: u32,
    answers: Vec<Found>,
) -> Result<Vec<Hit>, SearchError> {
    let partition_of = |id| parlor_schemas::topics::of_conversation(id, partitions);
    let is_served = |partition| answers.iter().any(|found| found.served.contains(&partition));
    let missing = question.within.iter().map(|(id, _)| partition_of(*id)).find(|p| !is_served(*p));
    if let Some(partition) = missing {
        return Err(SearchError::Unavailable(format!("no index serves partition {partition} at present")));
    }
    let mut hits: Vec<Hit> = answers.into_iter().flat_map(|found| found.hits).collect();
    hits.sort_unstable_by(|a, b| b.cmp(a));
    // A partition that is just moving may be served twice.
    hits.dedup_by_key(|hit| hit.place);
    hits.truncate(question.limit);
    Ok(hits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn answers_are_joined_only_when_nothing_is_missing() {
        let id = |n| ConversationId(Uuid::from_u128(n));
        let hit =
            |at, n| Hit { place: Place { at: Timestamp(at), conversation_id: id(n), seq: 1 }, text_seq: 1 };
        let wanted = Wanted::parse("a", 1).expect("a word");
        let question = Question { wanted, within: vec![(id(1), 0), (id(2), 0)], below: None, limit: 2 };
        let partition = |n| parlor_schemas::topics::of_conversation(id(n), 64);
        let found = |n, hits| Found { hits, served: vec![partition(n)] };
        assert_ne!(partition(1), partition(2));
        let both = vec![found(1, vec![hit(5, 1), hit(3, 1)]), found(2, vec![hit(4, 2)])];
        assert_eq!(joined(&question, 64, both).unwrap(), [hit(5, 1), hit(4, 2)]);
        assert!(joined(&question, 64, vec![found(1, vec![hit(5, 1)])]).is_err());
    }
}

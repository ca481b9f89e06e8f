//! Edits, pins and reactions by what they act on.

use super::{
    CassandraStore,
    batches::{Place, Write},
    history::SEQ_MAX,
    records::bucket,
};
use crate::store::{ActRows, Acts, Edited, Pinned, Reacted, StoreError};
use async_trait::async_trait;
use parlor_schemas::{ConversationId, UserId};
use scylla::DeserializeRow;
use uuid::Uuid;

#[async_trait]
impl ActRows for CassandraStore {
    async fn acts(&self, conversation: ConversationId, first: u64, last: u64) -> Result<Acts, StoreError> {
        let last = last.min(SEQ_MAX);
        if first > last {
            return Ok(Acts::default());
        }
        let (from, to) = (first as i64, last as i64);
        let edits = self.requests.each(bucket(first)..=bucket(last), |bucket| {
            let values = (conversation.0, bucket, from, to);
            self.requests.rows::<(i64, i64)>("read edits", &self.statements.edits_within, values)
        });
        let reactions = self.requests.each(bucket(first)..=bucket(last), |bucket| {
            let values = (conversation.0, bucket, from, to);
            self.requests.rows::<ReactionRow>("read reactions", &self.statements.reactions, values)
        });
        let pins = self.requests.rows::<(i64, bool, i64)>(
            "read pins",
            &self.statements.pins,
            (conversation.0, from, to),
        );
        let (edits, reactions, pins) = tokio::try_join!(edits, reactions, pins)?;
        let edit = |(target, seq): (i64, i64)| Edited { target: target as u64, seq: seq as u64 };
        let pin = |(target, on, seq): (i64, bool, i64)| Pinned { target: target as u64, on, seq: seq as u64 };
        Ok(Acts {
            edits: edits.into_iter().flatten().map(edit).collect(),
            pins: pins.into_iter().map(pin).collect(),
            reactions: reactions.into_iter().flatten().map(Reacted::from).collect(),
        })
    }
}

impl CassandraStore {
    /// The later record's word stays, by its write time.
    pub(super) fn pin(&self, conversation: ConversationId, of: Pinned) -> Write<'_> {
        let seq = of.seq as i64;
        let values = (conversation.0, of.target as i64, of.on, seq, self.rank(seq));
        Write::new(Place::Pins(conversation.0), &self.statements.put_pin, values)
    }

    /// The same for a reaction.
    pub(super) fn reaction(&self, conversation: ConversationId, of: Reacted) -> Write<'_> {
        let (bucket, seq) = (bucket(of.target), of.seq as i64);
        let values =
            (conversation.0, bucket, of.target as i64, of.user_id.0, of.emoji, of.on, seq, self.rank(seq));
        Write::new(Place::Reactions(conversation.0, bucket), &self.statements.put_reaction, values)
    }
}

/// `reactions`
#[derive(DeserializeRow)]
struct ReactionRow {
    target: i64,
    user_id: Uuid,
    emoji: String,
    on_now: bool,
    seq: i64,
}

impl From<ReactionRow> for Reacted {
    fn from(row: ReactionRow) -> Self {
        Self {
            target: row.target as u64,
            user_id: UserId(row.user_id),
            emoji: row.emoji,
            on: row.on_now,
            seq: row.seq as u64,
        }
    }
}

//! Delivered and read marks.

use super::{
    CassandraStore,
    batches::{self, Place, Write},
    rows::{self, MarksRow},
};
use crate::store::{MarkStore, REACHED_LOOK, Reached, StoreError};
use async_trait::async_trait;
use parlor_schemas::{ConversationId, Receipt, Timestamp, UserId, receipt::Marks};
use scylla::value::CqlTimestamp;
use std::collections::HashMap;

/// The earliest time of a mark stays: its write time falls as the time rises.
const EARLIEST: i64 = 1 << 53;

#[async_trait]
impl MarkStore for CassandraStore {
    async fn raise(&self, receipts: Vec<Receipt>) -> Result<(), StoreError> {
        let mut marks: HashMap<(ConversationId, UserId), Marks> = HashMap::new();
        let mut writes = Vec::new();
        for receipt in &receipts {
            let key = (receipt.conversation_id, receipt.user_id);
            let raised = marks.entry(key).or_default();
            *raised = raised.max(Marks::of(receipt));
            writes.extend(self.log_entries(receipt));
        }
        for ((conversation, user), marks) in marks {
            writes.extend(self.raising(conversation, user, marks));
        }
        batches::write(&self.requests, "raise marks", writes).await
    }

    async fn stored_marks(&self, of: &[(ConversationId, UserId)]) -> Result<Vec<Marks>, StoreError> {
        let one = async |(conversation, user): &(ConversationId, UserId)| {
            let values = (conversation.0, user.0);
            let row = self.requests.row::<MarksRow>("read marks", &self.statements.marks, values).await?;
            Ok(row.map_or(Marks::default(), Marks::from))
        };
        self.requests.each(of, one).await
    }

    async fn reached(
        &self,
        conversation: ConversationId,
        seq: u64,
        of: &[UserId],
    ) -> Result<Vec<Reached>, StoreError> {
        let one = async |user: &UserId| {
            let delivered_at = self.first_at(conversation, *user, "delivered", seq).await?;
            let read_at = self.first_at(conversation, *user, "read", seq).await?;
            let delivered_at = delivered_at.into_iter().chain(read_at).min();
            Ok(Reached { delivered_at, read_at })
        };
        self.requests.each(of, one).await
    }
}

impl CassandraStore {
    /// The earliest time of the marks at or above a record.
    async fn first_at(
        &self,
        conversation: ConversationId,
        user: UserId,
        status: &str,
        seq: u64,
    ) -> Result<Option<Timestamp>, StoreError> {
        let values = (conversation.0, user.0, status, seq as i64, REACHED_LOOK as i32);
        let statement = &self.statements.reached;
        let rows = self.requests.rows::<(CqlTimestamp,)>("read reached", statement, values).await?;
        Ok(rows.into_iter().map(|(at,)| Timestamp(at.0)).min())
    }

    /// When each mark was made. Who read also got, and says so in one entry: the read one.
    fn log_entries(&self, receipt: &Receipt) -> impl Iterator<Item = Write<'_>> {
        let (conversation, user, at) = (receipt.conversation_id.0, receipt.user_id.0, receipt.at);
        let all = [("delivered", receipt.delivered_seq), ("read", receipt.read_seq)];
        all.into_iter().filter(|(_, upto)| *upto > 0).map(move |(status, upto)| {
            let values = (conversation, user, status, upto as i64, rows::time(at), EARLIEST - at.0);
            Write::new(Place::Receipts(conversation, user), &self.statements.put_receipt, values)
        })
    }
}
